"""The pages' matcher against eval/'s on random files: every detection, boxes and masks, at each of COCO's thresholds."""
import json
import os
import pathlib
import random
import subprocess
import unittest

from browser import Browser
from world import BIN, Folder, Pages

PRINT = pathlib.Path(os.environ.get("SIL_TESTS", BIN.parent / "tests")) / "print_matches"
SIDE = 40


def rectangle(x, y, w, h):
    """Uncompressed runs, down the columns."""
    counts, last = [], 0
    for column in range(x, x + w):
        start = column * SIDE + y
        counts += [start - last, h]
        last = start + h
    return {"size": [SIDE, SIDE], "counts": counts + [SIDE * SIDE - last]}


def random_record(draw, image, categories):
    # Few sizes and places, so that overlaps, equal overlaps and overlaps just at a threshold are many.
    w, h = draw.choice([4, 8, 10, 20]), draw.choice([4, 8, 10, 20])
    x, y = draw.choice(range(0, SIDE - w + 1, 2)), draw.choice(range(0, SIDE - h + 1, 2))
    return {"image_id": image, "category_id": draw.choice(categories), "bbox": [x, y, w, h], "segmentation": rectangle(x, y, w, h)}


def nudged(draw, record):
    x, y, w, h = record["bbox"]
    x, y = min(max(x + draw.choice([-1, 0, 0, 1, 2]), 0), SIDE - w), min(max(y + draw.choice([-1, 0, 1]), 0), SIDE - h)
    return {**record, "bbox": [x, y, w, h], "segmentation": rectangle(x, y, w, h)}


def random_files(draw):
    images, categories = draw.sample(range(1, 100), 12), draw.sample(range(1, 30), 3)
    truths = [{**random_record(draw, draw.choice(images[:10]), categories), "id": i, "iscrowd": int(draw.random() < .15)}
              for i in range(draw.choice([0, 1, 2]), 90)]
    for t in truths:
        t["area"] = t["bbox"][2] * t["bbox"][3] if draw.random() < .9 else draw.choice([-1, 0, 2e10])
    found = [nudged(draw, {k: t[k] for k in ("image_id", "category_id", "bbox", "segmentation")}) for t in truths for _ in range(draw.choice([0, 1, 2]))]
    found += [random_record(draw, draw.choice(images), categories) for _ in range(120)]
    found += [random_record(draw, images[0], categories[:1]) for _ in range(130)]  # beyond the limit of 100
    draw.shuffle(found)
    for d in found:
        d["score"] = draw.choice([.1, .25, .5, .5, .9, draw.random()])
    data = {"images": [{"id": i, "file_name": f"{i}.png", "width": SIDE, "height": SIDE} for i in images],
            "categories": [{"id": c, "name": f"class {c}"} for c in categories],
            "annotations": truths}
    return data, found


IN_PAGE = """(async () => {
  const {Dataset} = await import("/dataset.js"), {Results} = await import("/results.js");
  const {WRONG, RIGHT, IGNORED} = await import("/matcher.js");
  const data = await Dataset.load(), results = await Results.load(data, 0), ids = %s, out = [];
  for (const type of ["bbox", "segm"]) {
    const matcher = await results.matcher(type), {first, category} = matcher.results;
    const right = new Int32Array(category.length), ignored = new Int32Array(category.length), counts = new Uint8Array(category.length);
    results.summary.iou_thresholds.forEach((iou, t) => {
      for (let row = 0; row < data.photos; row++) matcher.matchPhoto(row, iou, 0);
      matcher.status.forEach((status, d) => {
        if (status === RIGHT) right[d] |= 1 << t;
        if (status === IGNORED) ignored[d] |= 1 << t;
        if (status <= IGNORED) counts[d] = 1;
      });
    });
    for (let row = 0; row < data.photos; row++) for (let d = first[row]; d < first[row + 1]; d++)
      if (counts[d]) out.push([type, data.categories[category[d]].id, ids[row], right[d], ignored[d]]);
  }
  return out;
})()"""


class Matcher(unittest.TestCase):
    def test_equals_the_evaluator_to_the_instance(self):
        with Browser() as browser, Folder() as folder:
            (folder / "images").mkdir()
            rights = ignored = 0
            for seed in range(12):
                data, found = random_files(random.Random(seed))
                annotations, results = folder / f"{seed}.json", folder / f"{seed}_results.json"
                annotations.write_text(json.dumps(data))
                results.write_text(json.dumps(found))
                theirs = json.loads(subprocess.run([PRINT, annotations, results], check=True, capture_output=True).stdout)
                with Pages(annotations, folder / "images", "--results", results) as pages:
                    browser.open(pages.url)
                    ours = browser.js(IN_PAGE % json.dumps([i["id"] for i in data["images"]]))
                self.assertEqual(grouped(ours), grouped(theirs), f"seed {seed}")
                rights += sum(bool(row[3]) for row in ours)
                ignored += sum(bool(row[4]) for row in ours)
            self.assertGreater(rights, 500)  # there was something to match
            self.assertGreater(ignored, 100)


def grouped(rows):
    """By type, class and image, in the order given: best score first."""
    out = {}
    for kind, category, image, right, ignored in rows:
        out.setdefault((kind, category, image), []).append((right, ignored))
    return out


if __name__ == "__main__":
    unittest.main()
