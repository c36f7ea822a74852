"""Seconds a training step, `train` beside a peer that trains the same recipe: same photos, same threads, in turn (A B A B), one run.

    python bench/compare_training.py --train build/bin/train --peer PEER.py --config config.json \
        --train-annotations F --train-images D --val-annotations F --val-images D [--rounds 3] [--steps 10] [--threads 2]

PEER.py takes the four paths, --steps, --eval-every, --threads and --json F, where it leaves a list whose last item has
median_step_s.  A step is forward, backward and optimizer, without loading; each round starts both from scratch and takes
the median of its steps.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile


def theirs(a, paths, folder):
    out = os.path.join(folder, "peer.json")
    subprocess.run([sys.executable, a.peer, *paths, "--steps", str(a.steps), "--eval-every", str(a.steps), "--threads", str(a.threads), "--json", out],
                   check=True, capture_output=True)
    with open(out) as f:
        return json.load(f)[-1]["median_step_s"]


def ours(a, paths, folder):
    run = os.path.join(folder, "run")
    subprocess.run([a.train, *paths, "--config", a.config, "--max-steps", str(a.steps), "--out", run], check=True, capture_output=True,
                   env={**os.environ, "SIL_THREADS": str(a.threads)})
    with open(os.path.join(run, "log.jsonl")) as f:
        return statistics.median(x["seconds"] for x in map(json.loads, f) if "seconds" in x and "loss" in x)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = ("--train-annotations", "--train-images", "--val-annotations", "--val-images")
    for k in ("--train", "--peer", "--config", *data):
        p.add_argument(k, required=True)
    for k, v in dict(rounds=3, steps=10, threads=2).items():
        p.add_argument("--" + k, type=int, default=v)
    a = p.parse_args()
    paths = [x for k in data for x in (k, getattr(a, k[2:].replace("-", "_")))]
    rows = []
    for r in range(a.rounds):
        with tempfile.TemporaryDirectory() as folder:
            rows.append((theirs(a, paths, folder), ours(a, paths, folder)))
        print(f"round {r + 1}: peer {rows[-1][0]:.2f} s a step, train {rows[-1][1]:.2f} s, peer / train = {rows[-1][0] / rows[-1][1]:.2f}", flush=True)
    t, m = (statistics.median(x) for x in zip(*rows))
    print(f"medians: peer {t:.2f} s, train {m:.2f} s a step; peer / train = {statistics.median(x / y for x, y in rows):.2f}")


if __name__ == "__main__":
    main()
