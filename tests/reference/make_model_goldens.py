"""Writes tests/golden/models/*.safetensors: what torchvision's Mask R-CNN computes for small models.

    python tests/reference/make_model_goldens.py tests/golden/models

Needs torch, torchvision 0.29 and safetensors.  Weights, photos and masks are not stored: formulas give them, here and in
tests/models/parity_test.cpp.  Every candidate is a sample, so nothing is random.  Of each gradient its norm and eight
elements are stored.
"""
import os
import sys

import numpy as np
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.models.detection import MaskRCNN, faster_rcnn as F, mask_rcnn as K
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler as Sampler
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

torch.set_num_threads(2)
CLASSES = 4
PADDED = 128
# Per photo: size before padding, original size, boxes, labels.
PHOTOS = [
    ((128, 96), (200, 150), [(8.5, 10.25, 60.0, 70.5), (30.0, 40.0, 95.0, 127.0), (2.0, 90.0, 20.0, 110.0)], [1, 2, 3]),
    ((112, 128), (112, 128), [(16.0, 16.0, 48.0, 100.0), (70.25, 20.0, 120.0, 61.0)], [3, 1]),
]
CASES = {
    "r18_frozen_bn": dict(backbone="resnet18", norm="frozen_bn", layers=3, mask_size=28),
    "r18_batch_norm": dict(backbone="resnet18", norm="batch_norm", layers=5, mask_size=28),
    "r50_group_norm": dict(backbone="resnet50", norm="group_norm", layers=5, mask_size=14),
}


