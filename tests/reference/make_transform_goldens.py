"""Makes tests/golden/transforms: what torchvision and Pillow do to a small picture.

    python make_transform_goldens.py OUT_FOLDER

Made with torchvision 0.29 and Pillow 13.  Needs torch, torchvision, numpy and pillow.
"""
import json, pathlib, sys
import numpy as np, torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms import v2

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
height, width = 37, 53
r = np.random.default_rng(4)


def picture():
    """Slopes, saturated and grey patches, and noise: every branch of the colour conversions."""
    y, x = np.mgrid[0:height, 0:width]
    p = np.stack([255 * x / (width - 1), 255 * y / (height - 1), 128 + 127 * np.sin((x + 2 * y) / 7)], 2)
    p[5:12, 5:20] = (255, 0, 0)
    p[5:12, 20:35] = (10, 250, 251)
    p[14:20, 8:30] = 77
    p[20:30, 30:50] = r.uniform(0, 256, (10, 20, 3))
    return np.clip(p + r.normal(0, 3, p.shape), 0, 255).astype(np.uint8)


def mask():
    y, x = np.mgrid[0:height, 0:width]
    m = (x - 20) ** 2 + 2 * (y - 17) ** 2 < 190
    m[30:36, 40:52] = True
    m[::7, 3] = True
    return m.astype(np.uint8)


def save(name, array):
    Image.fromarray(array).save(out / name)
    return name


pixels, bits = picture(), mask()
image = Image.fromarray(pixels)
boxes = [[6.0, 5.0, 34.5, 31.0], [40.0, 30.0, 52.0, 36.0]]
cases = {"picture": save("picture.png", pixels), "mask": save("mask.png", bits * 255), "boxes": boxes,
         "resize": [], "distort": [], "model": []}

for h, w in [(20, 30), (74, 106), (37, 20), (90, 53), (5, 7), (50, 40), (1, 1), (36, 54), (111, 3)]:
    got, moved, new_boxes = v2.Resize([h, w])(
        image, tv_tensors.Mask(torch.from_numpy(bits)), tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width)))
    cases["resize"].append({
        "size": [h, w], "image": save(f"resize_{h}x{w}.png", np.asarray(got)),
        "mask": save(f"resize_{h}x{w}_mask.png", moved.numpy() * 255), "boxes": np.asarray(new_boxes).tolist()})

distort = v2.RandomPhotometricDistort()
for i, (b, c, s, h, before, channels) in enumerate([
        (1.1, None, None, None, True, None), (0.9, None, None, None, True, None), (None, 1.37, None, None, True, None),
        (None, 0.55, None, None, False, None), (None, None, 1.48, None, True, None), (None, None, 0.5, None, True, None),
        (None, None, None, 0.043, True, None), (None, None, None, -0.05, True, None), (None, None, None, 0.5, True, None),
        (None, None, None, None, True, [2, 0, 1]), (0.93, 1.21, 0.77, -0.021, True, [1, 2, 0]),
        (1.12, 0.61, 1.33, 0.037, False, [2, 1, 0]), (None, None, None, -0.5, True, None)]):
    params = {"brightness_factor": b, "contrast_factor": c, "saturation_factor": s, "hue_factor": h,
              "contrast_before": before, "channel_permutation": channels}
    got = distort.transform(image, params)
    cases["distort"].append({"brightness": b, "contrast": c, "saturation": s, "hue": h, "contrast_before": before,
                             "channels": channels, "image": save(f"distort_{i}.png", np.asarray(got))})

mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
for least, most in [(24, 100), (50, 60), (61, 200)]:
    target = {"boxes": torch.tensor(boxes), "masks": torch.from_numpy(bits)[None]}
    x = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    batch, (target,) = GeneralizedRCNNTransform(least, most, mean, std)([x], [target])
    h, w = batch.image_sizes[0]
    photo = batch.tensors[0, :, :h, :w].permute(1, 2, 0).contiguous().numpy()
    name = f"model_{least}_{most}"
    (out / f"{name}.f32").write_bytes(photo.astype("<f4").tobytes())
    cases["model"].append({
        "min_size": least, "max_size": most, "size": [h, w], "photo": f"{name}.f32",
        "mask": save(f"{name}_mask.png", target["masks"][0].numpy() * 255), "boxes": target["boxes"].tolist()})

(out / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
