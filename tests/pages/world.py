"""What the tests of the pages look at: data sets, the program `view`, folders that go with the test."""
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import tempfile
import urllib.request
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SIL_BIN", ROOT / "build" / "bin"))


class Folder:
    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="sil_pages_"))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Shapes:
    def __init__(self, images, size, seed=1):
        self.folder = Folder()
        out = self.folder.path / "set"
        subprocess.run([BIN / "shapes", "--out", out, "--images", str(images), "--size", str(size), "--seed", str(seed)],
                       check=True, stdout=subprocess.DEVNULL)
        self.annotations, self.images = out / "annotations.json", out / "images"
        self.data = json.loads(self.annotations.read_text())

    def first(self, photo):
        """The id of a photo's first annotation."""
        return next(a["id"] for a in self.data["annotations"] if a["image_id"] == photo)

    def record(self, annotation):
        return next(a for a in self.data["annotations"] if a["id"] == annotation)

    def close(self):
        self.folder.__exit__()


class Pages:
    """`view`, serving; `url` says where.  `within`: the folder it is started in; `memory`: how many bytes it may map."""

    def __init__(self, annotations, images, *more, port=0, within=None, memory=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))) if memory else None
        self.process = subprocess.Popen([BIN / "view", "--annotations", annotations, "--images", images, "--port", str(port), *more],
                                        cwd=within, preexec_fn=limit, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), self.url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def data(self, name):
        with urllib.request.urlopen(self.url + "data/" + name) as answer:
            return json.load(answer)

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


class Exported:
    """`view --export`, opened from disk.  `within`: the folder it is started in."""

    def __init__(self, annotations, images, *more, within=None):
        self.parent = Folder()
        self.folder = self.parent.path / "pages"
        ran = subprocess.run([BIN / "view", "--annotations", annotations, "--images", images, "--export", self.folder, *more],
                             cwd=within, check=True, capture_output=True, text=True)
        self.said, self.url = ran.stdout, f"file://{self.folder}/index.html"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def data(self, name):
        text = (self.folder / "data" / f"{name}.js").read_text()
        return json.loads(text[text.index(",") + 1:text.rindex(")")])

    def close(self):
        self.parent.__exit__()


def decoded(segmentation):
    """The pixels {(x, y)} of COCO's compressed or uncompressed runs."""
    height, _ = segmentation["size"]
    counts = segmentation["counts"]
    if isinstance(counts, str):
        text, counts, at = counts, [], 0
        while at < len(text):
            value, shift, more = 0, 0, True
            while more:
                c = ord(text[at]) - 48
                value |= (c & 31) << shift
                more, at, shift = c & 32, at + 1, shift + 5
                if not more and c & 16:
                    value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
    pixels, at = set(), 0
    for i, run in enumerate(counts):
        if i % 2:
            pixels.update(((p // height, p % height) for p in range(at, at + run)))
        at += run
    return pixels


def encoded(mask, height, width):
    """Uncompressed runs of pixels {(x, y)}."""
    counts, last = [], 0
    for at in sorted(x * height + y for x, y in mask):
        if not counts or at != last:
            counts += [at - last, 0]
        counts[-1] += 1
        last = at + 1
    return {"size": [height, width], "counts": counts + [height * width - last]}


def png(width, height, colour):
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def labelled_set(folder):
    """Two photos in label schema, `one` with two objects."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for name in ("one", "two"):
        (folder / "images" / f"{name}.png").write_bytes(png(60, 40, (90, 120, 150)))
    (folder / "labels" / "one.json").write_text(json.dumps([
        {"type": "instance", "class_id": 3, "class_name": "fig", "polygon": [[5, 5], [25, 5], [25, 25], [5, 25]]},
        {"type": "instance", "class_id": 4, "class_name": "date", "polygon": [[30, 5], [50, 5], [50, 35], [30, 35]]}]))


def hostile_set(folder):
    """Five photos: a sound one, one missing, one broken, one reached by .., one a link out of the folder."""
    images = folder / "images"
    images.mkdir()
    (images / "sound.png").write_bytes(png(60, 40, (90, 120, 150)))
    (images / "broken.png").write_bytes(png(60, 40, (1, 2, 3))[:60])
    (folder / "secret.png").write_bytes(png(60, 40, (1, 2, 3)))
    (images / "link.png").symlink_to(folder / "secret.png")
    names = ["sound.png", "missing.png", "broken.png", "../secret.png", "link.png"]
    evil = ["<script>alert(1)</script>", '"><img src=x onerror="window.pwned=1">', "</script><script>window.pwned=1</script>"]
    box = lambda i, image, category, **more: {"id": i, "image_id": image, "category_id": category, "bbox": [5, 5, 20, 20],
                                              "area": 400, "iscrowd": 0, "segmentation": [[5, 5, 25, 5, 25, 25, 5, 25]], **more}
    data = {"images": [{"id": i + 1, "file_name": n, "width": 60, "height": 40} for i, n in enumerate(names)],
            "categories": [{"id": i + 1, "name": n} for i, n in enumerate(evil)],
            "annotations": [box(1, 1, 1), box(2, 1, 2, bbox=[30, 5, 20, 20], segmentation=[[30, 5, 50, 5, 50, 25, 30, 25]]),
                            box(3, 1, 3, iscrowd=1, segmentation={"size": [40, 60], "counts": [100, 30, 2270]}),
                            box(4, 2, 1), box(5, 3, 2), box(6, 4, 2), box(7, 5, 3),
                            box(8, 1, 1, segmentation={"size": [9, 9], "counts": [81]})]}
    path = folder / "annotations.json"
    path.write_text(json.dumps(data))
    return path, images