def uniform(name, n):
    """Value i is the top 24 bits of splitmix64(fnv1a64(name) + i), in [0, 1)."""
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = ((h ^ c) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(n, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def weight(name, shape):
    u = uniform(name, int(np.prod(shape)))
    if name.endswith("running_var"):
        v = 0.5 + u
    elif name.endswith("running_mean"):
        v = 0.2 * (u - 0.5)
    elif ".bn" in name or "downsample.1" in name:
        v = 0.5 * (0.5 + u) if name.endswith("weight") else 0.2 * (u - 0.5)
    elif name.endswith("bias"):
        v = 0.1 * (u - 0.5)
    else:
        fan_in = shape[0] if "conv5_mask" in name else int(np.prod(shape[1:]))
        gain = {"cls_score": 4.0, "cls_logits": 1.0, "bbox_pred": 0.15, "mask_fcn_logits": 4.0}.get(name.split(".")[-2], 1.0)
        v = gain * np.sqrt(6.0 / fan_in) * (2.0 * u - 1.0)
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def build(backbone, norm, layers, mask_size):
    make = {"frozen_bn": FrozenBatchNorm2d, "batch_norm": torch.nn.BatchNorm2d, "group_norm": lambda c: torch.nn.GroupNorm(32, c)}[norm]
    body = _resnet_fpn_extractor(getattr(torchvision.models, backbone)(weights=None, norm_layer=make), layers)
    # A narrow pyramid and heads.
    channels = [c.in_channels for c in [m[0] for m in body.fpn.inner_blocks]]
    body.fpn = torchvision.ops.FeaturePyramidNetwork(channels, 64, extra_blocks=torchvision.ops.feature_pyramid_network.LastLevelMaxPool())
    body.out_channels = 64
    m = MaskRCNN(
        body, rpn_post_nms_top_n_train=300, rpn_post_nms_top_n_test=200,
        rpn_anchor_generator=AnchorGenerator(tuple((8 * 2**i,) for i in range(5)), ((0.5, 1.0, 2.0),) * 5),
        box_head=F.TwoMLPHead(64 * 49, 128), box_predictor=F.FastRCNNPredictor(128, CLASSES),
        mask_roi_pool=MultiScaleRoIAlign(["0", "1", "2", "3"], mask_size // 2, 2),
        mask_head=K.MaskRCNNHeads(64, (64, 64), 1), mask_predictor=K.MaskRCNNPredictor(64, 64, CLASSES))
    m.rpn.fg_bg_sampler = Sampler(10**6, 0.5)
    m.roi_heads.fg_bg_sampler = Sampler(10**6, 0.25)
    m.load_state_dict({k: (t if k.endswith("tracked") else weight(k, tuple(t.shape))) for k, t in m.state_dict().items()})
    return m


def photo(n, height, width):
    x = uniform(f"photo{n}", height * width * 3).reshape(height, width, 3)
    return torch.from_numpy((4 * x - 2).astype(np.float32)).permute(2, 0, 1)


def mask(box, height, width):
    """Half of a box: the pixels of it with x - x0 >= (y - y0) / 2."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    x0, y0, x1, y1 = box
    return ((x >= x0) & (x < x1) & (y >= y0) & (y < y1) & (2 * (x - x0) >= y - y0)).astype(np.uint8)


def batch():
    images = torch.zeros(len(PHOTOS), 3, PADDED, PADDED)
    targets = []
    for n, ((h, w), _, boxes, labels) in enumerate(PHOTOS):
        images[n, :, :h, :w] = photo(n, h, w)
        targets.append(dict(boxes=torch.tensor(boxes), labels=torch.tensor(labels), masks=torch.from_numpy(np.stack([mask(b, h, w) for b in boxes]))))
    return ImageList(images, [p[0] for p in PHOTOS]), targets


def sampled(t):
    flat = t.detach().flatten()
    at = torch.arange(8) * (flat.numel() - 1) // 7
    return torch.cat([flat.double().norm()[None].float(), flat[at]])


def stages(m, x):
    """The outputs of the residual network's four stages: c2..c5."""
    kept = []
    hooks = [getattr(m.backbone.body, f"layer{k}").register_forward_hook(lambda s, i, o: kept.append(o)) for k in (1, 2, 3, 4)]
    m.backbone.body(x)
    for h in hooks:
        h.remove()
    return kept


for name, case in CASES.items():
    out = {}
    m = build(**case)
    images, targets = batch()

    m.eval()
    with torch.no_grad():
        for k, c in enumerate(stages(m, images.tensors)):
            out[f"stage.c{k + 2}"] = sampled(c.permute(0, 2, 3, 1).contiguous())
        features = m.backbone(images.tensors)
        for k, f in features.items():
            out[f"feature.{k}"] = sampled(f.permute(0, 2, 3, 1).contiguous())
        proposals, _ = m.rpn(images, features)
        for n, p in enumerate(proposals):
            out[f"proposals.{n}"] = p
        found, _ = m.roi_heads(features, proposals, images.image_sizes)
        found = m.transform.postprocess(found, images.image_sizes, [p[1] for p in PHOTOS])
        for n, d in enumerate(found):
            out[f"boxes.{n}"], out[f"scores.{n}"], out[f"labels.{n}"] = d["boxes"], d["scores"], d["labels"]
            # Rounding decides about pixels near the threshold: the mask's area lies between these two.
            out[f"areas.{n}"] = torch.stack([(d["masks"] >= t).sum((1, 2, 3)) for t in (0.502, 0.498)], 1)

    m.train()
    features = m.backbone(images.tensors)
    proposals, rpn_losses = m.rpn(images, features, targets)
    _, roi_losses = m.roi_heads(features, proposals, images.image_sizes, targets)
    losses = {**rpn_losses, **roi_losses}
    order = ["loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_mask"]
    out["losses"] = torch.stack([losses[k].detach() for k in order])
    sum(losses.values()).backward()
    for k, p in m.named_parameters():
        if p.grad is not None:
            out[f"grad.{k}"] = sampled(p.grad)
    for k, t in m.state_dict().items():
        if case["norm"] == "batch_norm" and "running" in k:
            out[f"buffer.{k}"] = sampled(t)
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(sys.argv[1], name + ".safetensors"))
    print(name, out["losses"].tolist(), [len(out[f"scores.{n}"]) for n in range(2)], [len(p) for p in proposals])
