"""Hold the mask functions against pycocotools' on random and extreme masks: strings, area, box, IoU, union, intersection, pixels,
polygons and boxes; contours by what they rasterise to.

    cmake --build build --target rle_answers
    python compare_rle.py --binary build/bin/rle_answers [--cases 2000] [--seed 0]

Needs numpy, pycocotools 2.0.11.
"""
import argparse
import subprocess
import sys
import warnings

import numpy as np
from pycocotools import _mask as coco

warnings.simplefilter("ignore")  # numpy 2 about pycocotools' arrays


def text(rle):
    return rle["counts"].decode()


def codec(counts):
    """COCO's string of runs of any length."""
    out = ""
    for i, n in enumerate(counts):
        n -= counts[i - 2] if i > 2 else 0
        while not -16 <= n < 16:
            out += chr(48 + (n & 31) + 32)
            n >>= 5
        out += chr(48 + (n & 31))
    return out


def of_counts(counts, h, w):
    return coco.frUncompressedRLE([{"counts": counts, "size": [h, w]}], h, w)[0]


def bits(r, h, w):
    """Noise of any density, stripes, or discs."""
    kind = r.integers(0, 4)
    if kind == 0:
        return (r.uniform(size=(h, w)) < r.uniform()).astype(np.uint8)
    if kind == 1:
        return np.full((h, w), r.integers(0, 2), np.uint8)
    y, x = np.mgrid[:h, :w]
    if kind == 2:
        return ((y // r.integers(1, 5) + x // r.integers(1, 5)) % 2).astype(np.uint8)
    out = np.zeros((h, w), np.uint8)
    for _ in range(3):
        cy, cx, radius = r.uniform(0, h), r.uniform(0, w), r.uniform(0, max(h, w) / 2)
        out |= ((y - cy) ** 2 + (x - cx) ** 2 < radius * radius).astype(np.uint8)
    return out


def split(r, rle):
    """The same mask with an empty run somewhere."""
    h, w = rle["size"]
    flat = coco.decode([rle]).reshape(-1, order="F")
    ends = (np.flatnonzero(np.diff(flat.astype(int))) + 1).tolist()
    counts = np.diff([0, *ends, flat.size]).tolist()
    counts = [0, *counts] if flat[0] else counts
    i = int(r.integers(0, len(counts)))
    if counts[i] > 1:
        counts[i:i + 1] = [counts[i] - 1, 0, 1]
    return of_counts(counts, h, w)


def encode(pixels):
    return coco.encode(np.asfortranarray(pixels)[:, :, None])[0]


def of_mask(rle, small=True):
    # Without pixels but with an empty run at the end its box is 2^32 wide.
    box = coco.toBbox([rle])[0] if coco.area([rle])[0] else [0] * 4
    # Runs of 2^32 pixels or more are written as several: strings of huge masks are not compared.
    out = [text(rle) if small else None, str(int(coco.area([rle])[0]))] + [str(int(v)) for v in box]
    return out + [text(encode(coco.decode([rle])[:, :, 0]))] if small else out


def pair(a, b, small=True, merged=True):  # pycocotools leaves empty runs in what it merges
    h, w = a["size"]
    expected = of_mask(a, small) + of_mask(b, small) + [float(coco.iou([a], [b], [0])[0, 0]), float(coco.iou([a], [b], [1])[0, 0])]
    if small and merged:
        expected += [text(coco.merge([a, b])), text(coco.merge([a, b], intersect=1))]
    return f"pair {h} {w} {text(a)} {text(b)}", expected


def polygon(r):
    h, w = (int(v) for v in r.integers(1, 60, 2))
    n, grid, reach = int(r.integers(3, 12)), [1, 5, 10, 1e6][r.integers(0, 4)], [1, 2, 40][r.integers(0, 3)]
    xy = (r.uniform(1 - reach, reach, (n, 2)) * [w, h] * grid).round() / grid
    numbers = xy.reshape(-1).tolist()
    return f"polygon {h} {w} " + " ".join(map(repr, numbers)), [text(coco.frPyObjects([numbers], h, w)[0])]


def box(r):
    h, w = (int(v) for v in r.integers(1, 60, 2))
    numbers = (r.uniform(-0.3, 1, 4) * [w, h, w, h]).tolist()
    return f"box {h} {w} " + " ".join(map(repr, numbers)), [text(coco.frPyObjects(np.array([numbers]), h, w)[0])]


def extremes(r):
    for h, w in [(1, 1), (1, 5000), (5000, 1), (2, 3), (4000, 4000), (480, 640), (63, 64), (64, 65)]:
        full, none = encode(np.ones((h, w), np.uint8)), encode(np.zeros((h, w), np.uint8))
        yield pair(full, none)
        if h * w < 1 << 20:
            yield pair(full, encode(bits(r, h, w)))
    # 100,000 x 100,000 in a few runs.  pycocotools counts in 32 bits, so pixels inside lie within its reach; it writes beyond
    # its buffer where numbers have 7 characters, so the strings are made here.
    side = 100_000
    for _ in range(50):
        masks = []
        for _ in range(2):
            runs = [int(v) for v in r.integers(1, 10**8, 2 * int(r.integers(1, 9)))]
            masks.append({"size": [side, side], "counts": codec([*runs, side * side - sum(runs)]).encode()})
        yield pair(*masks, small=False)


def same(theirs, mine):
    return theirs is None or (float.fromhex(mine) == theirs if isinstance(theirs, float) else mine == theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    r = np.random.default_rng(args.seed)
    cases = list(extremes(r))
    for _ in range(args.cases):
        h, w = (int(v) for v in r.integers(1, 70, 2))
        a, b = encode(bits(r, h, w)), encode(bits(r, h, w))
        cases += [pair(a, b), pair(split(r, a), b, merged=False), polygon(r), box(r)]
    run = subprocess.run([args.binary], input="\n".join(c[0] for c in cases) + "\n", capture_output=True, text=True, check=True)
    wrong = 0
    for (line, expected), answer in zip(cases, run.stdout.splitlines(), strict=True):
        words = answer.split(" ")
        bad = [i for i, v in enumerate(expected) if i >= len(words) or not same(v, words[i])]
        wrong += bool(bad)
        if bad and wrong < 10:
            print(f"{line[:300]}\n  expected {str(expected)[:600]}\n  answer   {answer[:600]}\n  wrong at {bad}")
    print(f"compared {len(cases)}, with differences: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
