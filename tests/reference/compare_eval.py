"""Run `evaluate` beside pycocotools on random nasty files and, if given, on real annotations with synthesised detections.

    python compare_eval.py --binary build/bin/evaluate [--cases 300] [--seed 0] [--torchmetrics 20]
                           [--annotations instances.json ...] [--keep DIR]

Every number of both IoU types must be the same to the last bit; where pycocotools raises, evaluate must exit with 2.
What differs is written to --keep.  Needs numpy, pycocotools; torch and torchmetrics for --torchmetrics.
"""
import argparse
import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from pycocotools import mask as M
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import eval_cases

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def peer(annotations, results, iou_type):
    """The twelve numbers by name, of all categories and (by id) of each; or the exception."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO()
            truth.dataset = copy.deepcopy(annotations)
            truth.createIndex()
            e = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), iou_type)
            e.evaluate()
            e.accumulate()
            e.summarize()
            out = {"all": dict(zip(NAMES, map(float, e.stats)))}
            whole = e.eval
            for k, category in enumerate(e.params.catIds):
                e.eval = {"precision": whole["precision"][:, :, k : k + 1], "recall": whole["recall"][:, k : k + 1]}
                e.summarize()
                out[int(category)] = dict(zip(NAMES, map(float, e.stats)))
        return out
    except Exception as error:  # whatever it raises
        return error


def ours(binary, annotations, results, iou_types, folder):
    paths = [os.path.join(folder, n) for n in ("annotations.json", "results.json", "metrics.json")]
    for path, what in zip(paths, (annotations, results)):
        with open(path, "w") as f:
            json.dump(what, f)
    run = subprocess.run([binary, "--annotations", paths[0], "--results", paths[1], "--iou", ",".join(iou_types),
                          "--json", paths[2]],
                         capture_output=True, text=True, timeout=120)
    if run.returncode == 2 and run.stderr.splitlines()[-1].startswith("error: "):
        return RuntimeError(run.stderr.strip().splitlines()[-1])
    if run.returncode != 0:
        raise SystemExit(f"evaluate ended with {run.returncode}: {run.stderr}")
    with open(paths[2]) as f:
        return json.load(f)


def differences(binary, annotations, results, iou_types, folder):
    found = []
    for iou_type in iou_types:
        mine, theirs = ours(binary, annotations, results, [iou_type], folder), peer(annotations, results, iou_type)
        if isinstance(mine, Exception) or isinstance(theirs, Exception):
            if not (isinstance(mine, Exception) and isinstance(theirs, Exception)):
                found.append(f"{iou_type}: ours {mine!r:.300}, pycocotools {theirs!r:.300}")
            continue
        rows = {"all": mine[iou_type], **{c["category_id"]: c[iou_type] for c in mine["per_class"]}}
        if rows.keys() != theirs.keys():
            found.append(f"{iou_type}: categories {list(rows)}, pycocotools {list(theirs)}")
            continue
        for what, numbers in rows.items():
            found += [f"{iou_type} category {what} {n}: ours {float(numbers[n]).hex()}, "
                      f"pycocotools {theirs[what][n].hex()}" for n in NAMES if float(numbers[n]) != theirs[what][n]]
    return found


def torchmetrics_numbers(annotations, results, iou_types):
    """torchmetrics fed with what COCO's loader keeps; float64 boxes as they are in the file."""
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    known = {c["id"] for c in annotations["categories"]}
    metric = MeanAveragePrecision(box_format="xywh", iou_type=tuple(iou_types), class_metrics=True)
    metric.warn_on_many_detections = False
    coco = COCO()
    coco.dataset = annotations
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    for image in sorted({i["id"] for i in annotations["images"]}):
        size = coco.imgs[image]

        def fields(items):
            mask = [torch.from_numpy(coco.annToMask(x)) for x in items if "segm" in iou_types]
            out = {"labels": torch.tensor([x["category_id"] for x in items], dtype=torch.int64)}
            if "bbox" in iou_types:
                out["boxes"] = torch.tensor([x["bbox"] for x in items], dtype=torch.float64).reshape(-1, 4)
            if "segm" in iou_types:
                empty = torch.zeros((0, size["height"], size["width"]), dtype=torch.uint8)
                out["masks"] = torch.stack(mask) if mask else empty
            return out

        truths = [a for a in annotations["annotations"] if a["image_id"] == image and a["category_id"] in known]
        found = [d for d in results if d["image_id"] == image and d["category_id"] in known]
        metric.update(
            [{**fields(found), "scores": torch.tensor([d["score"] for d in found], dtype=torch.float64)}],
            [{**fields(truths), "iscrowd": torch.tensor([a["iscrowd"] for a in truths], dtype=torch.int64),
              "area": torch.tensor([a["area"] for a in truths], dtype=torch.float64)}])
    return {k: np.atleast_1d(v.numpy()).astype(float).tolist() for k, v in metric.compute().items()}


