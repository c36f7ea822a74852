"""Writes tests/golden/geometry/*.txt: what torchvision computes for boxes, RoIs and masks.

    python tests/reference/make_geometry_goldens.py tests/golden/geometry

Needs torch and torchvision 0.29.  A file is a list of arrays: a line `name dtype extent extent ...`, then a line of
values.  Feature maps and gradients are not stored: `pattern` gives them, here and in tests/cpu/golden.h.
"""
import math
import os
import sys

import numpy as np
import torch
from torchvision.models.detection import _utils as det
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import paste_masks_in_image, project_masks_on_boxes
from torchvision.ops import MultiScaleRoIAlign, box_iou, clip_boxes_to_image, nms
from torchvision.ops.poolers import LevelMapper

OUT = sys.argv[1]
rng = np.random.default_rng(20)


def write(name, **arrays):
    with open(os.path.join(OUT, name + ".txt"), "w") as f:
        for key, value in arrays.items():
            a = np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
            real = a.dtype.kind == "f"
            f.write(" ".join([key, "float" if real else "int", *map(str, a.shape)]) + "\n")
            f.write(" ".join("%.9g" % v if real else "%d" % v for v in a.ravel()) + "\n")


def pattern(*shape):
    """[N, C, H, W]: values from -1 to 1 that both languages compute alike."""
    n, c, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    v = (31 * n + 17 * c + 7 * y + 13 * x + 3 * y * x) % 101 / 50 - 1
    return torch.from_numpy(v.astype(np.float32))


def random_boxes(count, width, height, shortest=1.0, margin=0.0):
    c = rng.uniform([-margin, -margin], [width + margin, height + margin], (count, 2))
    s = np.exp(rng.uniform(math.log(shortest), math.log(max(width, height) * 1.5), (count, 2)))
    return torch.from_numpy(np.concatenate([c - s / 2, c + s / 2], 1).astype(np.float32))


