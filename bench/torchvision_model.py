#!/usr/bin/env python3
"""torchvision's Mask R-CNN R50-FPN as a peer: its model, and the time of its training steps and detections.

    python bench/torchvision_model.py [--what train,detect] [--device cuda] [--dtype bf16] [--batch 8] [--resize 800 1344] [--repeat 10]

Times batches of random photos, which lie on the device already: all that it needs of a machine is torch and torchvision.
(bench/compare_torchvision.py times it on the CPU beside ours, on the same photos and weights.)  --dtype bf16 is torch.autocast, as
torchvision's own training does with --amp.  cuDNN may try which of its algorithms is the fastest.
Exit 0; 2: there is no torch, no torchvision or no such device.
"""
import argparse
import contextlib
import statistics
import sys
import time

try:
    import torch
    import torchvision
    from torchvision.ops.misc import FrozenBatchNorm2d
except ImportError as error:
    sys.exit(print(f"error: {error}; torch and torchvision expected", file=sys.stderr) or 2)


def build(min_size, max_size, classes):
    """Random weights; frozen batch norm, layers 2 to 4 train; scores spread out, so that a photo has its 100 detections."""
    torch.manual_seed(0)
    m = torchvision.models.detection.maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=classes, min_size=min_size, max_size=max_size)
    for mod in m.modules():
        for name, child in list(mod.named_children()):
            if isinstance(child, torch.nn.BatchNorm2d):
                setattr(mod, name, FrozenBatchNorm2d(child.num_features, eps=1e-5))
    for name, p in m.backbone.body.named_parameters():
        p.requires_grad_(name.startswith(("layer2", "layer3", "layer4")))
    with torch.no_grad():
        m.roi_heads.box_predictor.cls_score.weight *= 200
    return m


def detection(model, autocast=contextlib.nullcontext):
    """What detects in a list of (photo, target)."""
    model.eval()

    def work(part):
        with torch.inference_mode(), autocast():
            model([x for x, _ in part])
    return work


def training(model, autocast=contextlib.nullcontext):
    """What takes a step of SGD on a list of (photo, target)."""
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1e-5, momentum=0.9, weight_decay=5e-4)

    def work(part):
        with autocast():
            losses = model([x for x, _ in part], [y for _, y in part])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    return work


def seconds_a_photo(work, data, repeat, batch, warm=1, wait=lambda: None):
    """The median of work on batches of the data in turn, behind `warm` that do not count.  wait: until it is done."""
    times = []
    for i in range(warm + repeat):
        part = [data[(i * batch + k) % len(data)] for k in range(batch)]
        begin = time.perf_counter()
        work(part)
        wait()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[warm:]) / batch


def random_photo(height, width, objects, classes, device):
    u = torch.rand(objects, 4, device=device)
    w, h = (0.1 + 0.3 * u[:, 0]) * width, (0.1 + 0.3 * u[:, 1]) * height
    x1, y1 = u[:, 2] * (width - w), u[:, 3] * (height - h)
    boxes = torch.stack([x1, y1, x1 + w, y1 + h], 1)
    column, row = torch.arange(width, device=device)[None, None], torch.arange(height, device=device)[None, :, None]
    left, top, right, bottom = (boxes[:, i, None, None] for i in range(4))
    masks = ((column >= left) & (column < right) & (row >= top) & (row < bottom)).to(torch.uint8)
    labels = torch.randint(1, classes, (objects,), device=device)
    return torch.rand(3, height, width, device=device), dict(boxes=boxes, labels=labels, masks=masks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default="train,detect")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="bf16", choices=["f32", "bf16"])
    parser.add_argument("--resize", type=int, nargs=2, default=[800, 1344], metavar=("HEIGHT", "WIDTH"))
    for name, value in dict(batch=8, repeat=10, classes=91, objects=8).items():
        parser.add_argument("--" + name, type=int, default=value)
    args = parser.parse_args()
    makers = dict(train=training, detect=detection)
    unknown = set(args.what.split(",")) - set(makers)
    if unknown:
        sys.exit(print(f"error: --what {sorted(unknown)[0]}; train or detect expected", file=sys.stderr) or 2)
    device = torch.device(args.device)
    gpu = device.type == "cuda"
    if gpu and not torch.cuda.is_available():
        sys.exit(print("error: torch finds no GPU", file=sys.stderr) or 2)
    torch.backends.cudnn.benchmark = True
    model = build(min(args.resize), max(args.resize), args.classes).to(device)
    data = [random_photo(*args.resize, args.objects, args.classes, device) for _ in range(2 * args.batch)]

    def autocast():
        return torch.autocast(device.type, torch.bfloat16, enabled=args.dtype == "bf16")
    for what in args.what.split(","):
        seconds = seconds_a_photo(makers[what](model, autocast), data, args.repeat, args.batch, warm=3 if gpu else 1,
                                  wait=torch.cuda.synchronize if gpu else lambda: None)
        where = torch.cuda.get_device_name(device) if gpu else "the CPU"
        print(f"torchvision {torchvision.__version__}, torch {torch.__version__} on {where}: {what}, {args.resize[0]} x {args.resize[1]}, "
              f"{args.dtype}, batch {args.batch}: {1 / seconds:.2f} images/s", flush=True)


if __name__ == "__main__":
    main()
