"""Makes tests/golden/data: what pycocotools, torch and Pillow say about small masks, polygons and pictures.

    pip install pycocotools torch pillow numpy
    python tests/reference/make_data_goldens.py tests/golden/data
"""
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from pycocotools import mask as coco

out = Path(sys.argv[1])
(out / "images").mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(20240)


def text(rle):
    return rle["counts"].decode()


def runs(bits):
    flat = bits.T.reshape(-1)
    ends = np.flatnonzero(np.diff(flat.astype(int))) + 1
    counts = np.diff([0, *ends, flat.size]).tolist()
    return [0, *counts] if flat.size and flat[0] else counts


def encode(bits):
    return coco.encode(np.asfortranarray(bits))


def blob(h, w):
    """A smooth mask: the union of a few discs."""
    y, x = np.mgrid[:h, :w]
    bits = np.zeros((h, w), np.uint8)
    for _ in range(3):
        cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(0, max(h, w) / 2)
        bits |= ((y - cy) ** 2 + (x - cx) ** 2 < r * r).astype(np.uint8)
    return bits


def masks():
    cases = []
    sizes = [(1, 1), (1, 9), (9, 1), (2, 2), (7, 5), (16, 33), (40, 23), (1, 3000), (3000, 1)]
    for h, w in sizes:
        for bits in [np.zeros((h, w), np.uint8), np.ones((h, w), np.uint8), blob(h, w),
                     (rng.uniform(size=(h, w)) < min(0.5, 40 / (h * w))).astype(np.uint8)]:
            rle = encode(bits)
            cases.append({"height": h, "width": w, "counts": runs(bits), "string": text(rle),
                          "area": int(coco.area(rle)), "bbox": coco.toBbox(rle).tolist()})
    return cases


def outline(kind, h, w):
    n = int(rng.integers(3, 12))
    size = np.array([w, h])
    return {
        "inside": lambda: rng.uniform(0, 1, (n, 2)) * size,
        "outside": lambda: rng.uniform(-1, 2, (n, 2)) * size,
        "integers": lambda: np.round(rng.uniform(-0.2, 1.2, (n, 2)) * size),
        "tenths": lambda: np.round(rng.uniform(-0.2, 1.2, (n, 2)) * size * 10) / 10,
        "far": lambda: rng.uniform(-1000, 1000, (n, 2)),
        "repeated": lambda: np.repeat(rng.uniform(0, 1, (n, 2)) * size, 2, 0),
        "smooth": lambda: np.stack([np.cos(np.arange(40) * np.pi / 20), np.sin(np.arange(40) * np.pi / 20)], 1)
        * rng.uniform(1, max(h, w)) + rng.uniform(0, 1, 2) * size,
    }[kind]().reshape(-1).tolist()


def polygons():
    cases = []
    for kind in ["inside", "outside", "integers", "tenths", "far", "repeated", "smooth"]:
        for h, w in [(1, 1), (1, 30), (30, 1), (12, 17), (60, 80), (5, 400)]:
            parts = [outline(kind, h, w) for _ in range(int(rng.integers(1, 3)))]
            rle = coco.merge(coco.frPyObjects(parts, h, w))
            cases.append({"kind": kind, "height": h, "width": w, "parts": parts, "string": text(rle)})
    return cases


def rectangles():
    cases = []
    for _ in range(12):
        h, w = [int(v) for v in rng.integers(1, 40, 2)]
        box = (rng.uniform(-0.3, 1, 4) * [w, h, w, h]).tolist()
        cases.append({"height": h, "width": w, "box": box, "string": text(coco.frPyObjects(np.array([box]), h, w)[0])})
    return cases


def pairs():
    cases = []
    for i in range(30):
        h, w = [int(v) for v in rng.integers(1, 30, 2)]
        a, b = blob(h, w), (rng.uniform(size=(h, w)) < rng.uniform()).astype(np.uint8)
        if i % 5 == 0:
            b[:] = 0
        ra, rb = encode(a), encode(b)
        cases.append({"height": h, "width": w, "a": text(ra), "b": text(rb),
                      "iou": coco.iou([ra], [rb], [0])[0, 0], "crowd": coco.iou([ra], [rb], [1])[0, 0],
                      "union": text(coco.merge([ra, rb])), "both": text(coco.merge([ra, rb], intersect=True))})
    return cases