def clipped(boxes, width, height):
    return clip_boxes_to_image(boxes, (height, width))


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def roi_align_goldens():
    height, width, channels = 128, 160, 2
    maps = {str(l): pattern(2, channels, height // 4 >> l, width // 4 >> l).requires_grad_() for l in range(4)}
    boxes = [
        torch.cat([clipped(random_boxes(8, width, height), width, height), random_boxes(3, width, height, margin=60)]),
        torch.cat([
            clipped(random_boxes(6, width, height), width, height),
            torch.tensor([[0.0, 0, 160, 128], [3, 3, 3, 3], [20, 30, 20.5, 120], [-900, -900, -800, -800],
                          [-300, -300, 300, 300.0], [-40, 10, 200, 12]]),
        ]),
    ]
    out = {"rois": torch.cat(boxes), "image": [0] * len(boxes[0]) + [1] * len(boxes[1])}
    for side in (7, 14):
        pool = MultiScaleRoIAlign(["0", "1", "2", "3"], side, 2)
        y = pool(maps, boxes, [(height, width)] * 2)
        if side == 7:
            out["y7"] = nhwc(y)
        grads = torch.autograd.grad(y, list(maps.values()), pattern(*y.shape))
        if side == 7:
            for l, g in enumerate(grads):
                out[f"dx{l}"] = nhwc(g)
        else:
            out["y14_sums"] = nhwc(y).double().sum((1, 2))
    write("roi_align", **out)

    sides = [np.float32(s * (1 + j * 2.0**-22)) for s in (112, 224, 448, 896) for j in range(-8, 9)]
    squares = torch.tensor([[0, 0, s, s] for s in sides], dtype=torch.float32)
    mixed = random_boxes(400, 1333, 800)
    mapper = LevelMapper(2, 5)
    write("roi_level", squares=squares, squares_level=mapper([squares]), mixed=mixed, mixed_level=mapper([mixed]))


def nms_goldens():
    real = random_boxes(150, 100, 100, 10)
    whole = random_boxes(150, 24, 24, 4).round()  # equal boxes, and overlaps that are simple fractions
    out = {"boxes": torch.stack([real, whole])}
    for threshold in (0.3, 0.5, 0.6, 0.7):
        kept = np.zeros((2, 150), int)
        for s, boxes in enumerate((real, whole)):
            kept[s, nms(boxes, torch.linspace(1, 0, 150), threshold)] = 1
        out[f"keep{int(threshold * 10)}"] = kept
    write("nms", **out)


def coder_goldens():
    reference, boxes = random_boxes(40, 320, 240, 2), random_boxes(40, 320, 240, 2)
    deltas = torch.from_numpy(rng.normal(0, 4, (40, 12)).astype(np.float32))
    deltas[0, 2], deltas[1, 3], deltas[2, 2] = 30, 60, -80
    out = dict(reference=reference, boxes=boxes, deltas=deltas)
    for name, weights in (("rpn", (1.0, 1.0, 1.0, 1.0)), ("box", (10.0, 10.0, 5.0, 5.0))):
        coder = det.BoxCoder(weights)
        decoded = coder.decode_single(deltas, reference)
        out["encoded_" + name] = coder.encode_single(boxes, reference)
        out["decoded_" + name] = decoded
        out["clipped_" + name] = clipped(decoded.reshape(-1, 4), 320, 240).reshape(40, 12)
    write("box_coder", **out)


def anchor_goldens():
    generator = AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)
    grids = [(16, 24), (8, 12), (4, 6), (2, 3), (1, 2)]
    maps = [torch.zeros(1, 1, *g) for g in grids]
    anchors = generator(ImageList(torch.zeros(1, 3, 64, 96), [(64, 96)]), maps)[0]
    p6 = AnchorGenerator(((512,),), ((0.5, 1.0, 2.0),))
    coarse = p6(ImageList(torch.zeros(1, 3, 800, 1056), [(800, 1056)]), [torch.zeros(1, 1, 13, 17)])[0]
    write("anchors", base=torch.stack(generator.cell_anchors), grid=grids, anchors=anchors.int(),
          stride=[(64 // h, 96 // w) for h, w in grids], coarse=coarse.int())
    return anchors


def matcher_goldens(anchors):
    truths = [
        torch.cat([clipped(random_boxes(9, 96, 64, 3), 96, 64),
                   torch.tensor([[8.0, 8, 40, 40], [8, 8, 40, 40], [50, 20, 51, 21], [0, 0, 96, 64]])]),
        torch.tensor([[30.0, 10, 62, 42]]),
    ]
    rows = clipped(random_boxes(120, 96, 64, 3), 96, 64)
    rpn, box = det.Matcher(0.7, 0.3, True), det.Matcher(0.5, 0.5, False)
    write("matcher", truth0=truths[0], truth1=truths[1], rows=rows,
          rpn0=rpn(box_iou(truths[0], anchors)), rpn1=rpn(box_iou(truths[1], anchors)),
          box0=box(box_iou(truths[0], rows)), box1=box(box_iou(truths[1], rows)),
          low0=rpn(box_iou(truths[0], rows)), low1=rpn(box_iou(truths[1], rows)))


def run_ends(mask):
    """Column-major, zeros first."""
    flat = np.asarray(mask).ravel(order="F").astype(int)
    ends = list(np.flatnonzero(np.diff(flat)) + 1) + [flat.size]
    return ([0] if flat[0] else []) + [int(e) for e in ends]


def shape_mask(height, width, kind):
    y, x = np.mgrid[:height, :width]
    if kind == "disc":
        return (x - width * 0.5) ** 2 + (y - height * 0.4) ** 2 < (height * 0.35) ** 2
    if kind == "pixel":
        return (x == width // 2) & (y == height // 3)
    if kind == "full":
        return np.ones((height, width), bool)
    return (x * 5 + y * 3) % 7 < 3


def mask_target_goldens():
    height, width = 60, 83
    kinds = ["disc", "pixel", "full", "stripes"]
    masks = torch.from_numpy(np.stack([shape_mask(height, width, k) for k in kinds]).astype(np.uint8))
    rois = torch.cat([clipped(random_boxes(12, width, height), width, height), random_boxes(6, width, height, 1, 20),
                      torch.tensor([[0.0, 0, 83, 60], [41, 20, 42, 21], [41.2, 19.9, 41.2, 19.9],
                                    [200, 200, 260, 260], [70, 50, 96, 64]])])
    objects = torch.arange(len(rois)) % 4
    runs = [run_ends(m) for m in masks]
    write("mask_targets", rois=rois, object=objects, size=[[height, width]] * 4, run_ends=sum(runs, []),
          run_begin=np.cumsum([0] + [len(r) for r in runs]),
          targets28=project_masks_on_boxes(masks, rois, objects, 28)[:12],
          targets14=project_masks_on_boxes(masks, rois, objects, 14))


def paste_goldens():
    height, width, side = 45, 38, 14
    boxes = torch.cat([clipped(random_boxes(8, width, height), width, height),
                       torch.tensor([[0.0, 0, 38, 45], [5, 5, 5, 5], [10.5, 3.25, 11, 40], [30, 38, 38, 45]])])
    masks = torch.from_numpy(rng.uniform(0, 1, (len(boxes), 1, side, side)).astype(np.float32))
    pasted = paste_masks_in_image(masks, boxes, (height, width))[:, 0]
    bits = (pasted >= 0.5).numpy()
    runs = [run_ends(b) for b in bits]
    write("paste_mask", boxes=boxes, masks=masks[:, 0], size=[height, width], run_ends=sum(runs, []),
          run_begin=np.cumsum([0] + [len(r) for r in runs]), soft0=pasted[0].T.contiguous())


os.makedirs(OUT, exist_ok=True)
roi_align_goldens()
nms_goldens()
coder_goldens()
matcher_goldens(anchor_goldens())
mask_target_goldens()
paste_goldens()
