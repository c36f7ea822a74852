"""Makes tests/golden/data/boundaries.json: what faster-coco-eval says about the boundaries of small masks.

    pip install faster-coco-eval==1.8.0 numpy
    python tests/reference/make_boundary_goldens.py tests/golden/data

Sides are more than twice the boundary's width: on narrower masks faster-coco-eval's erosion looks across the border into
the neighbouring column, and its boundary is not that of 3x3 erosions any more.
"""
import json
import sys
from pathlib import Path

import numpy as np
from faster_coco_eval.core import mask as coco

rng = np.random.default_rng(31)


def blob(h, w):
    y, x = np.mgrid[:h, :w]
    bits = np.zeros((h, w), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(2, max(h, w) / 1.5)
        bits |= ((y - cy) ** 2 + (x - cx) ** 2 < r * r).astype(np.uint8)
    return bits


def text(counts):
    return counts.decode() if isinstance(counts, bytes) else counts


cases = []
for h, w in [(5, 5), (9, 40), (45, 60), (46, 60), (75, 100), (100, 75), (64, 64), (120, 33)]:
    for kind in range(3):
        bits = [np.ones((h, w), np.uint8), blob(h, w), blob(h, w) & (rng.uniform(size=(h, w)) > 0.01)][kind]
        rle = coco.encode(np.asfortranarray(bits.astype(np.uint8)))
        cases.append({"height": h, "width": w, "string": text(rle["counts"]),
                      "boundary": text(coco.rleToBoundary(rle)["counts"])})
(Path(sys.argv[1]) / "boundaries.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
