"""Run `evaluate` beside pycocotools on broken files and odd parameters (nasty_cases.py): the three arrays and the twelve
numbers must be the same to the last bit; where pycocotools raises, evaluate must exit with 2.

    python compare_nasty.py --binary build/bin/evaluate [--cases 1000] [--seed 0] [--keep DIR]
    python compare_nasty.py --binary build/bin/evaluate --golden DIR SEED...     # write cases as goldens

pycocotools runs in a process of its own under a limit of memory and time.  Not compared: what evaluate accepts on
purpose (no results, no iscrowd, no area, no categories), and what it refuses on purpose (REFUSED), where pycocotools reads memory that
is not its own, does not end, or counts pixels that its mask does not have.  Needs numpy and pycocotools.
"""
import argparse
import collections
import contextlib
import io
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
import zlib

import numpy as np
from pycocotools import mask as M
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import nasty_cases

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
ARRAYS = ["precision", "recall", "scores"]
REFUSED = ["fall short", "run over", "polygon: corner", "makes a run of", "is too long", "end inside a number",
           "has no height and width", "sides of 0 to", "0 to 16777216 expected", "id is the string", "caption",
           "segmentation is a list", "does not compare as a double", "past 64 bits has no order"]


def repair(truth):
    """What evaluate accepts on purpose."""
    for a in truth.dataset.get("annotations") or []:
        a.setdefault("iscrowd", 0)
        if "area" not in a:
            try:
                a["area"] = int(M.area(truth.annToRLE(a)))
            except Exception:
                a["area"] = a["bbox"][2] * a["bbox"][3] if len(a.get("bbox") or []) == 4 else 0


def peer(texts, iou_type, params):
    warnings.simplefilter("ignore")
    data, results = map(json.loads, texts)
    assert type(data) is dict
    truth = COCO()
    truth.dataset = data
    truth.createIndex()
    repair(truth)
    e = COCOeval(truth, truth.loadRes(results), iou_type)
    p = e.params
    for key, value in params.items():
        if key == "areas":
            p.areaRng, p.areaRngLbl = [[low, high] for _, low, high in value], [name for name, _, _ in value]
        else:
            setattr(p, key, np.array(value) if key.endswith("Thrs") else value)
    e.evaluate()
    e.accumulate()
    e.summarize()
    return {**{k: e.eval[k] for k in ARRAYS}, "stats": [float(x) for x in e.stats]}


