"""Makes tests/golden/eval: random nasty cases with the numbers that pycocotools and torchmetrics give them.

    python make_eval_goldens.py OUT_FOLDER

Made with pycocotools 2.0.11, torchmetrics 1.9 and numpy 2.4.  A case is a folder with annotations.json, results.json and
expected.txt, whose lines are `<iou type> <category id or all> <name> <float64 in hexadecimal>` and
`torchmetrics <iou types> <name> <values>`.  Needs numpy, pycocotools, torch, torchmetrics.
"""
import json
import pathlib
import sys

import compare_eval
import eval_cases

out = pathlib.Path(sys.argv[1])
limit = 9000  # characters of JSON a case


def kind(annotations, results):
    """What a case has, so that the cases kept differ."""
    first = results[0]
    scores = [d["score"] for d in results]
    return ("bbox" in first, "segmentation" in first, any(a["id"] == 0 for a in annotations["annotations"]),
            any(s != s for s in scores), len(results) > 120, len(set(scores)) < len(scores))


def write(name, annotations, results, torchmetrics):
    lines = []
    for iou_type in ("bbox", "segm"):
        numbers = compare_eval.peer(annotations, results, iou_type)
        for category, row in numbers.items():
            lines += [f"{iou_type} {category} {n} {v.hex()}" for n, v in row.items()]
    for types in (["bbox"], ["segm"], ["bbox", "segm"]) if torchmetrics else []:
        for n, values in compare_eval.torchmetrics_numbers(annotations, results, types).items():
            lines.append(f"torchmetrics {'+'.join(types)} {n} " + " ".join(v.hex() for v in values))
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "annotations.json").write_text(json.dumps(annotations))
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "expected.txt").write_text("\n".join(lines) + "\n")


seen, seed = set(), 0
while len(seen) < 16:
    annotations, results = eval_cases.make_case(seed)
    what, small = kind(annotations, results), len(json.dumps([annotations, results])) < limit
    big = what[4] and len(json.dumps(results)) < 25000 and not any(k[4] for k in seen)
    if (small or big) and len(annotations["annotations"]) > 4 and what not in seen:
        seen.add(what)
        write(f"case_{seed}", annotations, results, False)
    seed += 1

# With both IoU types torchmetrics' numbers of a class take a box's area from its mask: seen where a box is negative.
write("torchmetrics_630", *compare_eval.torchmetrics_case(630), True)

# Under segm alone it leaves out images without objects, and without any detections all is -1.
write("torchmetrics_5336", *compare_eval.torchmetrics_case(5336), True)
write("torchmetrics_5338", *compare_eval.torchmetrics_case(5338), True)

kept, seed = 0, 0
while kept < 4:
    case, seed = compare_eval.torchmetrics_case(seed), seed + 1
    if case and 4 < len(case[0]["annotations"]) and len(json.dumps(case)) < 2 * limit:
        write(f"torchmetrics_{seed - 1}", *case, True)
        kept += 1
