#!/usr/bin/env python3
"""The pages' pictures in the README, docs/pictures/*.png, from what scripts/demo.sh leaves in runs/demo.

    scripts/demo.sh && scripts/pictures.py        needs Chromium, as the pages' tests do
"""
import argparse
import collections
import pathlib
import struct
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "pages"))
from browser import Browser  # noqa: E402
from world import Pages  # noqa: E402

DRAWN = "document.querySelector('.cell') && !document.querySelector('.cell.loading')"
CHECKED = "document.querySelector('.filters').textContent.includes('Nothing is wrong.')"
# file: what is looked at, until when, in which theme
PICTURES = {
    "dataset": ("page=dataset&size=190", f"{DRAWN} && {CHECKED}", "light"),
    "evaluation": ("page=evaluation&score=0.8&size=220", f"{DRAWN} && document.querySelector('.tally strong')", "dark"),
    "detail": ("page=evaluation&score=0.8&photo=000152.png", "document.querySelector('.object')", "light"),
    "training": ("page=training", "document.querySelector('figure svg')", "light"),
}


def small(picture):
    """The PNG in 256 colours: the most frequent ones as they are, which keeps the page's own, and for the others, mostly of
    the photos' noise, the nearest of the most frequent mixtures of neighbours."""
    n = picture.channels
    rows = [[bytes(row[i:i + 3]) for i in range(0, len(row), n)] for row in picture.rows]
    count = collections.Counter(colour for row in rows for colour in row)
    palette = [colour for colour, _ in count.most_common(96)]
    mixtures = collections.defaultdict(lambda: [0, 0, 0, 0])
    for colour, times in count.items():
        sums = mixtures[bytes(v >> 4 for v in colour)]
        for i in range(3):
            sums[i] += colour[i] * times
        sums[3] += times
    means = {cell: bytes(s // sums[3] for s in sums[:3]) for cell, sums in mixtures.items()}
    palette += [means[cell] for cell in sorted(mixtures, key=lambda cell: -mixtures[cell][3])[:160]]
    nearest = {cell: min(range(len(palette)), key=lambda i: sum((a - b) ** 2 for a, b in zip(palette[i], mean))) for cell, mean in means.items()}
    place = {colour: nearest[bytes(v >> 4 for v in colour)] for colour in count} | {colour: i for i, colour in enumerate(palette[:96])}
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", picture.width, picture.height, 8, 3, 0, 0, 0)) + chunk(b"PLTE", b"".join(palette)) +
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(place[colour] for colour in row) for row in rows), 9)) + chunk(b"IEND", b""))


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    run = ROOT / "runs" / "demo"
    if not (run / "results.json").exists():
        sys.exit(f"error: {run}: there are no results; run scripts/demo.sh first")
    data = run / "data" / "test"
    pictures = {}  # none is written before all are taken
    with Browser(1240, 720) as browser, Pages(data / "annotations.json", data / "images", "--results", run / "results.json", "--run", run) as pages:
        for name, (address, ready, theme) in PICTURES.items():
            browser.theme(theme)
            browser.open(f"{pages.url}#{address}")
            browser.wait(ready)
            browser.js("new Promise(done => setTimeout(done, 300))")  # what was drawn is on the screen
            pictures[ROOT / "docs" / "pictures" / f"{name}.png"] = small(browser.screenshot())
        if browser.errors:
            sys.exit(f"error: {browser.errors}")
    for path, picture in pictures.items():
        path.write_bytes(picture)
        print(f"{path.relative_to(ROOT)}: {len(picture) // 1000} kB")


if __name__ == "__main__":
    main()
