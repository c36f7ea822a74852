"""What torchvision's Mask R-CNN computes, stage by stage, for other backbones, norms and mask sizes, and over ten steps.

    python stages.py weights --backbone resnet18 --norm group_norm --mask-size 14 --classes 4 --seed 0 --out w.safetensors
    python stages.py infer --weights w.safetensors --image a.jpg --out dump.safetensors [--min-size 800 --max-size 1333]
    python stages.py train --weights w.safetensors --annotations F.json --images DIR --image-ids 1,2 --out dump.safetensors
    python stages.py curve ... --steps 10      (as train: losses of each step, and how far each parameter went)

Weights are a formula, written as a checkpoint of this project, so that the file says what model it is of.  Stages have the names
of models/stages.h: `inspect --diff` compares.  In training every candidate is a sample, so nothing is random.
Needs torch, torchvision 0.29, safetensors, pillow and pycocotools.
"""
import argparse
import json

import numpy as np
import torch
import torchvision
from PIL import Image
from pycocotools import mask as M
from safetensors import safe_open
from safetensors.torch import save_file
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler as Sampler
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

NORMS = {"frozen_bn": FrozenBatchNorm2d, "batch_norm": torch.nn.BatchNorm2d, "group_norm": lambda c: torch.nn.GroupNorm(32, c)}


