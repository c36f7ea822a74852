"""Random small data sets for the evaluator, nasty on purpose, that pycocotools evaluates without raising.

make_case(seed) gives (annotations, results) as json.load would.  Needs numpy and pycocotools.
"""
import numpy as np
from pycocotools import mask as M


def blob(r, w, h):
    """A polygon that may leave the picture."""
    n = r.integers(3, 9)
    t = np.sort(r.uniform(0, 2 * np.pi, n))
    cx, cy, rx, ry = r.uniform(0, w), r.uniform(0, h), r.uniform(1, 2 + w / 2), r.uniform(1, 2 + h / 2)
    return np.round(np.stack([cx + rx * np.cos(t), cy + ry * np.sin(t)], 1).reshape(-1), 2).tolist()


def text_rle(rle):
    return {"size": [int(s) for s in rle["size"]], "counts": rle["counts"].decode()}


def mask_of(parts, w, h):
    return M.merge(M.frPyObjects(parts, h, w))


def counts_of(rle):
    bits = M.decode(rle).reshape(-1, order="F")
    edges = np.flatnonzero(np.diff(bits)) + 1
    runs = np.diff(np.concatenate([[0], edges, [len(bits)]])).tolist()
    return ([0] if bits[0] else []) + [int(n) for n in runs]


def segmentation(r, parts, w, h):
    """One mask in one of the three forms."""
    kind = r.integers(0, 3)
    if kind == 0:
        return parts
    rle = mask_of(parts, w, h)
    if kind == 1:
        return text_rle(rle)
    return {"size": [h, w], "counts": counts_of(rle)}


def grid_box(r):
    """Coordinates on a coarse grid: IoUs tie and fall on the thresholds."""
    return [float(v) for v in (*r.integers(0, 8, 2) * 5, *r.integers(1, 9, 2) * 5)]


def any_area(r, true_area):
    return [true_area, true_area, true_area, 0, 1024, 9216, 1e10, 2e10, float(r.uniform(0, 3e4))][r.integers(0, 9)]


def any_score(r, style):
    if style == "ties":
        return float(r.integers(0, 4)) / 4
    if style == "odd":
        odd = [float("nan"), float("inf"), -float("inf"), -0.0, 0.0, -1e30, 1e308, 5e-324, 1.0]
        return odd[r.integers(0, len(odd))]
    if style == "integers":
        return int(r.integers(0, 5))
    return float(r.uniform(0, 1))


def make_images(r):
    n = int(r.integers(1, 9))
    ids = r.choice(np.arange(-3, 40), n, replace=False)
    images = [{"id": int(i), "width": int(r.integers(1, 70)), "height": int(r.integers(1, 70)), "file_name": f"{i}.jpg"}
              for i in ids]
    if r.random() < 0.1:
        images.append(dict(images[0], width=31))  # a repeated id: the last counts
    return images


def make_annotation(r, aid, image, category, style):
    w, h = image["width"], image["height"]
    parts = [blob(r, w, h) for _ in range(r.integers(1, 4))]
    if r.random() < 0.05:
        parts.append([0.0, 0.0, float(w), float(h)])  # a later part of two points
    seg = segmentation(r, parts, w, h)
    box = grid_box(r) if style == "grid" else [float(v) for v in M.toBbox(mask_of(parts, w, h))]
    if r.random() < 0.03:
        box[2] = -box[2]
    a = {"id": aid, "image_id": image["id"], "category_id": category, "segmentation": seg, "bbox": box,
         "area": any_area(r, box[2] * box[3]), "iscrowd": int(r.random() < 0.15)}
    if r.random() < 0.1:
        a["ignore"] = 1  # without effect
    return a


def make_detection(r, image, category, truth, boxes, masks, score_style, style):
    w, h = image["width"], image["height"]
    d = {"image_id": image["id"], "category_id": category, "score": any_score(r, score_style)}
    if truth is not None:
        box = [v + float(r.integers(-2, 3)) * (5 if style == "grid" else 0.7) for v in truth["bbox"]]
        box = truth["bbox"] if r.random() < 0.3 else box
        parts = [blob(r, w, h)]
        seg = truth["segmentation"] if r.random() < 0.5 else parts
        if isinstance(seg, dict) and seg["size"] != [h, w]:
            seg = parts
    else:
        box, seg = grid_box(r), [blob(r, w, h)]
    rle = M.frPyObjects(seg, h, w) if isinstance(seg, dict) and isinstance(seg["counts"], list) else seg
    rle = mask_of(rle, w, h) if isinstance(rle, list) else rle
    if boxes:
        d["bbox"] = box
    if masks:
        d["segmentation"] = rle if isinstance(rle["counts"], str) else text_rle(rle)
        if boxes and r.random() < 0.1:
            d["segmentation"] = seg  # beside a box any form will do
        if r.random() < 0.03:
            d["segmentation"] = text_rle(M.encode(np.asfortranarray(np.ones((h + 1, w), np.uint8))))  # another size
    return d


def make_case(seed):
    r = np.random.default_rng(seed)
    style = ["grid", "free"][r.integers(0, 2)]
    score_style = ["ties", "free", "odd", "integers"][r.integers(0, 4)]
    boxes, masks = [(True, True), (True, False), (False, True)][r.integers(0, 3)]
    images = make_images(r)
    used = {i["id"]: i for i in images}  # of a repeated id the last
    pool = list(used.values())
    categories = [int(c) for c in r.choice(np.arange(0, 30), r.integers(1, 6), replace=False)]
    with_objects = categories[: max(1, len(categories) - 1)] if r.random() < 0.5 else categories

    annotations = []
    for n in range(int(r.integers(0, 40))):
        image, category = pool[r.integers(0, len(pool))], with_objects[r.integers(0, len(with_objects))]
        annotations.append(make_annotation(r, n + 1, image, category, style))
    r.shuffle(annotations)
    for a in annotations:
        fate = r.random()
        if fate < 0.02:
            a["image_id"] = 1000
        elif fate < 0.04:
            a["category_id"] = 77
        elif fate < 0.05:
            a["id"] = 0
        elif fate < 0.07 and len(used) == len(images):
            a["id"] = annotations[0]["id"]
        elif fate < 0.08:
            a["id"] = -a["id"]
    # An annotation of an unknown image must not stand for one of a known image: pycocotools raises then.
    bad = {a["id"] for a in annotations if a["image_id"] not in used}
    annotations = [a for a in annotations if a["id"] not in bad or a["image_id"] not in used]

    truths = [a for a in annotations if a["image_id"] in used]
    results = []
    for _ in range(int(r.integers(1, 60))):
        truth = truths[r.integers(0, len(truths))] if truths and r.random() < 0.7 else None
        image = used[truth["image_id"]] if truth else pool[r.integers(0, len(pool))]
        category = truth["category_id"] if truth and r.random() < 0.8 else categories[r.integers(0, len(categories))]
        category = 78 if r.random() < 0.02 else category
        results.append(make_detection(r, image, category, truth, boxes, masks, score_style, style))
    if r.random() < 0.15:  # more than 100 in one image and category
        results += [make_detection(r, pool[0], categories[0], None, boxes, masks, score_style, style) for _ in range(130)]
    if masks and not boxes and r.random() < 0.3:  # boxes on some, after a first without
        for d in results[1:]:
            if r.random() < 0.5:
                d["bbox"] = grid_box(r)
    return {"images": images, "annotations": annotations,
            "categories": [{"id": c, "name": f"class {c}"} for c in categories], "info": {}}, results
