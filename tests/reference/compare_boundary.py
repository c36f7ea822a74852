"""Run `evaluate --iou boundary` beside faster-coco-eval's Boundary IoU on random files.

    python compare_boundary.py --binary build/bin/evaluate [--cases 200] [--seed 0] [--goldens OUT_FOLDER]

The IoUs are faster-coco-eval 1.8.0's (its boundaries, its overlaps); pycocotools 2.0.11 matches and accumulates them, so that
`ignore` is overwritten as there, and every number must be the same to the last bit.  faster-coco-eval's own numbers, whose sums are in
another order, must be the same to 1e-9 where no annotation has `ignore`.  With --goldens the first small cases are written there.
Needs numpy, pycocotools, faster-coco-eval.
"""
import argparse
import contextlib
import copy
import io
import json
import pathlib
import sys
import tempfile

import numpy as np
from faster_coco_eval import COCO as FasterCOCO
from faster_coco_eval import COCOeval_faster
from faster_coco_eval.core import mask as faster
from pycocotools import mask as M
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import eval_cases
from compare_eval import NAMES, ours


class BoundaryEval(COCOeval):
    """pycocotools' evaluation of masks with other IoUs."""

    def computeIoU(self, image, category):
        p = self.params
        truths, found = self._gts[image, category], self._dts[image, category]
        if not truths or not found:
            return []
        order = np.argsort([-d["score"] for d in found], kind="mergesort")[: p.maxDets[-1]]
        a, b = [found[i]["segmentation"] for i in order], [g["segmentation"] for g in truths]
        crowds = [int(g["iscrowd"]) for g in truths]
        ious = np.array(faster.iou(a, b, crowds))
        edges = np.array(faster.iou([faster.rleToBoundary(m) for m in a], [faster.rleToBoundary(m) for m in b], crowds))
        alone = np.array(crowds, bool)
        ious[:, ~alone] = np.minimum(ious, edges)[:, ~alone]
        return ious


def peer(annotations, results):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(annotations)
        truth.createIndex()
        e = BoundaryEval(truth, truth.loadRes(copy.deepcopy(results)), "segm")
        e.evaluate()
        e.accumulate()
        e.summarize()
    return dict(zip(NAMES, map(float, e.stats)))


def faster_peer(annotations, results):
    truth = FasterCOCO(copy.deepcopy(annotations), print_function=lambda *_: None)
    e = COCOeval_faster(truth, truth.loadRes(copy.deepcopy(results)), "boundary", print_function=lambda *_: None)
    e.run()
    return dict(zip(NAMES, map(float, e.stats)))


def make_case(seed, side):
    """Objects and what nearly finds them, in photos of up to `side` pixels, each more than twice the boundary's width."""
    r = np.random.default_rng(seed)
    images = [{"id": i + 1, "width": int(r.integers(side // 2, side)), "height": int(r.integers(side // 2, side)),
               "file_name": f"{i}.jpg"} for i in range(int(r.integers(1, 4)))]
    annotations, results = [], []
    for n in range(int(r.integers(3, 12))):
        image, category = images[r.integers(0, len(images))], int(r.integers(1, 4))
        w, h = image["width"], image["height"]
        parts = [eval_cases.blob(r, w, h) for _ in range(r.integers(1, 3))]
        rle = eval_cases.mask_of(parts, w, h)
        annotations.append({"id": n + 1, "image_id": image["id"], "category_id": category, "bbox": M.toBbox(rle).tolist(),
                            "segmentation": eval_cases.segmentation(r, parts, w, h), "area": float(M.area(rle)),
                            "iscrowd": int(r.random() < 0.2)})
        for _ in range(int(r.integers(1, 4))):
            moved = [(np.array(p) + r.normal(0, [0.2, 1, 4][r.integers(0, 3)], len(p))).tolist() for p in parts]
            results.append({"image_id": image["id"], "category_id": category, "score": round(float(r.uniform()), 2),
                            "segmentation": eval_cases.text_rle(eval_cases.mask_of(moved, w, h))})
    return {"images": images, "annotations": annotations, "categories": [{"id": c, "name": str(c)} for c in (1, 2, 3)]}, results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--goldens")
    args = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seed, args.seed + args.cases):
            annotations, results = make_case(seed, [24, 80, 400][seed % 3])
            marked = seed % 4 == 0
            if marked:
                for a in annotations["annotations"][::3]:
                    a["ignore"] = 1
            expected = peer(annotations, results)
            if args.goldens and seed < 9:
                case = pathlib.Path(args.goldens, f"case_{seed}")
                case.mkdir(parents=True, exist_ok=True)
                (case / "annotations.json").write_text(json.dumps(annotations))
                (case / "results.json").write_text(json.dumps(results))
                (case / "expected.txt").write_text("".join(f"boundary all {n} {v.hex()}\n" for n, v in expected.items()))
            wrong = []
            if not marked:
                near = faster_peer(annotations, results)
                wrong += [f"{n}: faster-coco-eval {near[n]}, its IoUs in pycocotools {expected[n]}" for n in NAMES
                          if abs(near[n] - expected[n]) > 1e-9]
            if args.binary:
                mine = ours(args.binary, annotations, results, ["boundary"], folder)
                wrong += [repr(mine)] if isinstance(mine, Exception) else [
                    f"{n}: ours {mine['boundary'][n]}, expected {expected[n]}" for n in NAMES
                    if float(mine["boundary"][n]) != expected[n]]
            bad += bool(wrong)
            for line in wrong:
                print(f"case {seed}: {line}", flush=True)
    print(f"compared {args.cases}, with differences: {bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
