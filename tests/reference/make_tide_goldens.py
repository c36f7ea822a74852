"""Makes tests/golden/tide: random files with the numbers that tidecv 1.0.1 gives them.

    python make_tide_goldens.py OUT_FOLDER

A case is a folder with annotations.json, results.json and expected.txt, whose lines are `<iou type> <name> <value>`.
Needs numpy, pycocotools, tidecv.
"""
import json
import pathlib
import sys

import compare_tide

out = pathlib.Path(sys.argv[1])
kept, seed = 0, 0
while kept < 8:
    annotations, results = compare_tide.make_case(seed)
    crowds = any(a["iscrowd"] for a in annotations["annotations"])
    unknown = any(d["category_id"] == 33 for d in results)
    many = len(results) > 130
    wanted = [True, True, True, crowds, crowds, unknown, unknown and crowds, many][kept]
    if wanted and results and len(annotations["annotations"]) > 3 and len(json.dumps(results)) < (40000 if many else 9000):
        folder = out / f"case_{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "annotations.json").write_text(json.dumps(annotations))
        (folder / "results.json").write_text(json.dumps(results))
        lines = []
        for iou_type, mode in (("bbox", "bbox"), ("segm", "mask")):
            numbers = compare_tide.peer(str(folder / "annotations.json"), str(folder / "results.json"), mode)
            lines += [f"{iou_type} {n.replace(' ', '_')} {v!r}" for n, v in numbers.items()]
        (folder / "expected.txt").write_text("\n".join(lines) + "\n")
        kept += 1
    seed += 1
