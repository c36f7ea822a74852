"""Hold `evaluate --explain` against tidecv 1.0.1 on random files.

    python compare_tide.py --binary build/bin/evaluate [--cases 300] [--seed 0] [--keep DIR]

AP, the six dAP, false positives and negatives, of boxes and of masks, must be equal to 1e-9.  No two scores of a file are
alike, and no two pairs have the same IoU but by design (boxes on a grid in some files).  What differs is written to --keep.
Needs numpy, pycocotools, tidecv.
"""
import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from pycocotools import mask as M

import eval_cases

NAMES = ["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"]


def make_case(seed):
    """Annotations and results with boxes and masks, rich in each kind of error, that tidecv reads."""
    r = np.random.default_rng([seed, 77])
    classes = [int(c) for c in r.choice(np.arange(1, 20), r.integers(1, 6), replace=False)]
    images = [{"id": i + 1, "width": int(r.integers(20, 120)), "height": int(r.integers(20, 120)),
               "file_name": f"{i}.jpg"} for i in range(int(r.integers(1, 9)))]
    annotations, results = [], []

    def add(image, category, parts, score=None):
        w, h = image["width"], image["height"]
        rle = eval_cases.mask_of(parts, w, h)
        record = {"image_id": image["id"], "category_id": category, "bbox": [float(v) for v in M.toBbox(rle)]}
        if score is not None:
            results.append(dict(record, segmentation=eval_cases.text_rle(rle), score=score))
        else:
            annotations.append(dict(record, segmentation=parts, id=len(annotations) + 1, area=float(M.area(rle)),
                                    iscrowd=int(r.random() < 0.15)))

    for image in images:
        for _ in range(int(r.integers(0, 7))):
            parts = [eval_cases.blob(r, image["width"], image["height"])]
            category = classes[r.integers(0, len(classes))]
            add(image, category, parts)
            for _ in range(int(r.integers(0, 5))):  # found, found again, a little or much beside it, as another class
                shift = r.normal(0, [1, 4, 10][r.integers(0, 3)], 2)
                moved = [(np.array(p).reshape(-1, 2) + shift).reshape(-1).tolist() for p in parts]
                as_class = category if r.random() < 0.7 else classes[r.integers(0, len(classes))]
                add(image, as_class, moved, float(r.random()))
        for _ in range(int(r.integers(0, 4))):
            add(image, classes[r.integers(0, len(classes))],
                [eval_cases.blob(r, image["width"], image["height"])], float(r.random()))
    if r.random() < 0.1:  # more than the best 100
        for _ in range(130):
            add(images[0], classes[0], [eval_cases.blob(r, images[0]["width"], images[0]["height"])], float(r.random()))
    if r.random() < 0.2:  # a category that no annotation has
        for d in results[:3]:
            d["category_id"] = 33
    r.shuffle(results)
    return {"images": images, "annotations": annotations,
            "categories": [{"id": c, "name": f"class {c}"} for c in classes]}, results


def peer(annotations_path, results_path, mode):
    """tidecv's numbers, or None where it divides by zero: neither an object nor a detection that counts."""
    from tidecv import TIDE, datasets

    tide = TIDE(pos_threshold=0.5, background_threshold=0.1, mode=mode)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            run = tide.evaluate(datasets.COCO(annotations_path), datasets.COCOResult(results_path), mode=mode)
            main, special = run.fix_main_errors(), run.fix_special_errors()
            counts = {e.short_name: n for e, n in run.count_errors().items()}
        except ZeroDivisionError:
            return None
    out = {"AP": float(run.ap)}
    out.update({f"dAP {e.short_name}": float(v) for e, v in main.items()})
    out.update({f"errors {n}": float(counts[n]) for n in NAMES})
    out.update({e.short_name: float(v) for e, v in special.items()})
    return out


def ours(binary, annotations_path, results_path, json_path):
    run = subprocess.run([binary, "--annotations", annotations_path, "--results", results_path, "--explain", "--json",
                          json_path], capture_output=True, text=True, timeout=120)
    if run.returncode:
        raise SystemExit(f"evaluate ended with {run.returncode}: {run.stderr}")
    with open(json_path) as f:
        explained = json.load(f)["explain"]
    out = {}
    for iou_type in ("bbox", "segm"):
        t = explained[iou_type]["tide"]
        out[iou_type] = {"AP": t["AP"], "FalsePos": t["FalsePos"], "FalseNeg": t["FalseNeg"],
                         **{f"dAP {n}": t["dAP"][n] for n in NAMES}, **{f"errors {n}": t["errors"][n] for n in NAMES}}
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", required=True)
    p.add_argument("--cases", type=int, default=300)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--keep")
    args = p.parse_args()
    bad = compared = 0
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, n) for n in ("annotations.json", "results.json", "out.json")]
        for seed in range(args.seed, args.seed + args.cases):
            case = make_case(seed)
            for path, what in zip(paths, case):
                with open(path, "w") as f:
                    json.dump(what, f)
            mine = ours(args.binary, *paths)
            found = []
            for iou_type, mode in (("bbox", "bbox"), ("segm", "mask")):
                theirs = peer(paths[0], paths[1], mode)
                if theirs is None:
                    continue
                compared += 1
                worst = max([worst] + [abs(mine[iou_type][n] - v) for n, v in theirs.items()])
                found += [f"{iou_type} {n}: ours {mine[iou_type][n]!r}, tidecv {v!r}" for n, v in theirs.items()
                          if not abs(mine[iou_type][n] - v) <= 1e-9]
            bad += bool(found)
            for line in found[:5]:
                print(f"case {seed}: {line}", flush=True)
            if found and args.keep:
                os.makedirs(args.keep, exist_ok=True)
                with open(os.path.join(args.keep, f"tide_{seed}.json"), "w") as f:
                    json.dump(case, f)
    print(f"{args.cases} files, {compared} comparisons, largest difference {worst:.1e}, files with differences: {bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
