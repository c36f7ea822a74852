"""Makes annotations and detections of any size for compare_evaluators.py, the same for the same arguments.

    python bench/make_coco_files.py FOLDER [--images 5000] [--objects 7.3] [--detections 73] [--categories 80]
                                    [--masks] [--seed 0]

FOLDER/instances.json, FOLDER/results_box.json and, with --masks, FOLDER/results.json (boxes and compressed masks).
A third of the detections are moved objects, the rest are anywhere.  The defaults are about val2017's size; LVIS's is
--images 20000 --detections 300 --categories 1203, Objects365's ground truth --images 80000 --objects 12.5.
Needs numpy, for --masks pycocotools too.
"""
import argparse
import json
from pathlib import Path

import numpy as np


def outlines(rng, boxes, corners):
    """Round polygons that fill about the boxes x, y, w, h; [n, 2 * corners]."""
    n = len(boxes)
    turn = np.sort(rng.uniform(0, 2 * np.pi, (n, corners)), axis=1)
    radius = rng.uniform(0.75, 1.0, (n, corners)) / 2
    x = boxes[:, :1] + boxes[:, 2:3] * (0.5 + radius * np.cos(turn))
    y = boxes[:, 1:2] + boxes[:, 3:] * (0.5 + radius * np.sin(turn))
    return np.stack([x, y], axis=2).reshape(n, 2 * corners).round(2)


def random_boxes(rng, n, width, height):
    side = np.minimum(np.exp(rng.normal(4.2, 0.9, (n, 2))), [width, height])
    corner = rng.uniform(0, 1, (n, 2)) * ([width, height] - side)
    return np.concatenate([corner, side], axis=1)


def encoded(polygon, width, height):
    from pycocotools import mask

    rle = mask.merge(mask.frPyObjects([polygon.tolist()], height, width))
    return {"size": [height, width], "counts": rle["counts"].decode()}


def numbers(row):
    return "[" + ", ".join(map(repr, row.tolist())) + "]"


class Files:
    def __init__(self, folder, masks):
        self.boxes = open(folder / "results_box.json", "w")
        self.masks = open(folder / "results.json", "w") if masks else None
        self.between = "["

    def add(self, head, segmentation):
        self.boxes.write(f"{self.between}{{{head}}}")
        if self.masks:
            self.masks.write(f'{self.between}{{{head}, "segmentation": {json.dumps(segmentation)}}}')
        self.between = ", "

    def close(self):
        for file in (self.boxes, self.masks):
            if file:
                file.write("]" if self.between != "[" else "[]")
                file.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=Path)
    p.add_argument("--images", type=int, default=5000)
    p.add_argument("--objects", type=float, default=7.3, help="an image, on average")
    p.add_argument("--detections", type=int, default=73, help="an image")
    p.add_argument("--categories", type=int, default=80)
    p.add_argument("--masks", action="store_true")
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    share = 1 / np.arange(1, args.categories + 1) ** 0.9
    share = np.cumsum(share / share.sum())

    def some_categories(n):
        return np.minimum(np.searchsorted(share, rng.random(n)), args.categories - 1) + 1

    images, objects, results = [], [], Files(args.folder, args.masks)
    for i in range(args.images):
        image, (width, height) = 100 + 3 * i, [(640, 480), (640, 427), (480, 640), (500, 375)][rng.integers(4)]
        images.append({"id": image, "width": width, "height": height, "file_name": f"{image:012d}.jpg"})
        n = rng.poisson(args.objects)
        boxes, categories = random_boxes(rng, n, width, height).round(2), some_categories(n)
        for box, category, polygon in zip(boxes, categories, outlines(rng, boxes, 20)):
            objects.append(f'{{"id": {len(objects) + 1}, "image_id": {image}, "category_id": {category}, "iscrowd": 0, '
                           f'"area": {float(round(0.7 * box[2] * box[3], 4))!r}, "bbox": {numbers(box)}, '
                           f'"segmentation": [{numbers(polygon)}]}}')
        d = args.detections
        found, kinds, scores = random_boxes(rng, d, width, height), some_categories(d), rng.beta(1.2, 6, d)
        moved = np.flatnonzero(rng.random(d) < 0.35) if n else []
        if len(moved):
            of = rng.integers(0, n, len(moved))
            found[moved] = boxes[of] * np.exp(rng.normal(0, 0.05, (len(moved), 4)))
            kinds[moved] = np.where(rng.random(len(moved)) < 0.9, categories[of], kinds[moved])
            scores[moved] = rng.beta(4, 2, len(moved))
        found, polygons = found.round(2), outlines(rng, found, 24) if args.masks else [None] * d
        for box, kind, score, polygon in zip(found, kinds, scores.round(3), polygons):
            results.add(f'"image_id": {image}, "category_id": {kind}, "score": {float(score)!r}, "bbox": {numbers(box)}',
                        encoded(polygon, width, height) if args.masks else None)
    results.close()
    categories = [{"id": i + 1, "name": f"class{i + 1}", "supercategory": "thing"} for i in range(args.categories)]
    with open(args.folder / "instances.json", "w") as file:
        file.write(f'{{"info": {{}}, "images": {json.dumps(images)}, "categories": {json.dumps(categories)}, "annotations": [')
        file.write(", ".join(objects))
        file.write("]}")
    print(f"{len(images)} images, {len(objects)} objects, {args.images * args.detections} detections")


if __name__ == "__main__":
    main()
