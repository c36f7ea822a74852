#!/usr/bin/env python3
"""Times torch's and torchvision's kernels on the problems of the kernel ladders (bench/kernels/*.cu), on a GPU.

    python bench/kernels/torch_kernels.py [--device cpu] [--small] [NAME...]

Shapes are the ladders', numbers are not: random boxes of the same distribution.  Times are medians between two events, the L2 cache
overwritten before each, as kernel_ladders takes them.  On the CPU, which only shows that this runs, by the clock.
Exit 0; 2: there is no torch, no torchvision or no such device, or a bad argument.
"""
import argparse
import statistics
import sys
import time
from pathlib import Path

try:
    import torch
    import torchvision
    from torchvision.models.detection.roi_heads import maskrcnn_loss, paste_masks_in_image
    from torchvision.ops import MultiScaleRoIAlign, batched_nms
except ImportError as error:
    sys.exit(print(f"error: {error}; torch and torchvision expected", file=sys.stderr) or 2)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import torchvision_model  # noqa: E402


def boxes(count, width, height, device):
    u = torch.rand(count, 4, device=device)
    w, h = (0.02 + 0.98 * u[:, 0] ** 3) * width, (0.02 + 0.98 * u[:, 1] ** 3) * height
    x, y = u[:, 2] * (width - w), u[:, 3] * (height - h)
    return torch.stack([x, y, x + w, y + h], 1)


def pooled(device, small):
    """torchvision's pyramid of two photos: (levels, rois, photo sizes, pooler)."""
    height, width, channels, rois, levels = (48, 64, 8, 11, 2) if small else (800, 1344, 256, 512, 4)
    maps = {str(level): torch.rand(2, channels, height // (4 << level), width // (4 << level), device=device) for level in range(levels)}
    return maps, [boxes(rois, width, height, device) for _ in range(2)], [(height, width)] * 2, MultiScaleRoIAlign(list(maps), 7, 2)


def roi_align(device, small):
    maps, rois, sizes, pooler = pooled(device, small)
    return lambda: pooler(maps, rois, sizes)


def roi_align_backward(device, small):
    maps, rois, sizes, pooler = pooled(device, small)
    leaves = [m.requires_grad_() for m in maps.values()]
    y = pooler(maps, rois, sizes)
    dy = torch.rand_like(y)
    return lambda: torch.autograd.grad(y, leaves, dy, retain_graph=True)


def nms(device, small):
    images, count, wanted, levels = (2, 150, 120, 2) if small else (8, 8768, 1000, 5)
    rows, scores = boxes(images * count, 1344, 800, device).view(images, count, 4), torch.rand(images, count, device=device)
    groups = torch.arange(count, device=device) * levels // count
    return lambda: [batched_nms(r, s, groups, 0.7)[:wanted] for r, s in zip(rows, scores)]


def mask_loss(device, small):
    rows, side, classes, objects, height, width = (6, 7, 5, 3, 40, 50) if small else (1024, 28, 91, 64, 800, 1344)
    y, x = torch.arange(height, device=device)[None, :, None], torch.arange(width, device=device)[None, None, :]
    truth = boxes(objects, width, height, device)
    x1, y1, x2, y2 = (truth[:, i, None, None] for i in range(4))
    masks = (((2 * x - x1 - x2) / (x2 - x1)) ** 2 + ((2 * y - y1 - y2) / (y2 - y1)) ** 2 < 1).to(torch.uint8)
    whose = torch.arange(rows, device=device) % objects
    logits = torch.rand(rows, classes, side, side, device=device, requires_grad=True)
    rois = truth[whose] + torch.rand(rows, 4, device=device)
    labels = torch.randint(1, classes, (objects,), device=device)

    def step():
        return torch.autograd.grad(maskrcnn_loss(logits, [rois], [masks], [labels], [whose]), [logits])
    return step


def top_k(device, small):
    rows, columns, k = (3, 300, 20) if small else (8, 201600, 2000)
    x = torch.rand(rows, columns, device=device)
    return lambda: torch.topk(x, k)


def paste(device, small):
    """To pixels: torchvision leaves the runs to pycocotools."""
    count, side, height, width = (6, 14, 40, 50) if small else (100, 28, 800, 1333)
    masks, rows = torch.rand(count, 1, side, side, device=device), boxes(count, width, height, device)
    return lambda: paste_masks_in_image(masks, rows, (height, width)) >= 0.5


PROBLEMS = [roi_align, roi_align_backward, nms, mask_loss, top_k, paste]


def microseconds(call, device):
    flush = torch.empty(1 << 26 if device.type == "cuda" else 1, device=device)
    call()
    times = []
    while len(times) < 3 or (len(times) < 20 and sum(times) < 1e6):
        flush.zero_()
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            call()
            end.record()
            end.synchronize()
            times.append(1000 * begin.elapsed_time(end))
        else:
            begin = time.perf_counter()
            call()
            times.append(1e6 * (time.perf_counter() - begin))
    return statistics.median(times)


def main():
    parser = torchvision_model.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(p.__name__ for p in PROBLEMS))
    parser.add_argument("--device", type=torchvision_model.device, default="cuda", help="cpu, cuda or cuda:N")
    parser.add_argument("--small", action="store_true", help="the tests' sizes")
    args = parser.parse_args()
    unknown = sorted(set(args.names) - {p.__name__ for p in PROBLEMS})
    if unknown:
        parser.error(f"argument NAME: {unknown[0]!r}; {', '.join(p.__name__ for p in PROBLEMS)} expected")
    device = args.device
    if device.type == "cuda":
        torch.cuda.set_device(device)  # events are of the current one
    torch.manual_seed(0)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__} on {where}")
    for problem in PROBLEMS:
        if not args.names or problem.__name__ in args.names:
            print(f"  {problem.__name__:<20} {microseconds(problem(device, args.small), device):>10.1f} us", flush=True)


if __name__ == "__main__":
    main()
