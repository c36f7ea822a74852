"""Small data sets for the evaluator that are broken on purpose, and parameters.

make_nasty(seed) gives (annotations, results, params): what json.load would give, or text where that cannot say it
(keys given twice), and pycocotools' parameters by name.  Needs numpy and pycocotools.
"""
import copy
import json

import numpy as np

import eval_cases

NAN, INF = float("nan"), float("inf")
ODD_NUMBERS = [0, 1, -1, 2, 0.5, -0.0, NAN, INF, -INF, 1e-320, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 1e308,
               10**40, True, False, 255, 256, 1024, 9216, 1e10]
ODD_VALUES = ODD_NUMBERS + [None, "", "0", "1", "1.5", " 7 ", "a", "nan", [], [1], {}, {"a": 1}, "a\u0000", "é"]
ODD_IDS = [0, 1, 1.0, True, False, 0.5, -3, 2**53 + 1, 2.0**53, 2**63, 2**64 + 7, -(2**63), NAN, INF, None, "", "1", "a", "a\u0000",
           "10", "9", "ä", [1], 1e30, 10**30]


def pick(r, values):
    return copy.deepcopy(values[r.integers(0, len(values))])


def rename(data, results, old, new, keys):
    """One id by another value, in all that refers to it."""
    records = {"image_id": data["images"], "category_id": data["categories"]}[keys]
    for record in records:
        if record["id"] == old:
            record["id"] = new
    for record in data["annotations"] + results:
        if record[keys] == old:
            record[keys] = new


def ids_of_a_type(r, data, results):
    key = pick(r, ["image_id", "category_id"])
    records = {"image_id": data["images"], "category_id": data["categories"]}[key]
    kind = r.integers(0, 6)
    for old in list({x["id"] for x in records}):
        new = [str(old), float(old), old + 0.5, old + 2**60, old + 2**63, f"name {old}"][kind]
        if kind == 4 and r.random() < 0.5:
            new = old
        rename(data, results, old, new, key)


def one_odd_id(r, data, results):
    key = pick(r, ["image_id", "category_id"])
    records = {"image_id": data["images"], "category_id": data["categories"]}[key]
    if records:
        rename(data, results, pick(r, records)["id"], pick(r, ODD_IDS), key)


def one_reference(r, data, results):
    records = data["annotations"] + results
    if records:
        x = pick_record(r, records)
        x[pick(r, ["image_id", "category_id"])] = pick(r, ODD_IDS)


def annotation_id(r, data, results):
    if data["annotations"]:
        pick_record(r, data["annotations"])["id"] = pick(r, ODD_IDS)


def pick_record(r, records):
    return records[r.integers(0, len(records))]


def odd_field(r, data, results):
    """Any field of any record becomes any value, or goes."""
    lists = [data["annotations"]] * 4 + [results] * 4 + [data["images"], data["categories"]]
    records = pick_list(r, lists)
    if not records:
        return
    x = records[0] if r.random() < 0.3 else pick_record(r, records)
    key = pick(r, sorted(x))
    if r.random() < 0.25:
        del x[key]
    elif key == "segmentation":
        x[key] = odd_segmentation(r, x[key])
    elif key == "bbox" and r.random() < 0.8:
        x[key] = odd_box(r, x[key])
    else:
        x[key] = pick(r, ODD_VALUES)


def pick_list(r, lists):
    return lists[r.integers(0, len(lists))]


def odd_box(r, box):
    kind = r.integers(0, 6)
    if kind == 0:
        return []
    if kind == 1:
        return box[: r.integers(0, 4)]
    if kind == 2:
        return box + [1.0]
    if kind == 3:
        return [str(v) for v in box]
    box = list(box)
    if box:
        box[r.integers(0, len(box))] = pick(r, ODD_VALUES)
    return box


