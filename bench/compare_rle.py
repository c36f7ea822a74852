"""Times the mask functions beside pycocotools', in turn (A B A B), one thread each: 1,000 masks of 640 x 480.

    pip install pycocotools numpy
    cmake --build build --target rle_bench
    python bench/compare_rle.py --bench build/bin/rle_bench [--masks 1000] [--rounds 5]

Both get the same strings, pixels and polygons and must come to the same sums.  A function's time is that of all masks.
Times are the process's CPU time, so that other work on the machine matters less; pycocotools' is taken inside Python around
its own calls.
"""
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from pycocotools import _mask as coco

HEIGHT, WIDTH = 480, 640
warnings.simplefilter("ignore")  # numpy 2 about pycocotools' arrays


def outline(rng):
    """A ragged star of 20 to 120 corners, 20 to 400 pixels wide."""
    n = int(rng.integers(20, 120))
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    radius = np.exp(rng.uniform(np.log(10), np.log(200))) * rng.uniform(1 - rng.uniform(0, 0.7), 1, n)
    x, y = rng.uniform(0, WIDTH) + radius * np.cos(angle), rng.uniform(0, HEIGHT) + radius * np.sin(angle)
    return np.stack([np.clip(x, 0, WIDTH), np.clip(y, 0, HEIGHT)], 1).round(2).reshape(-1).tolist()


class Pycocotools:
    def __init__(self, polygons):
        self.polygons = polygons
        self.masks = coco.frPyObjects(polygons, HEIGHT, WIDTH)
        self.boxes = coco.toBbox(self.masks)

    def timed(self, name, work):
        begin = time.process_time()
        total = work()
        return name, ((time.process_time() - begin) * 1e3, total)

    def encode(self):
        spent, total = 0, 0
        for mask in self.masks:
            pixels = coco.decode([mask])
            begin = time.process_time()
            total += len(coco.encode(pixels)[0]["counts"])
            spent += time.process_time() - begin
        return "encode", (spent * 1e3, total)

    def run(self):
        masks, n = self.masks, len(self.masks)
        text = lambda rles: sum(len(r["counts"]) for r in rles)
        half = HEIGHT * WIDTH // 2
        return dict([
            self.encode(),
            self.timed("decode", lambda: sum(int(coco.decode([m]).reshape(-1, order="F")[half]) for m in masks)),
            self.timed("merge", lambda: text(coco.merge([masks[i], masks[(i + 1) % n]]) for i in range(n))),
            self.timed("iou", lambda: float(coco.iou(masks, masks[:50], [0] * min(50, n)).sum())),
            # 200 at a time: with numpy 2 its area() raises from 256 masks on.
            self.timed("area", lambda: sum(int(coco.area(masks[i:i + 200]).sum()) for i in range(0, n, 200))),
            self.timed("box", lambda: float(coco.toBbox(masks)[:, 2].sum())),
            self.timed("string", lambda: text(coco.merge([m]) for m in masks)),  # of one mask: read and written
            self.timed("polygon", lambda: text(coco.frPyObjects(self.polygons, HEIGHT, WIDTH))),
            self.timed("rectangle", lambda: text(coco.frPyObjects(self.boxes, HEIGHT, WIDTH))),
        ])


def ours(bench, folder):
    lines = subprocess.run([bench, folder], check=True, capture_output=True, text=True).stdout.split("\n")
    return {name: (float(ms), float(total)) for name, ms, total in (line.split() for line in lines if line)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--masks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    peer = Pycocotools([outline(rng) for _ in range(args.masks)])
    theirs, mine = [], []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "strings.txt").write_text(
            f"{HEIGHT} {WIDTH}\n" + "".join(m["counts"].decode() + "\n" for m in peer.masks))
        Path(folder, "polygons.txt").write_text("".join(" ".join(map(repr, p)) + "\n" for p in peer.polygons))
        for _ in range(args.rounds):
            theirs.append(peer.run())
            mine.append(ours(args.bench, folder))
    wrong = 0
    print(f"{args.masks} masks of {WIDTH} x {HEIGHT}, medians of {args.rounds} rounds in ms; the ratio is the median of the rounds' own")
    print(f"{'function':<12}{'pycocotools':>14}{'Silhouette':>14}{'ratio':>10}")
    for name in mine[0]:
        of_mine = [r[name][0] for r in mine]
        peer_name = name.removesuffix("_rows")
        if peer_name not in theirs[0]:
            print(f"{name:<12}{'-':>14}{statistics.median(of_mine):>14.2f}{'-':>10}")
            continue
        of_peer = [r[peer_name][0] for r in theirs]
        ratio = statistics.median(a / b for a, b in zip(of_peer, of_mine))
        same = abs(mine[0][name][1] - theirs[0][peer_name][1]) <= 1e-9 * abs(mine[0][name][1])
        wrong += not (same or name == "decode_rows")
        print(f"{name:<12}{statistics.median(of_peer):>14.2f}{statistics.median(of_mine):>14.2f}{ratio:>10.1f}"
              + ("" if same or name == "decode_rows" else "  sums differ"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
