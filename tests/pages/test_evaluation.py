"""The Evaluation page in a real browser: results that are made from a `shapes` data set, so that each is known."""
import json
import unittest

from browser import Browser
from test_dataset import inner_pixel
from world import Exported, Folder, Pages, Shapes, decoded, encoded

COLOURS = {"right": (0x56, 0xb4, 0xe9), "wrong": (0xd5, 0x5e, 0x00), "missed": (0xf0, 0xe4, 0x42)}
SIDE = 128


def shifted(mask, by):
    return {(x + by, y) for x, y in mask if 0 <= x + by < SIDE}


def made_results(shapes):
    """Photo 1: all found.  Photo 2: the first object is missed.  Photo 3: a prediction where nothing is.  Photo 4: the
    first object under another class.  Photo 5: all found with a score of 0.3.  Others: moved by 3 pixels."""
    found, extra = [], {(x, y) for x in range(2, 8) for y in range(2, 8)}
    for a in shapes.data["annotations"]:
        photo, mask, first = a["image_id"], decoded(a["segmentation"]), a["id"] == shapes.first(a["image_id"])
        if photo == 2 and first:
            continue
        category = a["category_id"] % 3 + 1 if photo == 4 and first else a["category_id"]
        found.append((photo, category, .3 if photo == 5 else .9, shifted(mask, 3) if photo > 5 else mask))
    found.append((3, 1, .8, extra))
    return [{"image_id": i, "category_id": c, "score": s, "segmentation": encoded(m, SIDE, SIDE)} for i, c, s, m in found if m]


