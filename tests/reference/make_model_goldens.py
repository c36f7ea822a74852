"""Writes tests/golden/models/*.safetensors: what torchvision's Mask R-CNN computes for small models, in float32 and float64.

    python tests/reference/make_model_goldens.py tests/golden/models

Needs torch, torchvision 0.29, safetensors, pillow and pycocotools.  Weights, photos and masks are not stored: formulas give them,
here and in tests/models/parity_test.cpp.  Every candidate is a sample, so nothing is random.  Of each stage and gradient the norm,
the mean, the extremes and eight elements are stored; proposals and losses whole.  In NAME_f64 all arithmetic is in float64.
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

from stages import LOSSES, in_float64, keep_stages, sampled, uniform

CLASSES = 4
# Per photo: size before padding, original size, boxes, labels.
TWO = [
    ((128, 96), (200, 150), [(8.5, 10.25, 60.0, 70.5), (30.0, 40.0, 95.0, 127.0), (2.0, 90.0, 20.0, 110.0)], [1, 2, 3]),
    ((112, 128), (112, 128), [(16.0, 16.0, 48.0, 100.0), (70.25, 20.0, 120.0, 61.0)], [3, 1]),
]
# So low that padding to 64 makes it more than sqrt(2) times as high: RoIAlign's scales, inferred from the unpadded height, are 1/2 to 1/16.
THIN = [((40, 128), (40, 128), [(8.5, 4.0, 60.0, 38.5), (50.0, 10.0, 120.0, 40.0)], [1, 2])]
CASES = {
    "r18_frozen_bn": dict(backbone="resnet18", norm="frozen_bn", layers=3, mask_size=28),
    "r18_batch_norm": dict(backbone="resnet18", norm="batch_norm", layers=5, mask_size=28),
    "r50_group_norm": dict(backbone="resnet50", norm="group_norm", layers=5, mask_size=14),
    "r18_thin": dict(backbone="resnet18", norm="frozen_bn", layers=3, mask_size=28, photos=THIN),
}


def weight(name, shape):
    u = uniform(name, int(np.prod(shape)), 0)
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


def build(backbone, norm, layers, mask_size, photos=None):
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
    x = uniform(f"photo{n}", height * width * 3, 0).reshape(height, width, 3)
    return torch.from_numpy((4 * x - 2).astype(np.float32)).permute(2, 0, 1)


def mask(box, height, width):
    """Half of a box: the pixels of it with x - x0 >= (y - y0) / 2."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    x0, y0, x1, y1 = box
    return ((x >= x0) & (x < x1) & (y >= y0) & (y < y1) & (2 * (x - x0) >= y - y0)).astype(np.uint8)


def batch(photos, dtype):
    height, width = ((max(p[0][k] for p in photos) + 31) // 32 * 32 for k in (0, 1))
    images = torch.zeros(len(photos), 3, height, width, dtype=dtype)
    targets = []
    for n, ((h, w), _, boxes, labels) in enumerate(photos):
        images[n, :, :h, :w] = photo(n, h, w)
        targets.append(dict(boxes=torch.tensor(boxes, dtype=dtype), labels=torch.tensor(labels),
                            masks=torch.from_numpy(np.stack([mask(b, h, w) for b in boxes]))))
    return ImageList(images, [p[0] for p in photos]), targets


def kept(mode, stages):
    """Of each stage what the golden holds of it, under infer. or train."""
    return {f"{mode}.{k}": t if k.startswith("proposals.") else sampled(t) for k, t in stages.items()}


def infer(m, photos, dtype):
    m.eval()
    stages, out = {}, {}
    hooks = keep_stages(m, stages)
    images, _ = batch(photos, dtype)
    with torch.no_grad():
        features = m.backbone(images.tensors)
        proposals, _ = m.rpn(images, features)
        found, _ = m.roi_heads(features, proposals, images.image_sizes)
        found = m.transform.postprocess(found, images.image_sizes, [p[1] for p in photos])
    for n, d in enumerate(found):
        out[f"boxes.{n}"], out[f"scores.{n}"], out[f"labels.{n}"] = d["boxes"], d["scores"], d["labels"]
        # Rounding decides about pixels near the threshold: the mask's area lies between these two.
        out[f"areas.{n}"] = torch.stack([(d["masks"] >= t).sum((1, 2, 3)) for t in (0.502, 0.498)], 1)
    for h in hooks:
        h.remove()
    return kept("infer", stages) | out


def train(m, photos, dtype):
    m.train()
    stages, out = {}, {}
    hooks = keep_stages(m, stages)
    images, targets = batch(photos, dtype)
    features = m.backbone(images.tensors)
    proposals, losses = m.rpn(images, features, targets)
    losses |= m.roi_heads(features, proposals, images.image_sizes, targets)[1]
    for k, name in LOSSES.items():
        out[f"loss.{name}"] = losses[k].detach().reshape(1)
    sum(losses.values()).backward()
    for k, p in m.named_parameters():
        if p.grad is not None:
            out[f"grad.{k}"] = sampled(p.grad)
    for h in hooks:
        h.remove()
    return kept("train", stages) | out


for name, case in CASES.items():
    for dtype, suffix in ((torch.float32, ""), (torch.float64, "_f64")):
        m = build(**case)
        if dtype == torch.float64:
            m = in_float64(m)
        photos = case.get("photos", TWO)
        out = infer(m, photos, dtype) | train(m, photos, dtype)
        for k, t in m.state_dict().items():
            if case["norm"] == "batch_norm" and "running" in k:
                out[f"buffer.{k}"] = sampled(t)
        save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(sys.argv[1], name + suffix + ".safetensors"))
        print(name + suffix, {k: v.item() for k, v in out.items() if k.startswith("loss.")},
              [(len(out[f"scores.{n}"]), len(out[f"train.proposals.{n}"])) for n in range(len(photos))])
