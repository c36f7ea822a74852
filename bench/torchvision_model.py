#!/usr/bin/env python3
"""torchvision's Mask R-CNN R50-FPN as a peer: its model, and the time of its training steps and detections.

    python bench/torchvision_model.py [--what train,detect] [--device cuda] [--dtype bf16] [--batch 8] [--resize 800 1344] [--repeat 10]

Times batches of random photos, which lie on the device already: all that it needs of a machine is torch and torchvision.
(bench/compare_torchvision.py times it on the CPU beside ours, on the same photos and weights.)  --dtype bf16 is torch.autocast, as
torchvision's own training does with --amp.

An RPN without training finds no object, which leaves the mask head the ground truth's boxes alone, and in bfloat16 half of its proposals
fall to NMS.  Here both do a trained model's work (and that of ours, which always trains its mask head on 128 rows a photo): the RPN moves its anchors
little, and 200 boxes near the ground truth's join a photo's proposals in training, so that 128 of its samples are positive.  The result
names the rows a photo of the box and mask heads.  At the default size they do not change, so cuDNN may try which of its algorithms is the
fastest, in batches that do not count.  That is generous to torchvision: shapes of real photos change, and its own training does not ask.
Exit 0; 1: the batch does not fit memory, or the mask head has other rows; 2: there is no torch, no torchvision or no such device, or a bad argument.
"""
import argparse
import contextlib
import re
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
    """What takes a step of SGD on a list of (photo, target).  Its rate is 0: by 1e-5 random weights were NaN after three, and RoIs gone."""
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.0, momentum=0.9, weight_decay=5e-4)

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


def give_full_work(model, count=200):
    """1000 proposals a photo in detection; in training, `count` more that overlap an object by more than 0.6."""
    add = model.roi_heads.add_gt_proposals
    with torch.no_grad():
        model.rpn.head.bbox_pred.weight *= 0.01

    def near(boxes):
        boxes = boxes[torch.arange(count, device=boxes.device) % len(boxes)]
        return boxes + (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2) * (0.2 * torch.rand_like(boxes) - 0.1)
    model.roi_heads.add_gt_proposals = lambda proposals, truth: add(add(proposals, truth), [near(b) for b in truth])


def count_rows(head):
    """The set that a head adds the rows of each of its batches to."""
    rows = set()
    head.register_forward_hook(lambda module, inputs, output: rows.add(len(inputs[0])))
    return rows


def device(text):
    """The device of an argument."""
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{text}; cpu, cuda or cuda:N expected")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if text == "cpu":
        return torch.device("cpu")
    if int(text[5:] or 0) >= gpus:
        raise argparse.ArgumentTypeError(f"{text}; torch finds {gpus} GPU{'s' * (gpus != 1)}")
    return torch.device("cuda", int(text[5:] or 0))


def whole(low, high):
    """What reads an argument that is a whole number from low to high."""
    def read(text):
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text}; a whole number from {low} to {high} expected")
        return int(text)
    return read


class Parser(argparse.ArgumentParser):
    """Refuses an argument in one line."""

    def error(self, message):
        self.exit(2, f"error: {message}\n")


def main():
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default="train,detect")
    parser.add_argument("--device", type=device, default="cuda", help="cpu, cuda or cuda:N")
    parser.add_argument("--dtype", default="bf16", choices=["f32", "bf16"])
    parser.add_argument("--resize", type=whole(32, 8192), nargs=2, default=[800, 1344], metavar=("HEIGHT", "WIDTH"))
    for name, low, high, value in ("batch", 1, 1024, 8), ("repeat", 1, 10000, 10), ("classes", 2, 10000, 91), ("objects", 1, 1000, 8):
        parser.add_argument("--" + name, type=whole(low, high), default=value, metavar="N", help=f"{low} to {high}; {value}")
    args = parser.parse_args()
    makers = dict(train=training, detect=detection)
    for what in args.what.split(","):
        if what not in makers:
            parser.error(f"argument --what: {what!r}; train or detect expected")
    try:
        for what in args.what.split(","):
            print(timed(what, makers[what], args), flush=True)
    except RuntimeError as error:
        if not re.search("out of memory|allocate memory|ALLOC_FAILED", str(error)):
            raise
        size = f"{args.resize[0]} x {args.resize[1]}"
        sys.exit(print(f"error: {what}: --batch {args.batch} of {size} does not fit memory", file=sys.stderr) or 1)


def timed(what, maker, args):
    """The line that says how fast a model trains or detects."""
    gpu = args.device.type == "cuda"
    torch.backends.cudnn.benchmark = True
    model = build(min(args.resize), max(args.resize), args.classes).to(args.device)
    give_full_work(model)
    boxes, masks = count_rows(model.roi_heads.box_head), count_rows(model.roi_heads.mask_head)
    data = [random_photo(*args.resize, args.objects, args.classes, args.device) for _ in range(2 * args.batch)]

    def autocast():
        return torch.autocast(args.device.type, torch.bfloat16, enabled=args.dtype == "bf16")
    seconds = seconds_a_photo(maker(model, autocast), data, args.repeat, args.batch, warm=3 if gpu else 1,
                              wait=(lambda: torch.cuda.synchronize(args.device)) if gpu else lambda: None)
    if what == "train" and masks != {128 * args.batch}:
        sys.exit(print(f"error: train: {a_photo(masks, args)} mask rows a photo; 128 expected", file=sys.stderr) or 1)
    where = torch.cuda.get_device_name(args.device) if gpu else "the CPU"
    return (f"torchvision {torchvision.__version__}, torch {torch.__version__} on {where}: {what}, {args.resize[0]} x {args.resize[1]}, "
            f"{args.dtype}, batch {args.batch}, rows a photo: {a_photo(boxes, args)} boxes, {a_photo(masks, args)} masks: "
            f"{1 / seconds:.2f} images/s")


def a_photo(rows, args):
    """Rows of batches as "128" or "99.5 to 100" a photo."""
    return " to ".join(f"{r / args.batch:g}" for r in sorted({min(rows), max(rows)}))


if __name__ == "__main__":
    main()