class EvaluationPage(unittest.TestCase):
    """As `view --port` serves it."""

    made = Pages

    @classmethod
    def setUpClass(cls):
        cls.shapes, cls.folder = Shapes(images=20, size=SIDE), Folder()
        a, b = cls.folder.path / "a.json", cls.folder.path / "b.json"
        cls.results = made_results(cls.shapes)
        a.write_text(json.dumps(cls.results))
        b.write_text(json.dumps([r for r in cls.results if r["image_id"] != 7]))
        cls.pages = cls.made(cls.shapes.annotations, cls.shapes.images, "--results", a, b)
        cls.browser = Browser(1400, 900)

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.pages.close()
        cls.folder.__exit__()
        cls.shapes.close()

    def open(self, address=""):
        self.browser.errors.clear()
        self.browser.open(self.pages.url + "#page=evaluation" + address)
        self.browser.wait("document.querySelector('.tally strong') && document.querySelector('.cell') && !document.querySelector('.cell.loading')")

    def tearDown(self):
        self.assertEqual(self.browser.errors, [])

    def tally(self):
        return self.browser.js("[...document.querySelectorAll('.tally strong')].slice(0, 3).map(e => Number(e.textContent.replaceAll(',', '')))")

    def note(self, name):
        return self.browser.js(f"[...document.querySelectorAll('.cell')].find(c => c.querySelector('.name').textContent === '{name}').querySelector('.note').textContent")

    def objects(self, photo):
        return sum(a["image_id"] == photo for a in self.shapes.data["annotations"])

    def test_what_is_right_wrong_and_missed(self):
        self.open("&iou=0.3")
        self.assertEqual(self.note("000001.png"), f"✓{self.objects(1)} ✗0 ?0")
        self.assertEqual(self.note("000002.png"), f"✓{self.objects(2) - 1} ✗0 ?1")
        self.assertEqual(self.note("000003.png"), f"✓{self.objects(3)} ✗1 ?0")
        self.assertEqual(self.note("000004.png"), f"✓{self.objects(4) - 1} ✗1 ?1")
        self.assertEqual(self.note("000005.png"), f"✓0 ✗0 ?{self.objects(5)}")

    def test_sliders_match_anew(self):
        self.open()
        right, wrong, missed = self.tally()
        self.browser.js("(() => { const s = document.querySelectorAll('.slider input')[0]; s.value = .95; s.dispatchEvent(new Event('input')); })()")
        self.browser.wait(f"document.querySelector('.tally strong').textContent !== '{right}'")
        stricter = self.tally()
        self.assertLess(stricter[0], right)
        self.assertEqual(stricter[0] + stricter[1], right + wrong)
        self.assertEqual(stricter[0] + stricter[2], right + missed)
        self.open("&score=0.2")
        self.assertEqual(self.note("000005.png"), f"✓{self.objects(5)} ✗0 ?0")

    def test_sliders_in_the_detail_view(self):
        self.open("&side=&photo=000001.png&score=0.5")
        self.browser.wait("document.querySelector('.object strong')?.textContent.includes(': right')")
        self.browser.js("(() => { const s = document.querySelectorAll('dialog .slider input')[1]; s.value = .95; s.dispatchEvent(new Event('input')); })()")
        self.browser.wait("location.hash.includes('score=0.95') && [...document.querySelectorAll('.object strong')].every(e => e.textContent.includes('missed'))")
        self.assertEqual(self.browser.js("document.querySelectorAll('.object').length"), self.objects(1))

    def test_sorting(self):
        self.open("&sort_results=wrong&iou=0.3")
        self.assertIn(self.browser.js("document.querySelector('.cell .name').textContent"), ("000003.png", "000004.png"))
        self.open("&sort_results=difference")
        self.assertEqual(self.browser.js("document.querySelector('.cell .name').textContent"), "000007.png")
        self.open("&sort_results=loss")
        losses = self.pages.data("results/0/losses/segm")
        self.assertEqual(self.browser.js("document.querySelector('.cell .name').textContent"), "%06d.png" % (losses.index(max(losses)) + 1))

    def test_a_cell_of_the_confusion_matrix_opens_its_photos(self):
        self.open()
        truth = self.shapes.record(self.shapes.first(4))["category_id"]
        names = {c["id"]: c["name"] for c in self.shapes.data["categories"]}
        label = f"{names[truth]} taken for {names[truth % 3 + 1]}: 1"
        self.browser.js(f"document.querySelector('[aria-label=\"{label}\"]').click()")
        self.browser.wait("document.querySelector('.toolbar [role=status]').textContent === '1 of 20 photos'")
        self.assertEqual(self.browser.js("document.querySelector('.cell .name').textContent"), "000004.png")

    def test_a_class_shows_its_curve_and_its_photos_when_clicked(self):
        self.open()
        category = next(c for c in self.shapes.data["categories"] if c["name"] == "square")
        pressed = "[...document.querySelectorAll('.link[aria-pressed=true]')].map(e => e.textContent)"
        curve = "[...document.querySelectorAll('details')].find(d => d.querySelector('summary').textContent.startsWith('Precision')).querySelector('.rest').textContent"
        photos = {x["image_id"] for x in (*self.shapes.data["annotations"], *self.results) if x["category_id"] == category["id"]}
        self.browser.js("[...document.querySelectorAll('.link')].find(e => e.textContent === 'square').click()")
        self.browser.wait(f"document.querySelector('.toolbar [role=status]').textContent === '{len(photos)} of 20 photos' && {curve} === 'square'")
        self.assertEqual(self.browser.js(pressed), ["square"])
        self.assertIn(f"class={category['id']}", self.browser.js("location.hash"))
        self.assertTrue(self.browser.js("document.querySelector('[aria-label^=\"Precision over recall, square\"]') !== null"))
        self.browser.js("[...document.querySelectorAll('.link')].find(e => e.textContent === 'square').click()")
        self.browser.wait(f"document.querySelector('.toolbar [role=status]').textContent === '20 photos' && {curve}.startsWith('Mean')")
        self.assertEqual(self.browser.js(pressed), [])

    def test_numbers_are_the_evaluators(self):
        self.open()
        summary = self.pages.data("results/0/summary")
        cells = self.browser.js("[...document.querySelectorAll('details:first-of-type tbody tr:first-child td')].map(e => e.textContent)")
        self.assertEqual(cells[:2], [f"{summary['metrics'][t]['AP']:.3f}" for t in ("bbox", "segm")])

    def test_colours_and_dashes_on_the_screen(self):
        self.open("&side=&photo=000001.png&opacity=100&labels=")
        self.browser.wait_for_photo("000001.png")
        pixel = self.screen()
        for a in [a for a in self.shapes.data["annotations"] if a["image_id"] == 1]:
            x, y = inner_pixel(decoded(a["segmentation"]))
            self.assertEqual(pixel(x + .5, y + .5), COLOURS["right"], f"annotation {a['id']}")
        self.open("&side=&photo=000002.png&opacity=100&labels=&boxes=&iou=0.3")
        self.browser.wait_for_photo("000002.png")
        pixel = self.screen()
        missed = decoded(self.shapes.record(self.shapes.first(2))["segmentation"])
        # Along its outline yellow and what lies below take turns.
        seen = [near(pixel(x, y + step / 8), COLOURS["missed"]) for x, y, step in outline_samples(missed)]
        self.assertGreater(sum(seen), len(seen) // 10)
        self.assertLess(sum(seen), len(seen) * 9 // 10)

    def test_two_results_side_by_side(self):
        """Of photo 7 A finds the objects, moved by three pixels, and B nothing."""
        self.open("&photo=000007.png&iou=0.3&opacity=100&labels=")
        self.browser.wait_for_photo("000007.png")
        self.assertEqual(self.browser.js("document.querySelectorAll('.stage canvas').length"), 2)
        self.assertEqual(self.browser.js("[...document.querySelectorAll('.pane p')].map(p => p.textContent)"), ["A: a.json", "B: b.json"])
        entries = self.browser.js("[...document.querySelectorAll('.object')].map(e => e.innerText)")
        self.assertEqual(len(entries), self.objects(7))
        for entry in entries:
            self.assertRegex(entry, r"A ✓ 0.900, IoU 0\.\d+")
            self.assertIn("B ? missed", entry)
        middle = inner_pixel(decoded(self.shapes.record(self.shapes.first(7))["segmentation"]))
        a, b = (self.screen(pane)(middle[0] + .5, middle[1] + .5) for pane in (0, 1))
        self.assertEqual(a, COLOURS["right"])
        self.assertFalse(near(b, COLOURS["right"]))
        # The same part of the photo on both, whichever is moved; an entry lights its objects on both.
        x, y = self.browser.middle(".pane:nth-child(2) canvas")
        self.browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300)
        self.browser.wait("location.hash.includes('at=')")
        self.assertTrue(self.browser.js("(([a, b]) => JSON.stringify(a.view) === JSON.stringify(b.view))([...document.querySelectorAll('.stage canvas')])"))
        self.browser.click_on(".switch[title='Both results, side by side']")
        self.browser.wait("document.querySelectorAll('.stage canvas').length === 1")

    def test_where_two_results_differ(self):
        self.open("&only=differ&sort_results=difference&iou=0.3")
        self.browser.wait("document.querySelector('.toolbar [role=status]').textContent === '1 of 20 photos'")
        self.assertTrue(self.note("000007.png").startswith(f"Δ{self.objects(7)} "), self.note("000007.png"))

    def test_wrong_predictions_are_striped(self):
        self.open("&side=&photo=000003.png&opacity=100&labels=&at=20,6,6")
        self.browser.wait_for_photo("000003.png")
        pixel = self.screen()
        inside = [near(pixel(3 + i / 20, 5), COLOURS["wrong"]) for i in range(80)]
        self.assertGreater(sum(inside), 15)
        self.assertLess(sum(inside), 65)

    def tab_to(self, condition):
        for _ in range(120):
            self.browser.key("Tab")
            if self.browser.js(f"(e => {condition})(document.activeElement)"):
                return
        self.fail(f"the Tab key never comes to {condition}")

    def test_keyboard_alone(self):
        """A slider, a class, a cell of the confusion matrix, a photo, one of its objects, and back."""
        self.open("&side=")
        self.tab_to("e.closest('.slider')?.textContent.startsWith('Score')")
        self.browser.key("ArrowRight")
        self.browser.wait("location.hash.includes('score=0.51')")
        self.tab_to("e.matches('.link')")
        self.browser.key("Enter")
        self.browser.wait("location.hash.includes('class=') && document.activeElement.matches('.link[aria-pressed=true]')")
        self.browser.wait("document.querySelector('.heat')")
        self.tab_to("e.matches('.heat')")
        self.browser.key("Enter")
        self.browser.wait("location.hash.includes('cell=') && document.activeElement.matches('.heat[aria-pressed=true]')")
        self.browser.wait("document.querySelector('.toolbar [role=status]').textContent.includes(' of 20 photos')")
        self.tab_to("e.matches('.toolbar .plain') && e.textContent === 'Show all'")
        self.browser.key("Enter")
        self.browser.wait("document.querySelector('.toolbar [role=status]').textContent === '20 photos'")
        self.tab_to("e.matches('.cell a')")
        name = self.browser.js("document.activeElement.querySelector('.name').textContent")
        self.browser.key("Enter")
        self.browser.wait("document.querySelector('dialog').open && document.querySelector('.object')")
        self.tab_to("e.matches('.object')")
        self.assertTrue(self.browser.js("document.activeElement.matches('.lit')"))
        self.browser.key("Enter")
        self.browser.wait("location.hash.includes('at=')")
        self.browser.key("Escape")
        self.browser.wait(f"!document.querySelector('dialog').open && document.activeElement.querySelector('.name')?.textContent === '{name}'")

    def test_what_is_switched_on_one_page_holds_on_the_other(self):
        self.open()
        shown = "[...document.querySelectorAll('.cell canvas')].reduce((n, c) => n + c.labels.length, 0)"
        self.browser.js("location.hash = '#page=dataset'")
        self.browser.wait(f"document.querySelector('.cell') && !document.querySelector('.cell.loading') && {shown} > 0")
        self.browser.js("location.hash = '#page=evaluation'")
        self.browser.wait("document.querySelector('.tally strong')")
        self.browser.js("[...document.querySelectorAll('.toolbar .switch')].find(b => b.textContent === 'Labels').click()")
        self.browser.js("document.querySelector('#tabs a').click()")
        self.browser.wait(f"document.querySelector('#tabs [aria-current]').textContent === 'Dataset' && {shown} === 0")

    def test_an_order_that_needs_two_results_or_none_there_is(self):
        self.open("&sort_results=none")
        self.assertEqual(self.browser.js("document.querySelector('.cell .name').textContent"), "000001.png")

    def screen(self, pane=0):
        view, left, top = self.browser.js(f"(() => {{ const c = document.querySelectorAll('.stage canvas')[{pane}], r = c.getBoundingClientRect(); return [c.view, r.x, r.y]; }})()")
        picture = self.browser.screenshot()
        return lambda x, y: picture.at(left + view["x"] + x * view["scale"], top + view["y"] + y * view["scale"])


class ExportedEvaluationPage(EvaluationPage):
    """The same, opened from disk."""

    made = Exported


def near(a, b):
    return max(abs(x - y) for x, y in zip(a, b)) < 40


def outline_samples(mask):
    """Points on the left edges of a mask, eight a pixel."""
    return [(x, y, step) for x, y in sorted(mask) if (x - 1, y) not in mask for step in range(8)]


if __name__ == "__main__":
    unittest.main()
