"""Times `evaluate` beside the evaluators that Python users have, in turn (A B A B), and compares what they say.

    python bench/compare_evaluators.py --binary build/bin/evaluate --data FOLDER [--iou bbox,segm] [--rounds 3]
                                       [--peers hotcoco,faster-coco-eval,pycocotools] [--json FILE]

FOLDER holds instances.json, results_box.json (for bbox) and results.json (for segm), as make_coco_files.py --masks makes
them.  Ours is timed as a whole process, from its start to its end; a peer inside Python, after its import, from reading
the files to its twelve numbers.  Processor seconds, of all threads, matter where the machine is shared.  Memory is the
most that the process had resident, mapped pages counted.  A peer that is not installed is left out.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

PEERS = {
    "pycocotools": "from pycocotools.coco import COCO; from pycocotools.cocoeval import COCOeval",
    "hotcoco": "from hotcoco import COCO, COCOeval",
    "faster-coco-eval": "from faster_coco_eval import COCO, COCOeval_faster as COCOeval",
}
# What a peer's process runs: times itself, and prints seconds and its numbers in the last line.
RUN = """
import json, sys, time
{imports}
start, processor = time.perf_counter(), time.process_time()
truth = COCO(sys.argv[1])
e = COCOeval(truth, truth.loadRes(sys.argv[2]), sys.argv[3])
e.evaluate()
e.accumulate()
e.summarize()
print("\\n" + json.dumps([time.perf_counter() - start, time.process_time() - processor, [float(x) for x in e.stats[:12]]]))
"""


def run(command):
    """Output, seconds, the processors' seconds, and gigabytes at the most."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise RuntimeError(err.strip().splitlines()[-1] if err.strip() else f"ended with {status}")
    return out, time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def ours(binary, annotations, results, iou):
    out, seconds, processor, memory = run([binary, "--annotations", annotations, "--results", results, "--iou", iou])
    return seconds, processor, memory, [float(x) for x in re.findall(r"\] = (-?[\d.]+)", out)]


def peer(name, annotations, results, iou):
    out, _, _, memory = run([sys.executable, "-c", RUN.format(imports=PEERS[name]), annotations, results, iou])
    seconds, processor, numbers = json.loads(out.strip().splitlines()[-1])
    return seconds, processor, memory, numbers


def installed(name):
    return subprocess.run([sys.executable, "-c", PEERS[name]], capture_output=True).returncode == 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", required=True)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--iou", default="bbox,segm")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--peers", default="hotcoco,faster-coco-eval")
    p.add_argument("--json", type=Path)
    args = p.parse_args()

    peers = [name for name in args.peers.split(",") if name]
    for name in [name for name in peers if not installed(name)]:
        print(f"{name} is not installed", file=sys.stderr)
        peers.remove(name)
    report, differ = {}, False
    for iou in args.iou.split(","):
        files = [str(args.data / "instances.json"), str(args.data / ("results_box.json" if iou == "bbox" else "results.json"))]
        runs = {name: [] for name in ["Silhouette", *peers]}
        for _ in range(args.rounds):
            for name, seen in runs.items():
                seen.append(ours(args.binary, *files, iou) if name == "Silhouette" else peer(name, *files, iou))
        mine = runs["Silhouette"][0][3]
        medians = {name: [statistics.median(run[i] for run in seen) for i in (0, 1)] for name, seen in runs.items()}
        print(f"\n{iou}: medians of {args.rounds} rounds\n| | seconds | times ours | processor seconds | times ours | GB |\n" + "|---" * 6 + "|")
        report[iou] = {}
        for name, seen in runs.items():
            memory, note = max(run[2] for run in seen), ""
            if any(abs(a - b) > 5e-4 + 1e-9 for run in seen for a, b in zip(mine, run[3])):
                note, differ = "  <- other numbers", True
            columns = [f"{x:.3f} | {x / own:.2f}" for x, own in zip(medians[name], medians["Silhouette"])]
            print(f"| {name} | {' | '.join(columns)} | {memory:.3f} |{note}")
            report[iou][name] = {"seconds": [run[0] for run in seen], "processor": [run[1] for run in seen], "gigabytes": memory}
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