def odd_segmentation(r, seg):
    kind = r.integers(0, 8)
    if kind == 0:
        return pick(r, ODD_VALUES)
    if kind == 1:
        return pick(r, [[], [[]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], [1, 2, 3, 4, 5, 6], [[1, 1, 9, 1, 9, 9], []],
                        [[1, 1, 9, 1, 9, 9], [1]], [[1, 1, 9, 1, 9, 9], 5], [["1", "1", "9", "1", "9", "9"]], ["123456"],
                        [[True, 1, 9, 1, 9, 9]], [[1, 1, 9, 1, 9, 9], [None, 1, 2, 2]]])
    if isinstance(seg, list):
        seg = copy.deepcopy(seg)
        part = pick_record(r, seg) if seg and isinstance(seg[0], list) else None
        if part:
            if kind < 5:
                part[r.integers(0, len(part))] = pick(r, ODD_VALUES)
            else:
                part.append(3.0)
        return seg
    if not isinstance(seg, dict):
        return seg
    seg = copy.deepcopy(seg)
    if kind == 2:
        del seg[pick(r, sorted(seg))]
    elif kind == 3:
        seg["size"] = pick(r, [[3, 3], [True, 9], [5.5, 9], ["5", 9], [], None, seg["size"] + [1], [0, 0], seg["size"][::-1],
                               [2**32, 1], [-1, 4]])
    elif kind == 4:
        seg["counts"] = pick(r, ["", "0", "~~", "1 2", "é", [], [0], None, 5, [1.5, 2], ["3"], [-1], [2**32]])
    elif kind == 5 and isinstance(seg["counts"], list):
        seg["counts"] = [float(n) for n in seg["counts"]]
    elif kind == 6:
        seg = [seg] if r.random() < 0.5 else [seg, seg]
    elif kind == 7:
        seg = dict(seg, extra=1)
    return seg


def crowds(r, data, results):
    for a in data["annotations"]:
        if r.random() < 0.4:
            a["iscrowd"] = pick(r, [0, 1, 2, 0.5, True, False, "0", "1", 255, 1.0, -0.0])


def scores(r, data, results):
    for d in results:
        if r.random() < 0.6:
            d["score"] = pick(r, [0, 1, 2, True, False, NAN, INF, -INF, 1e-320, 0.5, -0.0])


def sizes(r, data, results):
    for x in data["images"]:
        if r.random() < 0.5:
            x[pick(r, ["width", "height"])] = pick(r, [0, 1, 0.5, 33.7, True, None, "9", -4, NAN, 40])
            if r.random() < 0.3:
                del x[pick(r, ["width", "height"])]


def areas(r, data, results):
    for a in data["annotations"]:
        if r.random() < 0.5:
            a["area"] = pick(r, [NAN, INF, -INF, -1, 0, True, 1e-320, 10**40, 1024, 1024.0000001, 9216])


def boxes(r, data, results):
    for x in data["annotations"] + results:
        if "bbox" in x and r.random() < 0.5 and x["bbox"]:
            x["bbox"] = [float(v) if r.random() < 0.8 else pick(r, [NAN, INF, -INF, -5.0, 0.0, 1e308, 1e-320, 10**30, True])
                         for v in x["bbox"]]


def repeats(r, data, results):
    for records in (data["annotations"], data["images"], data["categories"], results):
        if records and r.random() < 0.5:
            records.append(dict(pick(r, records)))
    if len(data["annotations"]) > 1:
        pick_record(r, data["annotations"])["id"] = pick_record(r, data["annotations"])["id"]


def first_result(r, data, results):
    if results:
        kind = r.integers(0, 5)
        first = results[0]
        if kind == 0:
            first["bbox"] = []
        elif kind == 1:
            first["bbox"] = None
        elif kind == 2:
            first["caption"] = "x"
        elif kind == 3:
            first.pop("bbox", None)
        else:
            first.pop("segmentation", None)


def lists(r, data, results):
    key = pick(r, ["images", "annotations", "categories", "info"])
    if r.random() < 0.5:
        data.pop(key, None)
    else:
        data[key] = pick(r, [[], {}, "", None, 5, [1], "ab", {"id": 1}])


def no_boxes_or_masks(r, data, results):
    key = pick(r, ["bbox", "segmentation"])
    for x in pick_list(r, [results, data["annotations"], results[1:]]):
        x.pop(key, None)


