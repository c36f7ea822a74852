"""Parts of the pages by themselves: one that cannot be loaded holds up no other, and of nothing there is to show it is said."""
import json
import threading
import unittest
import urllib.error
import urllib.request

from browser import Browser
from test_evaluation import made_results
from world import Folder, Pages, Shapes, hostile_set, png

DRAWN = "document.querySelector('.cell') && !document.querySelector('.cell.loading')"
STATUS = "document.querySelector('.toolbar [role=status]').textContent"


class Parts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shapes, cls.folder = Shapes(images=12, size=128), Folder()
        results, run = cls.folder.path / "a.json", cls.folder.path / "run"
        results.write_text(json.dumps(made_results(cls.shapes)))
        (cls.folder.path / "b.json").write_text("[]")
        run.mkdir()
        cls.log = run / "log.jsonl"
        cls.pages = Pages(cls.shapes.annotations, cls.shapes.images, "--results", results, cls.folder.path / "b.json", "--run", run)
        cls.browser = Browser(1400, 900)

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.pages.close()
        cls.folder.__exit__()
        cls.shapes.close()

    def without(self, *paths, address="", url=None):
        """Opens the page where these cannot be loaded."""
        self.browser.send("Network.setBlockedURLs", urls=[f"*/{path}" for path in paths])
        self.browser.errors.clear()
        self.browser.open((url or self.pages.url) + "#" + address)
        self.addCleanup(self.browser.send, "Network.setBlockedURLs", urls=[])

    def text(self, selector):
        return self.browser.js(f"document.querySelector({json.dumps(selector)}).textContent")

    def no_exceptions(self):
        """What failed to load is an error for the console; nothing else may be."""
        self.assertEqual([e for e in self.browser.errors if "Failed to load resource" not in e], [])
        self.browser.errors.clear()

    def test_findings(self):
        self.without("data/findings")
        self.browser.wait(DRAWN)
        self.browser.wait("document.querySelector('.filters .trouble-note')")
        self.assertEqual(self.browser.js(STATUS), f"12 photos, {len(self.shapes.data['annotations'])} objects")
        self.browser.send("Network.setBlockedURLs", urls=[])  # it is asked for again
        self.browser.wait("document.querySelector('.filters').textContent.includes('Nothing is wrong.')")
        self.no_exceptions()

    def test_findings_of_a_kind_do_not_empty_the_page(self):
        with Folder() as folder:
            annotations, images = hostile_set(folder)
            with Pages(annotations, images) as pages:
                while pages.data("findings")["done"] < 2:
                    pass
                self.without("data/findings/0", address="finding=0", url=pages.url)
                self.browser.wait(f"{DRAWN} && document.querySelectorAll('.cell').length === 5 && document.querySelector('.filters .trouble-note')")
                # It is of that kind alone, and is over when that kind's photos come.
                self.browser.js("location.hash = '#finding=1'")
                self.browser.wait(f"{STATUS}.includes(' of 5 photos') && !document.querySelector('.filters .trouble-note')")
                self.browser.js("location.hash = '#finding=0'")
                self.browser.wait(f"!{STATUS}.includes(' of ') && document.querySelector('.filters .trouble-note')")
                self.browser.js("location.hash = '#'")
                self.browser.wait("!document.querySelector('.filters .trouble-note')")
                self.browser.send("Network.setBlockedURLs", urls=[])
                self.browser.js("location.hash = '#finding=0'")
                self.browser.wait(f"{STATUS}.includes(' of 5 photos')")
                self.assertFalse(self.browser.js("document.querySelector('.filters .trouble-note') !== null"))
                self.no_exceptions()

    def test_outlines_and_thumbnails(self):
        self.without("data/outlines/7", "thumbnail/8")
        self.browser.wait(DRAWN)
        faults = self.browser.js("[...document.querySelectorAll('.cell .trouble:not([hidden])')].map(e => e.closest('.cell').querySelector('.name').textContent)")
        self.assertEqual(faults, ["000008.png", "000009.png"])
        label = self.browser.js("document.querySelectorAll('.cell a')[8].getAttribute('aria-label')")
        self.assertRegex(label, r"^000009.png, \d+ objects?(, \d+ \w+)+: .")
        self.no_exceptions()

    def test_a_photo_in_detail(self):
        for path in ("photo/0", "data/objects/0", "data/findings/photo/0"):
            for page in ("dataset", "evaluation&side="):
                self.without(path, address=f"photo=000001.png&page={page}")
                if "findings" in path and page != "dataset":
                    continue
                self.browser.wait("document.querySelector('.fault').textContent !== '' && !document.querySelector('dialog aside').textContent.includes('Loading')")
                if path != "data/objects/0":
                    self.browser.wait("document.querySelector('.object')")
                self.no_exceptions()

    def test_a_photo_that_does_not_open(self):
        """Nothing of the photo before stays under its title; and one whose other objects cannot be had comes back with them."""
        fault, canvases = "document.querySelector('.fault').textContent", "document.querySelectorAll('.stage canvas').length"
        self.without("data/results/0/overlaps/bbox", address="page=evaluation&side=&photo=000001.png")
        self.browser.wait(f"document.querySelector('.object') && {canvases} === 1")
        self.browser.js("location.hash = '#page=evaluation&side=&type=bbox&photo=000002.png'")
        self.browser.wait(f"document.querySelector('dialog h2').textContent === '000002.png' && {fault} !== ''")
        self.assertEqual(self.browser.js(f"[{canvases}, document.querySelectorAll('.object').length]"), [0, 0])
        self.browser.js("location.hash = '#page=evaluation&side=&photo=000001.png'")
        self.browser.wait(f"document.querySelector('.object') && {canvases} === 1 && {fault} === ''")
        self.browser.js("location.hash = '#page=evaluation&side=&type=bbox&photo=000001.png'")
        self.browser.wait(f"{fault} !== ''")
        self.assertEqual(self.browser.js(f"[{canvases}, document.querySelectorAll('.object').length]"), [0, 0])
        self.browser.js("location.hash = '#page=evaluation&side=&photo=000001.png'")
        self.browser.wait(f"document.querySelector('.object') && {canvases} === 1 && {fault} === ''")
        self.no_exceptions()

    def test_a_fault_that_comes_after_its_photo_was_left(self):
        fault, held = "document.querySelector('.fault').textContent", "results/0/overlaps/bbox"
        self.without(address="page=evaluation&side=&photo=000001.png")
        self.browser.wait("document.querySelector('.object')")
        self.browser.js(f"window.fetch = (get => (...given) => String(given[0]).includes('{held}')"
                        " ? new Promise((_, reject) => (window.held ??= []).push(reject)) : get(...given))(fetch)")
        self.browser.js("location.hash = '#page=evaluation&side=&type=bbox&photo=000001.png'")
        self.browser.wait("window.held")
        self.browser.js("location.hash = '#page=evaluation&side=&photo=000002.png'")
        self.browser.wait("document.querySelector('dialog h2').textContent === '000002.png' && document.querySelector('.object')")
        self.browser.js("(window.held.forEach(reject => reject(new Error('too late'))), new Promise(resume => setTimeout(resume, 100)))")
        self.assertEqual(self.browser.js(f"[{fault}, document.querySelectorAll('.stage canvas').length]"), ["", 1])
        self.assertTrue(self.browser.js("document.querySelector('.object') !== null"))
        self.no_exceptions()

    def test_a_slider_asks_for_nothing_again(self):
        """Nor for what could not be had; that is asked for when the photo is opened again."""
        asked = "performance.getEntriesByType('resource').filter(e => e.name.endsWith('data/objects/0')).length"
        slide = ("(async () => { const s = document.querySelectorAll('dialog .slider input')[1]; for (const v of [.6, .7, .8]) {"
                 " s.value = v; s.dispatchEvent(new Event('input')); await new Promise(resume => setTimeout(resume, 100)); } })()")
        fault = "document.querySelector('.fault').textContent"
        self.without("thumbnail/0", address="page=evaluation&side=&photo=000001.png")
        self.browser.wait(f"document.querySelector('.object') && {fault} !== ''")
        self.assertEqual(self.browser.js(asked), 1)
        self.browser.js(slide)
        self.browser.wait("location.hash.includes('score=0.8')")
        self.assertEqual(self.browser.js(asked), 1)
        self.assertNotEqual(self.browser.js(fault), "")
        self.browser.send("Network.setBlockedURLs", urls=[])
        self.browser.key("Escape")
        self.browser.wait("!document.querySelector('dialog').open")
        self.browser.js("location.hash = '#page=evaluation&side=&photo=000001.png'")
        self.browser.wait(f"document.querySelector('.object') && {fault} === ''")
        self.assertEqual(self.browser.js(asked), 2)
        self.no_exceptions()

    def test_one_of_two_results(self):
        self.without("data/results/0/summary", address="page=evaluation")
        self.browser.wait("document.querySelector('.tally strong')")
        self.assertEqual(self.text(".filters select"), "b.json")
        self.assertTrue(self.browser.js("document.querySelector('.filters > .trouble-note') !== null"))
        self.no_exceptions()

    def test_no_results_leave_the_other_pages(self):
        self.without("data/results/*", address="page=evaluation")
        self.browser.wait("document.querySelector('#page .trouble-note')")
        self.browser.js("location.hash = '#page=dataset'")
        self.browser.wait(DRAWN)
        self.browser.send("Network.setBlockedURLs", urls=[])
        self.browser.js("location.hash = '#page=evaluation'")
        self.browser.wait("document.querySelector('.tally strong')")
        self.no_exceptions()

    def test_a_page_that_comes_late(self):
        """What was clicked last is shown, whichever page is loaded first."""
        held = {"source": "window.fetch = (get => (...given) => String(given[0]).includes('results/')"
                          " ? new Promise(resolve => (window.held ??= []).push(resolve)).then(() => get(...given)) : get(...given))(fetch)"}
        script = self.browser.send("Page.addScriptToEvaluateOnNewDocument", **held)["identifier"]
        self.addCleanup(self.browser.send, "Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        current, release = "document.querySelector('#tabs [aria-current]').textContent", "window.held.splice(0).forEach(resume => resume())"
        shown = f"{DRAWN} && document.querySelector('#page .filters').getAttribute('aria-label') === 'Filters'"
        for address, ready in (("", DRAWN), ("#page=evaluation", "window.held")):  # the second from the very first
            self.browser.errors.clear()
            self.browser.open(self.pages.url + address, ready=ready)
            if not address:
                self.browser.click_on("#tabs a:nth-child(2)")
            self.browser.wait(f"window.held && {current} === 'Evaluation' && document.querySelector('#page').textContent === 'Evaluating …'")
            self.browser.click_on("#tabs a:nth-child(1)")
            self.browser.wait(f"{shown} && {current} === 'Dataset'")
            self.browser.js(release)
            self.browser.wait("performance.getEntriesByType('resource').filter(e => /results.[01].(summary|detections)$/.test(e.name)).length === 4")
            self.browser.js("new Promise(resume => setTimeout(resume, 200))")
            self.assertTrue(self.browser.js(f"Boolean({shown}) && {current} === 'Dataset'"))
            self.browser.click_on("#tabs a:nth-child(2)")
            self.browser.wait(f"{current} === 'Evaluation'")
            self.browser.wait(f"(window.held.length ? {release} : 0, document.querySelector('.tally strong'))")
        self.no_exceptions()

    def test_parts_of_the_numbers(self):
        self.without("data/results/0/curves/segm", "data/results/0/confusion/segm", "data/results/0/losses/segm", address="page=evaluation&sort_results=loss")
        self.browser.wait(f"document.querySelector('.tally strong') && {DRAWN} && {STATUS}.startsWith('12 photos: ')")
        self.assertEqual(self.browser.js("[...document.querySelectorAll('details')].filter(d => d.querySelector('.trouble-note')).map(d => d.querySelector('summary').textContent)"),
                         ["Precision over recall"])
        self.assertEqual(self.text(".cell .name"), "000001.png")
        self.no_exceptions()

    def test_numbers_and_photos_come_before_the_explanation(self):
        """Which takes longest: it is asked for when the photos are there, and what it tells says so until then."""
        held = {"source": "window.fetch = (get => (...given) => String(given[0]).includes('explanation/')"
                          " ? new Promise(resolve => (window.held ??= []).push(resolve)).then(() => get(...given)) : get(...given))(fetch)"}
        script = self.browser.send("Page.addScriptToEvaluateOnNewDocument", **held)["identifier"]
        self.addCleanup(self.browser.send, "Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        self.without(address="page=evaluation")
        of = lambda title: f"[...document.querySelectorAll('details')].find(d => d.querySelector('summary').textContent.startsWith('{title}'))"
        self.browser.wait(f"window.held && document.querySelector('.tally strong') && {DRAWN}")
        self.assertEqual(self.browser.js(f"[{of('Where AP')}, {of('Confusion')}].map(d => d.querySelector('p').textContent)"), ["Computing …", "Computing …"])
        self.assertTrue(self.browser.js(f"{of('COCO')}.querySelectorAll('tbody tr').length === 12 && {of('Classes')}.querySelectorAll('tbody tr').length > 0"))
        self.browser.js("window.held.splice(0).forEach(resume => resume())")
        self.browser.wait(f"{of('Confusion')}.querySelector('.matrix') && {of('Where AP')}.textContent.includes('wrong class')")
        self.assertNotEqual(self.browser.js(f"{of('Classes')}.querySelector('tbody td:last-child').textContent"), "–")
        self.without("data/results/0/explanation/segm", address="page=evaluation")
        self.browser.wait("window.held")
        self.browser.js("window.held.splice(0).forEach(resume => resume())")
        self.browser.wait(f"{of('Confusion')}.querySelector('.trouble-note') && {of('Where AP')}.querySelector('.trouble-note') && {DRAWN}")
        self.no_exceptions()

    def test_parts_asked_for_all_at_once(self):
        """Each is made once, whoever asks, and is what it is when asked for alone."""
        names = ["summary", "detections"] + [f"{part}/{kind}" for part in ("overlaps", "confusion", "curves", "losses", "explanation") for kind in ("bbox", "segm")]
        alone = {name: urllib.request.urlopen(f"{self.pages.url}data/results/0/{name}").read() for name in names}
        with Pages(self.shapes.annotations, self.shapes.images, "--results", self.folder.path / "a.json") as pages:
            told = []
            ask = lambda name: told.append((name, urllib.request.urlopen(f"{pages.url}data/results/0/{name}").read()))
            threads = [threading.Thread(target=ask, args=(name,)) for name in reversed(names * 4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(told), len(threads))
            for name, bytes_ in told:
                self.assertEqual(bytes_, alone[name], name)
            for name in ("overlaps/nothing", "explanation", "overlaps/", "nothing"):
                with self.assertRaises(urllib.error.HTTPError, msg=name):
                    urllib.request.urlopen(f"{pages.url}data/results/0/{name}")

    def test_scores_below_zero(self):
        """Which the evaluator counts as any others: from 0 on leaves nothing out."""
        first = next(a for a in self.shapes.data["annotations"] if a["image_id"] == 1)
        with Folder() as folder:
            (folder / "r.json").write_text(json.dumps([{"image_id": 1, "category_id": first["category_id"], "score": score, "bbox": first["bbox"], "segmentation": first["segmentation"]}
                                                       for score in (-2.5, -3)]))
            with Pages(self.shapes.annotations, self.shapes.images, "--results", folder / "r.json") as pages:
                self.without(address="page=evaluation&score=0&photo=000001.png", url=pages.url)
                self.browser.wait("document.querySelector('.tally strong') && document.querySelector('.object')")
                self.assertEqual(self.browser.js("[...document.querySelectorAll('.tally strong')].slice(0, 2).map(e => e.textContent)"), ["1", "1"])
                self.browser.js("location.hash = '#page=evaluation&score=0.01'")
                self.browser.wait("document.querySelector('.tally strong').textContent === '0'")
        self.no_exceptions()

    def test_matches(self):
        self.without("data/results/0/overlaps/segm", address="page=evaluation")
        self.browser.wait("document.querySelector('.tally .trouble-note')")
        self.assertTrue(self.browser.js("document.querySelector('details table') !== null"))
        self.browser.send("Network.setBlockedURLs", urls=[])
        self.browser.js("location.hash = '#page=evaluation&iou=0.4'")
        self.browser.wait("document.querySelector('.tally strong')")
        self.no_exceptions()

    def test_broken_records_of_a_run(self):
        self.log.write_text('{"step": 1}\n{"step": 2, "loss": "x", "losses": 5}\n{"step": 3, "validation": {"segm": {"AP50": 0.5}}}\n{"step": 4, "validation": true}\n'
                            '{"step": 5, "epoch": 2, "rate": 1, "losses": {"box": 1}, "loss": 1}\n{"step": 6}\n')
        self.browser.errors.clear()
        self.browser.open(self.pages.url + "#page=training")
        self.browser.wait("document.querySelector('figure svg')")
        self.assertEqual(self.text(".training [role=status]"), "run: step 6, epoch ?, loss ?")
        self.assertIn("no best", self.text(".facts p").lower())
        self.no_exceptions()

    def test_nothing_passes_the_filters(self):
        for address, shown in (("search=nowhere", "No photo passes these filters."), ("page=evaluation&only=wrong&score=1", "No photo is like that.")):
            self.browser.open(self.pages.url + "#" + address)
            self.browser.wait("document.querySelector('.nothing button')")
            self.assertEqual(self.text(".nothing p"), shown)
            self.browser.click_on(".nothing button")
            self.browser.wait(f"{DRAWN} && document.querySelectorAll('.cell').length === 12 && !document.querySelector('.nothing button')")
            self.assertTrue(self.browser.js(STATUS).startswith("12 photos"))
        self.no_exceptions()

    def test_many_objects_take_a_frame_each(self):
        """The browser colours their pixels after the script, so time alone does not say how much a frame can hold."""
        with Folder() as folder:
            (folder / "images").mkdir()
            objects = [(i, photo) for photo in range(8) for i in range(60)]
            square = lambda i: [i % 10 * 6, i // 10 * 6, 5, 5]
            for photo in range(8):
                (folder / "images" / f"{photo}.png").write_bytes(png(60, 40, (90, 120, 150)))
            (folder / "many.json").write_text(json.dumps({
                "images": [{"id": photo + 1, "file_name": f"{photo}.png", "width": 60, "height": 40} for photo in range(8)], "categories": [{"id": 1, "name": "dot"}],
                "annotations": [{"id": n + 1, "image_id": photo + 1, "category_id": 1, "bbox": square(i), "area": 25, "iscrowd": 0} for n, (i, photo) in enumerate(objects)]}))
            with Pages(folder / "many.json", folder / "images") as pages:
                self.browser.open(pages.url)
                self.browser.wait(f"{DRAWN} && document.querySelectorAll('.cell').length === 8")
                most = self.browser.js("""(async () => {
                  const draw = CanvasRenderingContext2D.prototype.drawImage, counts = [0], frame = () => new Promise(requestAnimationFrame);
                  CanvasRenderingContext2D.prototype.drawImage = function(...given) { counts[counts.length - 1]++; return draw.apply(this, given); };
                  location.hash = "#opacity=80";
                  while (counts.reduce((a, b) => a + b) < 8) { await frame(); counts.push(0); }
                  CanvasRenderingContext2D.prototype.drawImage = draw;
                  return Math.max(...counts);
                })()""")
                self.assertEqual(most, 1)
        self.no_exceptions()

    def test_no_photos_at_all(self):
        with Folder() as folder:
            (folder / "images").mkdir()
            (folder / "none.json").write_text('{"images": [], "annotations": [], "categories": []}')
            with Pages(folder / "none.json", folder / "images") as pages:
                self.browser.open(pages.url)
                self.browser.wait("document.querySelector('.nothing').textContent === 'There are no photos in this data set.'")
                self.no_exceptions()

    def test_what_a_screen_reader_says_of_a_thumbnail(self):
        self.browser.open(self.pages.url)
        self.browser.wait(DRAWN)
        names = {c["id"]: c["name"] for c in self.shapes.data["categories"]}
        first = [names[a["category_id"]] for a in self.shapes.data["annotations"] if a["image_id"] == 1]
        expected = f"000001.png, {len(first)} object{'s' * (len(first) > 1)}, " + ", ".join(f"{first.count(name)} {name}" for name in dict.fromkeys(first))
        self.assertEqual(self.browser.js("document.querySelector('.cell a').getAttribute('aria-label')"), expected)
        self.browser.open(self.pages.url + "#page=evaluation&sort_results=file")
        self.browser.wait("document.querySelector('.tally strong')")
        self.browser.wait(DRAWN)
        self.browser.wait(f"document.querySelector('.cell a').getAttribute('aria-label') === '000001.png, {len(first)} right, 0 unmatched, 0 missed'")


class ClassSearch(unittest.TestCase):
    """Of more classes than are listed at once, found by their names: on both pages, and in the address."""

    def test_both_pages(self):
        with Folder() as folder, Browser(1400, 900) as browser:
            shapes = Shapes(images=4, size=64)
            self.addCleanup(shapes.close)
            data = shapes.data
            data["categories"] = [{"id": i, "name": f"Kind {i:03}"} for i in range(1, 201)]
            for i, a in enumerate(data["annotations"]):
                a["category_id"] = 150 + i % 3
            annotations, results = folder / "many.json", folder / "r.json"
            annotations.write_text(json.dumps(data))
            results.write_text("[]")
            of_150 = sum(a["category_id"] == 150 for a in data["annotations"])
            with Pages(annotations, shapes.images, "--results", results) as pages:
                bars = "[...document.querySelectorAll('section[aria-label=Classes] .bar')].map(e => e.innerText.split(/\\n+/))"
                browser.open(pages.url)
                browser.wait(f"{DRAWN} && {bars}.length === 60")
                self.assertEqual(browser.js("document.querySelector('section[aria-label=Classes] .rest').textContent"), "and 140 classes more")
                browser.js("document.querySelector('input[aria-label=\"Find a class\"]').focus()")
                for key in "KIND 15":
                    browser.key(key)
                browser.wait(f"{bars}.length === 10")
                self.assertEqual(browser.js(bars)[0], ["Kind 150", str(of_150)])
                self.assertTrue(browser.js("document.activeElement.matches('input[aria-label=\"Find a class\"]')"))
                link = browser.js("location.hash")
                browser.click_on("section[aria-label=Classes] .bar")
                browser.wait("location.hash.includes('classes=149')")
                browser.wait(f"{STATUS}.endsWith(', {of_150} objects')")
                browser.open(pages.url + link)
                browser.wait(f"{bars}.length === 10")
                self.assertEqual(browser.js("document.querySelector('input[aria-label=\"Find a class\"]').value"), "KIND 15")
                browser.open(pages.url + "#page=evaluation&find=kind+15")
                browser.wait("document.querySelector('.tally strong')")
                rows = browser.js("[...document.querySelectorAll('[role=region][aria-label=Classes] tbody th')].map(e => e.textContent)")
                self.assertEqual(sorted(rows), [f"Kind {i}" for i in range(150, 160)])
                browser.wait("document.querySelector('.matrix')")
                matrix = browser.js("[...document.querySelectorAll('.matrix tbody th')].map(e => e.textContent)")
                self.assertIn("Kind 150", matrix)
                self.assertEqual(browser.errors, [])


if __name__ == "__main__":
    unittest.main()
