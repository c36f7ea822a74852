"""Makes the awkward photos of scripts/parity.sh from one photo: portrait, without objects, tiny, grey, low and wide, and one of 128 pixels that no
model of that size resizes; one class.

    python one_class.py PHOTO FOLDER
"""
import json
import os
import sys

from PIL import Image

photo, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
source = Image.open(photo).convert("RGB")
tall = source if source.height > source.width else source.transpose(Image.Transpose.ROTATE_90)
photos = {
    "portrait.png": (tall, [[30.5, 40, 200, 300]]),
    "none.png": (source.resize((200, 120)), []),
    "tiny.png": (source.resize((37, 23)), [[3, 4, 20, 10]]),
    "grey.png": (source.convert("L").resize((300, 240)), [[10, 10, 100, 150], [150.25, 80, 100, 100]]),
    "thin.png": (source.resize((533, 40)), [[20, 5, 200, 30], [300.5, 10, 100, 30]]),
    "small.png": (source.resize((128, 96)), [[20, 10.5, 70, 60], [5, 60, 30, 30]]),
}
images, annotations = [], []
for i, (name, (image, boxes)) in enumerate(photos.items()):
    image.save(os.path.join(folder, name))
    images.append(dict(id=i + 1, file_name=name, width=image.width, height=image.height))
    for x, y, w, h in boxes:
        annotations.append(dict(id=len(annotations) + 1, image_id=i + 1, category_id=1, bbox=[x, y, w, h], area=w * h, iscrowd=0,
                                segmentation=[[x, y, x + w, y, x + w, y + h, x, y + h]]))
with open(os.path.join(folder, "one.json"), "w") as f:
    json.dump(dict(images=images, annotations=annotations, categories=[dict(id=1, name="thing")]), f)