def box_pairs():
    cases = []
    for i in range(30):
        a, b = rng.uniform(0, 10, (2, 4))
        if i % 6 == 0:
            a[2 + i % 2] = 0
        if i % 6 == 1:
            b[:2] = a[:2] + a[2:]
        cases.append({"a": a.tolist(), "b": b.tolist(), "iou": coco.iou(a[None], b[None], [0])[0, 0],
                      "crowd": coco.iou(a[None], b[None], [1])[0, 0]})
    return cases


def resizes():
    cases = []
    for h, w, th, tw in [(1, 1, 5, 7), (5, 7, 1, 1), (10, 12, 20, 24), (20, 24, 10, 12), (33, 21, 50, 13), (13, 50, 21, 33),
                         (60, 80, 100, 133), (100, 133, 60, 80), (7, 300, 300, 7), (48, 64, 80, 107), (29, 31, 29, 31)]:
        bits = blob(h, w)
        moved = torch.nn.functional.interpolate(torch.from_numpy(bits)[None, None].float(), size=(th, tw))[0, 0].numpy()
        cases.append({"height": h, "width": w, "string": text(encode(bits)), "to_height": th, "to_width": tw,
                      "resized": text(encode(moved.astype(np.uint8)))})
    return cases


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 % 2**64
    return f"{h:016x}"


def picture(h, w):
    y, x = np.mgrid[:h, :w]
    rgb = np.stack([(x * 7 + y * 3) % 256, 128 + 100 * np.sin(x / 9) * np.cos(y / 7), rng.integers(0, 256, (h, w)) * 0.3 + y], -1)
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def save_pictures():
    folder = out / "images"
    im = picture(29, 43)
    for sub, name in enumerate(["444", "422", "420"]):
        im.save(folder / f"{name}.jpg", quality=80, subsampling=sub)
        im.save(folder / f"{name}_progressive.jpg", quality=80, subsampling=sub, progressive=True)
    im.convert("L").save(folder / "grey.jpg")
    im.convert("CMYK").save(folder / "cmyk_adobe.jpg")
    im.convert("CMYK").save(folder / "cmyk_adobe_progressive.jpg", progressive=True)
    im.save(folder / "rgb.jpg", keep_rgb=True)
    im.save(folder / "restart.jpg", restart_marker_rows=1)
    picture(1, 1).save(folder / "pixel.jpg")
    for o in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = o
        picture(11, 17).save(folder / f"exif{o}.jpg", exif=exif, quality=60)
    exif = Image.Exif()
    exif[0x112] = 6
    picture(11, 17).save(folder / "exif6.png", exif=exif)
    im = picture(13, 19)
    im.save(folder / "rgb.png")
    im.convert("L").save(folder / "grey.png")
    im.convert("1").save(folder / "bits.png")
    im.quantize(200).save(folder / "palette.png")
    im.quantize(4).save(folder / "palette4.png")
    im.quantize(16).save(folder / "palette_transparent.png", transparency=3)
    rgba = im.copy()
    rgba.putalpha(im.convert("L"))
    rgba.save(folder / "rgba.png")
    rgba.convert("LA").save(folder / "grey_alpha.png")
    im.save(folder / "rgb.bmp")
    im.convert("P").save(folder / "palette.gif")
    im.save(folder / "rgb.ppm")
    save_png16(folder / "rgb16.png", rng.integers(0, 65536, (5, 7, 3)))
    save_png16(folder / "grey16.png", np.array([[0, 1, 2, 255, 256, 1000, 65535]]))


def save_png16(path, pixels):
    import zlib
    h, w = pixels.shape[:2]
    rows = b"".join(b"\0" + pixels[y].astype(">u2").tobytes() for y in range(h))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", w, h, 16, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def pictures():
    save_pictures()
    cases = []
    for path in sorted((out / "images").iterdir()):
        im = Image.open(path)
        orientation = im.getexif().get(0x112, 1)
        turned = ImageOps.exif_transpose(im)
        cases.append({"file": path.name, "height": im.height, "width": im.width, "orientation": orientation,
                      "rgb": fnv(im.convert("RGB").tobytes()), "grey": fnv(im.convert("L").tobytes()),
                      "turned": fnv(turned.convert("RGB").tobytes())})
    return cases


for name, cases in [("masks", masks()), ("polygons", polygons()), ("rectangles", rectangles()), ("pairs", pairs()),
                    ("box_pairs", box_pairs()), ("resizes", resizes()), ("pictures", pictures())]:
    lines = ",\n".join(json.dumps(case) for case in cases)
    (out / f"{name}.json").write_text(f"[\n{lines}\n]\n")