def peer_apart(texts, iou_type, params):
    """('ok', numbers), ('raises', why) or ('dies', how)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with os.fdopen(write, "wb") as out:
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    answer = ("ok", peer(texts, iou_type, params))
            except Exception as error:
                answer = ("raises", f"{type(error).__name__}: {error}"[:200] + traceback.format_exc()[-200:])
            pickle.dump(answer, out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as back:
        data = back.read()
    status = os.waitpid(child, 0)[1]
    if status != 0 or not data:
        return "dies", f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {status}"
    return pickle.loads(data)


def flags_of(params):
    names = {"maxDets": "max-dets", "iouThrs": "iou-thresholds", "recThrs": "recall-thresholds", "catIds": "categories",
             "imgIds": "images"}
    flags = [f"--{names[k]}={','.join(map(str, v))}" for k, v in params.items() if k in names]
    if "areas" in params:
        flags.append("--area-ranges=" + ",".join(f"{n}:{low}:{high}" for n, low, high in params["areas"]))
    return flags + (["--class-agnostic"] if params.get("useCats") == 0 else [])


def ours(binary, texts, iou_type, flags, folder):
    paths = [os.path.join(folder, n) for n in ("annotations.json", "results.json", "metrics.json", "arrays.npz")]
    for path, text in zip(paths, texts):
        with open(path, "w") as f:
            f.write(text)
    run = subprocess.run([binary, "--annotations", paths[0], "--results", paths[1], "--iou", iou_type, *flags,
                          "--json", paths[2], "--arrays", paths[3]], capture_output=True, text=True, timeout=60)
    if run.returncode == 2 and (run.stderr.splitlines() or [""])[-1].startswith("error: "):
        return "raises", run.stderr.strip().splitlines()[-1]
    if run.returncode != 0:
        return "dies", f"{run.returncode}: {run.stderr[-500:]}"
    with open(paths[2]) as f:
        numbers = json.load(f)[iou_type]
    with np.load(paths[3]) as arrays:
        return "ok", {**{k: arrays[k] for k in ARRAYS}, "stats": [float(numbers[n]) for n in NAMES]}


def bits(array):
    return np.where(np.isnan(array), np.nan, array).astype("<f8").tobytes()


def accepted_on_purpose(texts, theirs):
    try:
        results = json.loads(texts[1])
        return theirs[0] == "raises" and (results == [] or "KeyError: 'categories'" in theirs[1])
    except ValueError:
        return False


def difference(binary, case, iou_type, folder):
    """None, or in words; and what kind of agreement it is."""
    *texts, params = case
    mine, theirs = ours(binary, texts, iou_type, flags_of(params), folder), peer_apart(texts, iou_type, params)
    if mine[0] == "dies":
        return f"evaluate ended with {mine[1]}", "crash"
    if mine[0] == "raises":
        if theirs[0] == "ok" and not any(w in mine[1] for w in REFUSED):
            return f"ours {mine[1]}, pycocotools evaluates", "refused"
        return None, "both refuse" if theirs[0] == "raises" else f"refused on purpose ({theirs[0]})"
    if theirs[0] != "ok":
        if accepted_on_purpose(texts, theirs):
            return None, "accepted on purpose"
        return f"ours evaluates, pycocotools {theirs[0]}: {theirs[1]}", "accepted"
    for name in ARRAYS:
        a, b = mine[1][name], theirs[1][name]
        if a.shape != b.shape:
            return f"{name}: shape {a.shape}, pycocotools {b.shape}", "numbers"
        if bits(a) != bits(b):
            return f"{name}: {np.sum(a != b)} of {a.size} differ", "numbers"
    if mine[1]["stats"] != theirs[1]["stats"]:
        return f"ours {mine[1]['stats']}, pycocotools {theirs[1]['stats']}", "numbers"
    return None, "equal"


def write_case(folder, case):
    os.makedirs(folder, exist_ok=True)
    for name, text in zip(("annotations.json", "results.json", "flags.txt"), (*case[:2], " ".join(flags_of(case[2])) + "\n")):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)


def write_golden(folder, case):
    """expected.txt: '<iou type> raises', or the twelve numbers and the arrays' checksums."""
    *texts, params = case
    lines = []
    for iou_type in ("bbox", "segm"):
        kind, what = peer_apart(texts, iou_type, params)
        if kind != "ok":
            lines.append(f"{iou_type} raises {what.splitlines()[0]}")
            continue
        lines += [f"{iou_type} {n} {v.hex()}" for n, v in zip(NAMES, what["stats"])]
        lines += [f"{iou_type} {n} {zlib.crc32(bits(what[n]))}" for n in ARRAYS]
    write_case(folder, case)
    with open(os.path.join(folder, "expected.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", required=True)
    p.add_argument("--cases", type=int, default=1000)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--keep")
    p.add_argument("--golden", nargs="+", metavar=("DIR", "SEED"))
    args = p.parse_args()
    if args.golden:
        for seed in args.golden[1:]:
            write_golden(os.path.join(args.golden[0], f"nasty_{seed}"), nasty_cases.make_nasty(int(seed)))
        return 0
    kinds = collections.Counter()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seed, args.seed + args.cases):
            case = nasty_cases.make_nasty(seed)
            for iou_type in ("bbox", "segm"):
                found, kind = difference(args.binary, case, iou_type, folder)
                kinds[kind] += 1
                if found:
                    bad += 1
                    print(f"case {seed} {iou_type} {' '.join(flags_of(case[2]))}: {found}", flush=True)
                    if args.keep:
                        write_case(os.path.join(args.keep, f"nasty_{seed}"), case)
    print(f"compared {sum(kinds.values())}, with differences: {bad}; {dict(kinds)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
