"""The Training page in a real browser: a log that grows, is cut short by a resume, and has lines that are none."""
import json
import unittest

from browser import Browser
from world import Exported, Folder, Pages, Shapes


def step(n, loss):
    return json.dumps({"step": n, "epoch": n / 10, "rate": .01 / n, "losses": {"mask": loss / 2, "box": loss / 2}, "loss": loss, "images_per_second": 2}) + "\n"


def validation(n, ap50):
    return json.dumps({"step": n, "epoch": n / 10, "validation": {"segm": {"AP": ap50 / 2, "AP50": ap50}, "bbox": {"AP": .1, "AP50": .2}, "losses": {"mask": 1, "box": 1}, "loss": 2}}) + "\n"


class TrainingPage(unittest.TestCase):
    def setUp(self):
        self.shapes, self.folder = Shapes(images=2, size=64), Folder()
        self.run_folder = self.folder.path / "my run"
        self.run_folder.mkdir()
        (self.run_folder / "config.json").write_text('{"train": {"note": "<b>bold</b>"}}')
        self.log = self.run_folder / "log.jsonl"

    def tearDown(self):
        self.folder.__exit__()
        self.shapes.close()

    def test_live(self):
        status = "document.querySelector('.training [role=status]').textContent"
        with Pages(self.shapes.annotations, self.shapes.images, "--run", self.run_folder) as pages, Browser() as browser:
            browser.open(pages.url + "#page=training")
            browser.wait(f"{status} === 'my run: no step is logged yet'")
            self.log.write_text(step(1, 5) + step(2, 4) + "no json\n[1]\n" + '{"step": 3')
            browser.wait(f"{status}.includes('step 2, epoch 0.20, loss 4.000')")
            self.log.write_text(self.log.read_text()[:-10] + step(3, 3) + validation(3, .5) + step(4, 2.5) + validation(4, .4))
            (self.run_folder / "best.safetensors").write_bytes(b"x" * 2000000)
            browser.wait(f"{status}.includes('step 4')")
            self.assertIn("step 3, epoch 0.30: masks AP50 0.500, AP 0.250", browser.js("document.querySelector('.facts p').textContent"))
            self.assertIn("<b>bold</b>", browser.js("document.querySelector('pre').textContent"))
            titles = browser.js("[...document.querySelectorAll('figure h2')].map(e => e.textContent)")
            self.assertEqual(titles, ["Loss", "AP on the validation photos", "Learning rate", "Images per second", "mask", "box"])
            self.log.write_text(step(1, 5) + step(2, 9))  # resumed from step 1
            browser.wait(f"{status}.includes('step 2, epoch 0.20, loss 9.000')")
            self.assertEqual(browser.errors, [])

    def test_the_configuration_tells_no_folders(self):
        """Whoever wrote it: an export is handed on."""
        config = {"train": {"weights": "/home/ann/secret place/coco.pth", "folder": "/home/ann/", "note": "a/b", "quoted": '/home/a"n/z'}, "list": ["/home/bob/y"]}
        (self.run_folder / "config.json").write_text(json.dumps(config, indent=2))
        shown = {"train": {"weights": "coco.pth", "folder": "", "note": "a/b", "quoted": "z"}, "list": ["y"]}
        for made in (Pages, Exported):
            with made(self.shapes.annotations, self.shapes.images, "--run", self.run_folder) as pages:
                state = pages.data("run/state")
                self.assertNotIn("/home", json.dumps(state))
                self.assertEqual(json.loads(state["config"]), shown)

    def test_exported(self):
        self.log.write_text("".join(step(n, 10 / n) for n in range(1, 50)))
        with Exported(self.shapes.annotations, self.shapes.images, "--run", self.run_folder) as pages, Browser() as browser:
            browser.open(pages.url + "#page=training")
            browser.wait("document.querySelector('.training [role=status]').textContent.includes('step 49')")
            self.assertEqual(browser.errors, [])


if __name__ == "__main__":
    unittest.main()
