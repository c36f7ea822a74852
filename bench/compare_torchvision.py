"""Mask R-CNN R50-FPN beside torchvision's: same photos, same weights, same threads, in turn (A B A B), one run.

    build/bin/shapes --out photos --images 8 --size 800
    python bench/compare_torchvision.py --bench build/bin/mask_rcnn_bench --data photos [--rounds 3] [--threads 2] [--what detect,train]

Weights are torchvision's initialisation with class scores spread out, so that a photo has its 100 detections.
torchvision's time includes its transform of a decoded photo, ours starts from the prepared one.
Needs torch, torchvision, numpy, pillow, pycocotools and safetensors.
"""
import argparse, contextlib, io, json, os, resource, statistics, subprocess, tempfile
import numpy as np, torch
from PIL import Image
from pycocotools.coco import COCO
from safetensors.torch import save_file
from torchvision_model import build, detection, seconds_a_photo, training


def load(data):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(os.path.join(data, "annotations.json"))
    rank = {c: i + 1 for i, c in enumerate(sorted(coco.getCatIds()))}
    out = []
    for i in sorted(coco.getImgIds()):
        x = np.array(Image.open(os.path.join(data, "images", coco.loadImgs(i)[0]["file_name"])).convert("RGB"))
        an = [a for a in coco.loadAnns(coco.getAnnIds(i)) if not a["iscrowd"]]
        b = torch.tensor([a["bbox"] for a in an], dtype=torch.float32).reshape(-1, 4)
        b[:, 2:] += b[:, :2]
        m = torch.from_numpy(np.array([coco.annToMask(a) for a in an], dtype=np.uint8))
        out.append((torch.from_numpy(x).permute(2, 0, 1).float() / 255,
                    dict(boxes=b, labels=torch.tensor([rank[a["category_id"]] for a in an]), masks=m)))
    return out


def ours(a, weights, what):
    cmd = [a.bench, "--annotations", os.path.join(a.data, "annotations.json"), "--images", os.path.join(a.data, "images"),
           "--weights", weights, "--classes", str(a.classes), "--min-size", str(a.size), "--max-size", str(a.size),
           "--repeat", str(a.repeat)] + (["--train", "--batch", str(a.batch)] if what == "train" else [])
    text = subprocess.run(cmd, check=True, capture_output=True, text=True, env={**os.environ, "SIL_THREADS": str(a.threads)}).stdout
    line = json.loads(text.strip().splitlines()[-1])
    return line["per_image_s"], line["peak_bytes"], text


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", required=True), p.add_argument("--data", required=True)
    for k, v in dict(size=800, classes=91, batch=4, repeat=3, rounds=3, threads=2).items():
        p.add_argument("--" + k, type=int, default=v)
    p.add_argument("--what", default="detect,train")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    data = load(a.data)
    for what in a.what.split(","):
        model = build(a.size, a.size, a.classes)
        with tempfile.TemporaryDirectory() as tmp:
            weights = os.path.join(tmp, "w.safetensors")
            save_file({k: v.contiguous() for k, v in model.state_dict().items()}, weights)
            rows = []
            for r in range(a.rounds):
                work, batch = (detection(model), 1) if what == "detect" else (training(model), a.batch)
                theirs = seconds_a_photo(work, data, a.repeat, batch)
                mine, peak, text = ours(a, weights, what)
                rows.append((theirs, mine))
                print(f"{what} round {r}: torchvision {theirs:.3f} s an image, silhouette {mine:.3f} s, ratio {theirs / mine:.2f}", flush=True)
        t, m = (statistics.median(x) for x in zip(*rows))
        print(text)
        print(f"{what}: torchvision {t:.3f} s, silhouette {m:.3f} s an image (medians), torchvision / silhouette = "
              f"{statistics.median(x / y for x, y in rows):.2f}; peak: silhouette {peak / 1e9:.2f} GB of tensors, "
              f"torchvision's process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
