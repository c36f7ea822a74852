"""Writes tests/golden/models/initial_*.safetensors: the weights that torchvision starts from.

    python tests/reference/make_initial_goldens.py tests/golden/models

Needs torch, torchvision and safetensors.  Of each tensor but the norms' the norm, the mean, the extremes and eight elements are stored.
"""
import os
import sys

import torch
from safetensors.torch import save_file
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from stages import sampled

MODELS = {
    "r50_seed_0": (0, lambda: maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)),
    "r18_seed_7": (7, lambda: MaskRCNN(resnet_fpn_backbone(backbone_name="resnet18", weights=None), 4)),
}

for name, (seed, make) in MODELS.items():
    torch.manual_seed(seed)
    weights = {k: sampled(p) for k, p in make().named_parameters() if ".bn" not in k and "downsample.1" not in k}
    save_file(weights, os.path.join(sys.argv[1], f"initial_{name}.safetensors"))
    print(name, len(weights))