def empty_runs(r, data, results):
    """The same mask with empty runs in it."""
    for x in data["annotations"] + results:
        seg = x.get("segmentation")
        if isinstance(seg, dict) and isinstance(seg["counts"], list) and seg["counts"] and r.random() < 0.7:
            at = int(r.integers(0, len(seg["counts"])))
            n = seg["counts"][at]
            seg["counts"][at : at + 1] = [n - n // 2, 0, n // 2]


MUTATIONS = [ids_of_a_type, one_odd_id, one_reference, annotation_id, odd_field, odd_field, odd_field, crowds, scores, sizes,
             areas, boxes, repeats, first_result, lists, no_boxes_or_masks, empty_runs]


def make_params(r, data):
    params = {}
    if r.random() < 0.4:
        params["maxDets"] = pick(r, [[1, 10, 100], [100, 1, 10], [1, 10, 1000], [1, 2, 3], [0, 1, 2], [100, 100, 100], [3, 3, 100],
                                     [1, 10], [100], [1, 5, 100, 500], [0, 0, 0], [2, 100, 100], [1, 7, 7]])
    if r.random() < 0.4:
        params["iouThrs"] = pick(r, [[0.5], [0.75, 0.5], [0.5, 0.5], [0.0, 0.5], [-1.0, 0.3], [-2.0], [1.0, 2.0], [NAN, 0.5],
                                     [0.5, 0.75, 0.9, 0.1], [INF], [1e-9, 0.5]])
    if r.random() < 0.4:
        params["recThrs"] = pick(r, [[0.0, 1.0], [1.0, 0.0], [0.5], [0.5, 0.5, 0.1], [NAN, 0.1], [0.1, 2.0, 0.1], [-1.0, 0.2],
                                     [0.3333333333333333, 0.6666666666666666], [i / 7 for i in range(8)]])
    if r.random() < 0.4:
        params["areas"] = pick(r, [[["all", 0, 1e10]], [["tiny", 0, 200]], [["all", 0, 1e10], ["small", 0, 500], ["medium", 500, 500]],
                                   [["all", 0, 1e10], ["all", 0, 900]], [["all", 0, 1e10], ["all", 0, 900], ["all", 5, 800]],
                                   [["large", 100, 0], ["all", -INF, INF]], [["all", NAN, 500], ["small", 0, NAN]],
                                   [["all", 0, 400], ["small", 0, 400], ["medium", 0, 400], ["large", 0, 400]]])
    ids = [c["id"] for c in data["categories"]] + [c["category_id"] for c in data["annotations"]] + [99]
    if r.random() < 0.25:
        params["catIds"] = [ids[i] for i in r.integers(0, len(ids), r.integers(1, 4))]
    ids = [c["id"] for c in data["images"]] + [c["image_id"] for c in data["annotations"]] + [99]
    if r.random() < 0.25:
        params["imgIds"] = [ids[i] for i in r.integers(0, len(ids), r.integers(1, 5))]
    if r.random() < 0.25:
        params["useCats"] = 0
    return params


def twice(r, text):
    """A key of one record given twice."""
    at = [i for i in range(len(text)) if text.startswith('{"', i)]
    if not at:
        return text
    key, value = pick(r, ["id", "image_id", "category_id", "score", "iscrowd", "bbox", "images"]), pick(r, ODD_VALUES)
    i = at[r.integers(0, len(at))] + 1
    return f'{text[:i]}"{key}": {json.dumps(value)}, {text[i:]}'


def make_nasty(seed):
    r = np.random.default_rng(seed + 10**6)
    data, results = eval_cases.make_case(seed)
    params = make_params(r, data) if r.random() < 0.5 else {}
    for _ in range(pick(r, [0, 1, 1, 1, 2, 3])):
        try:
            MUTATIONS[r.integers(0, len(MUTATIONS))](r, data, results)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError):
            pass  # an earlier one took away what this one changes
    texts = [json.dumps(data), json.dumps(results)]
    if r.random() < 0.05:
        i = int(r.integers(0, 2))
        texts[i] = twice(r, texts[i])
    return (*texts, params)