def uniform(name, n, seed):
    """Value i is the top 24 bits of splitmix64(fnv1a64(name) + seed * 0x9E3779B97F4A7C15 + i), in [0, 1)."""
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = ((h ^ c) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    h = (h + seed * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(n, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def weight(name, shape, seed, last_norm):
    u = uniform(name, int(np.prod(shape)), seed)
    layer = name.split(".")[-2]
    if name.endswith("running_var"):
        v = 0.5 + u
    elif name.endswith("running_mean"):
        v = 0.2 * (u - 0.5)
    elif layer.startswith("bn") or "downsample.1" in name:  # the last norm of a block is weak, so that sums do not grow
        v = (0.25 if layer == last_norm else 1) * (0.5 + u) if name.endswith("weight") else 0.2 * (u - 0.5)
    elif name.endswith("bias"):
        v = 0.1 * (u - 0.5)
    else:
        fan_in = shape[0] if "conv5_mask" in name else int(np.prod(shape[1:]))
        gain = {"cls_score": 2.5, "bbox_pred": 0.15, "mask_fcn_logits": 4.0}.get(layer, 1.0)
        gain *= 0.07 if "fpn.layer_blocks" in name else 0.7 if "fpn" in name else 1
        v = gain * np.sqrt(6.0 / fan_in) * (2 * u - 1)
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def build(model, min_size=800, max_size=1333):
    """`model`: the block of that name in a configuration of this project."""
    backbone = _resnet_fpn_extractor(
        getattr(torchvision.models, model["backbone"])(weights=None, norm_layer=NORMS[model["norm"]]), model["trainable_layers"])
    m = MaskRCNN(backbone, model["num_classes"], min_size=min_size, max_size=max_size,
                 mask_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], model["mask_size"] // 2, 2))
    m.rpn.fg_bg_sampler, m.roi_heads.fg_bg_sampler = Sampler(10**6, 0.5), Sampler(10**6, 0.25)
    return m


def write_weights(a):
    layers = 3 if a.norm == "frozen_bn" else 5
    model = dict(backbone=a.backbone, norm=a.norm, norm_eps=1e-5, trainable_layers=layers, mask_size=a.mask_size, num_classes=a.classes)
    last_norm = "bn2" if a.backbone in ("resnet18", "resnet34") else "bn3"
    out = {k: t if k.endswith("tracked") else weight(k, tuple(t.shape), a.seed, last_norm) for k, t in build(model).state_dict().items()}
    config = dict(model=model, augmentations=[dict(name="ToImage", params={}), dict(name="Normalize", params={})])
    save_file(out, a.out, metadata={
        "silhouette": "silhouette 1", "config": json.dumps(config),
        "categories": json.dumps([dict(output=i, id=i, name="") for i in range(1, a.classes)]),
        "progress": json.dumps(dict(step=0, best_score=0.0, best_step=0))})


def load(a):
    with safe_open(a.weights, "pt") as f:
        model = json.loads(f.metadata()["config"])["model"]
        m = build(model, a.min_size, a.max_size)
        m.load_state_dict({k: f.get_tensor(k) for k in f.keys()})
    if a.dtype == "f64":  # photos and boxes are resized in float32 all the same, so that both sides begin with the same numbers
        in_float64(m).transform.register_forward_hook(widen)
    return m


def in_float64(m):
    """The model in float64.  torchvision makes the RPN's labels float32, and the loss would be too."""
    assign = m.rpn.assign_targets_to_anchors

    def assign_wide(anchors, targets):
        labels, boxes = assign(anchors, targets)
        return [l.double() for l in labels], boxes

    m.rpn.assign_targets_to_anchors = assign_wide
    return m.double()


def widen(transform, given, out):
    photos, targets = out
    photos.tensors = photos.tensors.double()
    for t in targets or []:
        t["boxes"] = t["boxes"].double()


def photo(path):
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1).float() / 255


def keep_stages(m, d):
    def put(name, t):
        d[name] = t.detach().clone().contiguous()

    def pyramid(s, i, o):
        for k, v in enumerate(o.values()):
            put(f"p{k + 2}", v)

    def rpn(s, i, o):
        for l, (scores, deltas) in enumerate(zip(*o)):
            put(f"rpn.objectness.{l}", scores), put(f"rpn.deltas.{l}", deltas)

    def proposals(s, i, o):
        for k, p in enumerate(o[0]):
            put(f"proposals.{k}", p)

    def boxes(s, i, o):
        put("class_logits", o[0]), put("box_deltas", o[1])

    hooks = [getattr(m.backbone.body, f"layer{k + 1}").register_forward_hook(lambda s, i, o, k=k: put(f"c{k + 2}", o)) for k in range(4)]
    for module, keep in (
            (m.transform, lambda s, i, o: put("input", o[0].tensors)),
            (m.backbone, pyramid),
            (m.rpn.head, rpn),
            (m.rpn.anchor_generator, lambda s, i, o: put("anchors", o[0])),
            (m.rpn, proposals),
            (m.roi_heads.box_roi_pool, lambda s, i, o: put("box_features", o)),
            (m.roi_heads.box_predictor, boxes),
            (m.roi_heads.mask_roi_pool, lambda s, i, o: put("mask_features", o)),
            (m.roi_heads.mask_predictor, lambda s, i, o: put("mask_logits", o))):
        hooks.append(module.register_forward_hook(keep))
    return hooks


def sampled(t):
    """What goldens hold of a tensor: norm, mean, extremes, eight elements."""
    flat = t.detach().flatten()
    at = torch.arange(8) * (flat.numel() - 1) // 7
    wide = flat.double()
    return torch.cat([torch.stack([wide.norm(), wide.mean(), wide.min(), wide.max()]).to(flat), flat[at]])


def infer(a):
    m, d = load(a).eval(), {}
    keep_stages(m, d)
    with torch.inference_mode():
        found = m([photo(a.image)])[0]
    if a.dtype == "f64":  # detections are given in float32
        return d
    return d | {f"detections.{k}": v.contiguous() for k, v in found.items()}


def targets(coco, image):
    boxes, labels, masks = [], [], []
    for an in coco["annotations"]:
        if an["image_id"] != image["id"] or an.get("iscrowd", 0):
            continue
        x, y, w, h = an["bbox"]
        box = [max(x, 0), max(y, 0), min(x + w, image["width"]), min(y + h, image["height"])]
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        rle = M.frPyObjects(an["segmentation"], image["height"], image["width"])
        boxes.append(box), labels.append(an["category_id"]), masks.append(M.decode(M.merge(rle) if isinstance(rle, list) else rle))
    empty = np.zeros((0, image["height"], image["width"]), np.uint8)
    return dict(boxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), labels=torch.tensor(labels, dtype=torch.int64),
                masks=torch.from_numpy(np.stack(masks) if masks else empty))


def batch(a):
    coco = json.load(open(a.annotations))
    images = {i["id"]: i for i in coco["images"]}
    chosen = [images[int(i)] for i in a.image_ids.split(",")]
    return [photo(f"{a.images}/{i['file_name']}") for i in chosen], [targets(coco, i) for i in chosen]


LOSSES = dict(loss_objectness="rpn_objectness", loss_rpn_box_reg="rpn_box", loss_classifier="classifier", loss_box_reg="box", loss_mask="mask")


def train(a):
    m, d = load(a).train(), {}
    keep_stages(m, d)
    losses = m(*batch(a))
    sum(losses.values()).backward()
    d |= {f"loss.{LOSSES[k]}": v.detach().reshape(1) for k, v in losses.items()}
    return d | {f"grad.{n}": p.grad for n, p in m.named_parameters() if p.grad is not None}


def curve(a):
    m, kept, out = load(a).train(), {}, {}
    keep_stages(m, kept)
    photos, objects = batch(a)
    moving = {n: p for n, p in m.named_parameters() if p.requires_grad}
    start = {n: p.detach().double() for n, p in moving.items()}
    sgd = torch.optim.SGD(moving.values(), lr=1e-5, momentum=0.9, weight_decay=0.05)
    rows = {name: [] for name in LOSSES.values()}
    for step in range(a.steps):
        losses = m(photos, [dict(t) for t in objects])
        sgd.zero_grad()
        sum(losses.values()).backward()
        sgd.step()
        for k, v in losses.items():
            rows[LOSSES[k]].append(v.item())
        out |= {f"proposals.{i}.{step}": kept[f"proposals.{i}"] for i in range(len(photos))}
    out |= {f"curve.{k}": torch.tensor(v) for k, v in rows.items()}
    return out | {f"moved.{n}": (p.detach().double() - start[n]).float() for n, p in moving.items()}


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    sub = ap.add_subparsers(dest="cmd", required=True)
    s = sub.add_parser("weights")
    s.add_argument("--backbone", default="resnet50"), s.add_argument("--norm", choices=NORMS, default="frozen_bn")
    s.add_argument("--mask-size", type=int, default=28), s.add_argument("--classes", type=int, default=91)
    s.add_argument("--seed", type=int, default=0), s.add_argument("--out", required=True)
    for c in ("infer", "train", "curve"):
        s = sub.add_parser(c)
        s.add_argument("--weights", required=True), s.add_argument("--out", required=True)
        s.add_argument("--min-size", type=int, default=800), s.add_argument("--max-size", type=int, default=1333)
        s.add_argument("--dtype", choices=("f32", "f64"), default="f32")
        if c == "infer":
            s.add_argument("--image", required=True)
            continue
        s.add_argument("--annotations", required=True), s.add_argument("--images", required=True)
        s.add_argument("--image-ids", required=True)
        if c == "curve":
            s.add_argument("--steps", type=int, default=10)
    a = ap.parse_args()
    if a.cmd == "weights":
        write_weights(a)
    else:
        save_file({k: v.contiguous() for k, v in dict(infer=infer, train=train, curve=curve)[a.cmd](a).items()}, a.out)
