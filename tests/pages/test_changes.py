"""What lies on the disk changes while `view` shows it: the pages say so, and never where it lies."""
import json
import os
import resource
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from browser import Browser
from world import Exported, Folder, Pages, Shapes, hostile_set, labelled_set, png

NOTICE = "document.querySelector('#notice').textContent"
DRAWN = "document.querySelector('.cell') && !document.querySelector('.cell.loading')"


def answer(pages, path):
    """Whatever the server says, errors too."""
    try:
        with urllib.request.urlopen(pages.url + path) as got:
            return got.status, got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def everything(rows, kinds):
    """The paths of all that a server of so many rows and kinds of findings can be asked for."""
    return ([f"{kind}/{row}" for kind in ("photo", "thumbnail", "data/objects", "data/outlines", "data/findings/photo") for row in rows] +
            [f"data/{name}" for name in ("header", "names", "columns", "findings", "changes", "results/0/summary", "results/0/objects/0", "results/0/explanation/segm", "nothing")] + [f"data/findings/{kind}" for kind in kinds])


def settled(pages, count):
    """What has changed, once it is so much."""
    until = time.monotonic() + 20
    while (changes := pages.data("changes"))["count"] != count:
        assert time.monotonic() < until, changes
    return changes


class Changes(unittest.TestCase):
    def test_annotations_and_results_that_change_and_vanish(self):
        shapes = Shapes(images=3, size=64)
        with Folder() as folder, Browser() as browser:
            results = folder / "results.json"
            results.write_text("[]")
            with Pages(shapes.annotations, shapes.images, "--results", results) as pages:
                browser.open(pages.url)
                browser.wait(DRAWN)
                self.assertEqual(pages.data("changes")["count"], 0)
                self.assertEqual(browser.js(NOTICE), "")
                text = shapes.annotations.read_text()
                shapes.annotations.write_text(text + " ")
                browser.wait(f"{NOTICE}.includes('annotations.json has changed on the disk')")
                self.assertIn("start view again", browser.js(NOTICE))
                results.unlink()
                browser.wait(f"{NOTICE}.includes('results.json is gone from the disk')")
                browser.open(pages.url + "#photo=000001.png")  # what was read is shown, and the notice in a photo, too
                browser.wait("document.querySelector('.object') && document.querySelector('dialog .notice').textContent.includes('annotations.json')")
                self.assertEqual(browser.errors, [])
        shapes.close()

    def test_a_label_file_edited_in_place(self):
        """Of the same length, and then a second one added and a photo taken away."""
        with Folder() as folder, Browser() as browser:
            labelled_set(folder)
            with Pages(folder, folder / "images") as pages:
                browser.open(pages.url)
                browser.wait(DRAWN)
                self.assertEqual(pages.data("changes")["count"], 0)
                label = folder / "labels" / "one.json"
                with open(label, "r+") as file:
                    text = file.read()
                    file.seek(0)
                    file.write(text.replace("fig", "nut"))
                self.assertEqual(len(label.read_text()), len(text))
                browser.wait(f"{NOTICE}.includes('labels/one.json has changed on the disk')")
                (folder / "labels" / "three.json").write_text("[]")
                browser.wait(f"{NOTICE}.includes('labels has changed on the disk')")
                os.rename(folder / "images" / "two.png", folder / "two.png")
                browser.wait(f"{NOTICE}.includes('images/two.png is gone from the disk')")
                self.assertEqual(pages.data("changes")["count"], 4)  # the folder of photos as well
                self.assertEqual(browser.errors, [])

    def test_a_folder_that_is_emptied_is_not_gone(self):
        with Folder() as folder:
            labelled_set(folder)
            with Pages(folder, folder / "images") as pages:
                label = folder / "labels" / "one.json"
                label.unlink()
                self.assertEqual(settled(pages, 2)["files"], [["labels/one.json", True], ["labels", False]])
            with Pages(folder, folder / "images") as pages:  # and one that was empty, too
                self.assertEqual(pages.data("changes")["count"], 0)
                label.parent.rmdir()
                self.assertEqual(settled(pages, 1)["files"], [["labels", True]])

    def test_what_cannot_be_looked_at_has_not_changed(self):
        """A folder, while the program has as many files open as it may."""
        with Folder() as folder:
            labelled_set(folder)
            with Pages(folder, folder / "images") as pages:
                self.assertEqual(pages.data("changes")["count"], 0)
                process = pages.process.pid
                time.sleep(.2)  # until that connection is closed
                limits, open_files = resource.prlimit(process, resource.RLIMIT_NOFILE), len(os.listdir(f"/proc/{process}/fd"))
                resource.prlimit(process, resource.RLIMIT_NOFILE, (open_files + 1, limits[1]))  # one for who asks
                for _ in range(5):
                    self.assertEqual(pages.data("changes")["files"], [])
                    time.sleep(.1)
                resource.prlimit(process, resource.RLIMIT_NOFILE, limits)
                (folder / "labels" / "three.json").write_text("[]")
                self.assertEqual(settled(pages, 1)["files"], [["labels", False]])

    def test_many_changes_are_counted(self):
        with Folder() as folder, Browser() as browser:
            labelled_set(folder)
            for i in range(9):
                (folder / "images" / f"more{i}.png").write_bytes(png(60, 40, (10 * i, 120, 150)))
                (folder / "labels" / f"more{i}.json").write_text("[]")
            with Pages(folder, folder / "images") as pages:
                browser.open(pages.url)
                for i in range(9):
                    (folder / "labels" / f"more{i}.json").write_text("[ ]")
                browser.wait(f"{NOTICE}.includes('and 6 more')")

    def test_a_photo_that_vanishes_and_comes_back(self):
        shapes = Shapes(images=3, size=64)
        with Browser() as browser, Pages(shapes.annotations, shapes.images) as pages:
            photo = shapes.images / "000002.png"
            kept = photo.read_bytes()
            browser.open(pages.url)
            browser.wait(DRAWN)
            photo.unlink()
            fault = "document.querySelector('.fault').textContent"
            browser.js("location.hash = '#photo=000002.png'")
            browser.wait(f"{fault}.includes('000002.png: No such file')")
            self.assertTrue(browser.js("document.querySelectorAll('.object').length > 0"))  # its records are shown even so
            browser.open(pages.url)
            browser.wait(DRAWN)
            cell = "document.querySelectorAll('.cell')[1]"
            self.assertIn("No such file", browser.js(f"{cell}.querySelector('.trouble').textContent"))
            self.assertEqual(browser.js("document.querySelectorAll('.cell .trouble:not([hidden])').length"), 1)
            photo.write_bytes(kept[:50])
            browser.js("location.hash = '#photo=000002.png'")
            browser.wait(f"{fault}.startsWith('000002.png: ')")
            photo.write_bytes(kept)
            browser.js("location.hash = '#photo=000001.png'")
            browser.wait(f"{fault} === '' && document.querySelector('.object')")
            browser.js("location.hash = '#photo=000002.png'")
            browser.wait("document.querySelector('dialog h2').textContent === '000002.png' && document.querySelector('.object')")
            self.assertEqual(browser.js(fault), "")
            browser.js("location.hash = '#sort=name&down=1'")  # the grid asks anew
            browser.wait(f"{DRAWN} && document.querySelectorAll('.cell .trouble:not([hidden])').length === 0")
        shapes.close()

    def test_a_server_that_ends(self):
        shapes = Shapes(images=3, size=64)
        with Browser() as browser:
            with Pages(shapes.annotations, shapes.images) as pages:
                browser.open(pages.url)
                browser.wait(DRAWN)
            browser.wait(f"{NOTICE}.includes('view does not answer')")
        shapes.close()

    def test_a_server_that_starts_again_with_another_data_set(self):
        """On the same port: a tab left open shows the new one, not its rows under the old one's names."""
        shapes = Shapes(images=3, size=64)
        with Folder() as folder, Browser() as browser:
            labelled_set(folder)
            with Pages(shapes.annotations, shapes.images) as pages:
                browser.open(pages.url)
                browser.wait(f"{DRAWN} && performance.getEntriesByType('resource').some(e => e.name.endsWith('data/changes'))")
                port = urllib.parse.urlsplit(pages.url).port
            with Pages(folder, folder / "images", port=port):
                browser.wait(f"{DRAWN} && document.querySelector('.cell .name').textContent === 'one.png'")
                self.assertEqual(browser.js("document.querySelectorAll('.cell').length"), 2)
                self.assertEqual(browser.js(NOTICE), "")
        shapes.close()

    def test_nothing_tells_where_the_data_lies(self):
        with Folder() as folder:
            annotations, images = hostile_set(folder)
            labels = folder / "labels set"
            labels.mkdir()
            labelled_set(labels)
            (labels / "images" / "broken.png").write_bytes(png(60, 40, (1, 2, 3))[:30])
            (labels / "labels" / "two.json").write_text(json.dumps([{"type": "instance", "class_id": 3, "class_name": "fig", "mask_path": "masks/none.png"}]))
            empty = folder / "empty.json"
            empty.write_text(json.dumps({**json.loads(annotations.read_text()), "annotations": []}))
            results = folder / "results.json"
            results.write_text('[{"image_id": 1, "category_id": 99, "score": 0.5, "bbox": [1, 1, 2, 2]}, {"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [1, 1, 2, 2]}]')
            for where, photos in ((annotations, images), (empty, images), (labels, labels / "images"), (f"{labels}/.", f"{labels}/../labels set/images/")):
                with Pages(where, photos, "--results", results) as pages:
                    while pages.data("findings")["done"] < 2:
                        pass
                    rows, kinds = range(pages.data("header")["photos"]), range(len(pages.data("findings")["kinds"]))
                    self.assertGreater(len(kinds), 0)
                    for path in everything(rows, kinds):
                        self.assertNotIn(str(folder).encode(), answer(pages, path)[1], path)
                    header = pages.data("header")
                with Exported(where, photos, "--results", results) as pages:
                    for file in (file for file in pages.folder.rglob("*") if file.is_file()):
                        self.assertNotIn(str(folder).encode(), file.read_bytes(), file)
                    self.assertEqual(header["source"], where.name if where in (annotations, empty) else "labels set")

    def test_nor_by_file_names_from_the_root(self):
        """Which are shown as those inside the folder of photos, and of others by their last part."""
        with Folder() as folder, Browser() as browser:
            annotations, images = hostile_set(folder)
            (images / "more").mkdir()
            for name in ("more/in.png", "more/it.png"):
                (images / name).write_bytes((images / "sound.png").read_bytes())
            data = json.loads(annotations.read_text())
            outside = "/mnt/ann/photos/x.png"
            for photo, name in zip(data["images"], (images / "more/in.png", folder / "secret.png", images / "broken.png", outside, f"more{images}/it.png")):
                photo["file_name"] = str(name)
            annotations.write_text(json.dumps(data))
            results = folder / "results.json"
            results.write_text(json.dumps([{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [1, 1, 2, 2], "segmentation": {"size": [9, 9], "counts": [81]}}]))
            inside = f"more{images}/it.png"  # a path from the root in the middle of a name is none
            shown = ["more/in.png", "secret.png", "broken.png", "x.png", inside]
            for made in (Pages, Exported):
                with made(annotations, images, "--results", results) as pages:
                    self.assertEqual(pages.data("names"), shown)
                    browser.open(pages.url + "#photo=more/in.png")
                    browser.wait("document.querySelector('.object')")
                    self.assertEqual(browser.js("[document.querySelector('dialog h2').textContent, document.querySelector('.fault').textContent]"), ["more/in.png", ""])
                    if made is Exported:
                        files = [file for file in pages.folder.rglob("*") if file.is_file()]
                        told = {file: file.read_bytes() for file in files}
                    else:
                        while pages.data("findings")["done"] < 2:
                            pass
                        told = {path: answer(pages, path)[1] for path in everything(range(5), range(len(pages.data("findings")["kinds"])))}
                    for where, text in told.items():
                        text = text.replace(inside.encode(), b"")
                        for place in (str(folder), "/mnt/ann"):
                            self.assertNotIn(place.encode(), text, where)

    def test_nor_by_a_path_from_where_view_was_started(self):
        """Of annotations and photos that lie beside the folder it is started in."""
        with Folder() as folder:
            client, labels, within = folder / "client", folder / "client" / "labels set", folder / "here"
            for made in (client, labels, within):
                made.mkdir()
            hostile_set(client)
            labelled_set(labels)
            (labels / "labels" / "two.json").write_text('[{"type": "instance", "class_id": "x"}]')
            results = client / "results.json"
            results.write_text('[{"image_id": 1, "category_id": 99, "score": 0.5, "bbox": [1, 1, 2, 2]}]')
            told = ("../client", str(folder))
            for where, photos in (("../client/annotations.json", "../client/images"), ("../client/labels set", "../client/labels set/images/")):
                with Pages(where, photos, "--results", "../client/results.json", within=within) as pages:
                    while pages.data("findings")["done"] < 2:
                        pass
                    rows, kinds = range(pages.data("header")["photos"]), range(len(pages.data("findings")["kinds"]))
                    self.assertGreater(len(kinds), 0)
                    for path in everything(rows, kinds):
                        for place in told:
                            self.assertNotIn(place.encode(), answer(pages, path)[1], path)
                with Exported(where, photos, "--results", "../client/results.json", within=within) as pages:
                    for file in (file for file in pages.folder.rglob("*") if file.is_file()):
                        for place in told:
                            self.assertNotIn(place.encode(), file.read_bytes(), file)


if __name__ == "__main__":
    unittest.main()