def torchmetrics_case(seed):
    """A case whose every part torchmetrics can be fed with, or None."""
    annotations, results = eval_cases.make_case(seed)
    sizes = {i["id"]: [i["height"], i["width"]] for i in annotations["images"]}
    ids = [a["id"] for a in annotations["annotations"]]
    masks = [x["segmentation"] for x in results if "segmentation" in x]
    fits = (all("bbox" in d and "segmentation" in d and isinstance(d["score"], float) for d in results)
            and len(set(ids)) == len(ids) and 0 not in ids and len(sizes) == len(annotations["images"])
            and all(isinstance(s, dict) and isinstance(s["counts"], str) for s in masks)
            and all(d["segmentation"]["size"] == sizes[d["image_id"]] for d in results))
    return (annotations, results) if fits else None


def compare_torchmetrics(binary, annotations, results, iou_types, folder):
    mine = ours(binary, annotations, results, iou_types, folder)
    theirs = torchmetrics_numbers(annotations, results, iou_types)
    if isinstance(mine, Exception):
        return [f"torchmetrics: ours {mine}"]
    mine = {k: [float(x) for x in np.atleast_1d(v)] for k, v in mine["torchmetrics"].items()}
    found = [f"torchmetrics {iou_types}: only one has {n}" for n in sorted(set(mine) ^ set(theirs))]
    return found + [f"torchmetrics {iou_types} {k}: ours {mine[k]}, theirs {theirs[k]}"
                    for k in theirs if k in mine and mine[k] != theirs[k]]


def synthesise(annotations, seed):
    """Jittered copies of the objects, and some that are wrong."""
    r = np.random.default_rng(seed)
    coco = COCO()
    coco.dataset = annotations
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    ids = [c["id"] for c in annotations["categories"]]
    results = []
    for a in annotations["annotations"]:
        for _ in range(r.integers(0, 4)):
            mask = coco.annToMask(a)
            mask = np.roll(mask, tuple(int(v) for v in r.integers(-6, 7, 2)), (0, 1))
            if not mask.any():
                continue
            rle = M.encode(np.asfortranarray(mask))
            results.append({"image_id": a["image_id"], "score": float(np.round(r.uniform(), 2)),
                            "category_id": a["category_id"] if r.random() < 0.8 else ids[r.integers(0, len(ids))],
                            "bbox": [float(v) for v in M.toBbox(rle)], "segmentation": eval_cases.text_rle(rle)})
    return results


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", required=True)
    p.add_argument("--cases", type=int, default=300)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--torchmetrics", type=int, default=0, help="how many cases to hold against torchmetrics too")
    p.add_argument("--annotations", nargs="*", default=[])
    p.add_argument("--keep")
    args = p.parse_args()

    bad = total = 0

    def report(name, found, annotations, results):
        nonlocal bad, total
        total += 1
        bad += bool(found)
        for line in found[:5]:
            print(f"{name}: {line}", flush=True)
        if found and args.keep:
            os.makedirs(args.keep, exist_ok=True)
            with open(os.path.join(args.keep, f"{name}.json".replace(os.sep, "_")), "w") as f:
                json.dump({"annotations": annotations, "results": results}, f)

    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seed, args.seed + args.cases):
            case = eval_cases.make_case(seed)
            report(f"case {seed}", differences(args.binary, *case, ["bbox", "segm"], folder), *case)
        print(f"random files: {total}, with differences: {bad}", flush=True)
        for path in args.annotations:
            with open(path) as f:
                annotations = json.load(f)
            for style in ("boxes and masks", "masks", "boxes"):
                results = synthesise(annotations, 1)
                for d in results:
                    d.pop({"masks": "bbox", "boxes": "segmentation"}.get(style), None)
                report(f"{os.path.basename(path)} {style}",
                       differences(args.binary, annotations, results, ["bbox", "segm"], folder), annotations, results)
        done, seed = 0, args.seed
        while done < args.torchmetrics:
            case, seed = torchmetrics_case(seed), seed + 1
            if case is None:
                continue
            done += 1
            for types in (["bbox"], ["segm"], ["bbox", "segm"]):
                report(f"case {seed - 1}", compare_torchmetrics(args.binary, *case, types, folder), *case)
    print(f"compared {total}, with differences: {bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
