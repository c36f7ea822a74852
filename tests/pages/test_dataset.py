"""The Dataset page in a real browser, on data that `shapes` makes.

    python3 tests/pages/test_dataset.py [-v] [-k NAME]        programs from build/bin, or from $SIL_BIN
"""
import json
import subprocess
import unittest

from world import BIN, Exported, Folder, Pages, Shapes, decoded, hostile_set, labelled_set, png
from browser import Browser


class DatasetPage(unittest.TestCase):
    """As `view --port` serves it."""

    @classmethod
    def made(cls):
        return Pages(cls.shapes.annotations, cls.shapes.images)

    @classmethod
    def setUpClass(cls):
        cls.shapes = Shapes(images=40, size=128)
        cls.pages = cls.made()
        cls.browser = Browser(1280, 800)

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.pages.close()
        cls.shapes.close()

    def open(self, address=""):
        self.browser.errors.clear()
        self.browser.size(1280, 800)
        self.browser.open(self.pages.url + address)
        self.drawn()

    def drawn(self):
        self.browser.wait("document.querySelector('.cell') && !document.querySelector('.cell.loading')")

    def tearDown(self):
        self.assertEqual(self.browser.errors, [])

    def status(self):
        return self.browser.js("document.querySelector('.toolbar [role=status]').textContent")

    def expected(self, passes):
        """Photos and objects that pass, as the page writes it."""
        objects = [a for a in self.shapes.data["annotations"] if passes(a)]
        return f"{len({a['image_id'] for a in objects})} of 40 photos, {len(objects)} objects"

    def test_the_grid_shows_all_photos(self):
        self.open()
        self.assertEqual(self.status(), f"40 photos, {len(self.shapes.data['annotations'])} objects")
        self.assertEqual(self.browser.js("document.querySelector('.cell .name').textContent"), "000001.png")

    def test_a_class_filters_when_clicked(self):
        self.open()
        self.browser.click_on(".bar[title=square]")
        self.browser.wait("location.hash.includes('classes=')")
        square = next(c["id"] for c in self.shapes.data["categories"] if c["name"] == "square")
        self.browser.wait("document.querySelector('.toolbar [role=status]').textContent.includes(' of 40')")
        self.assertEqual(self.status(), self.expected(lambda a: a["category_id"] == square))
        self.drawn()
        shown = self.browser.js("[...document.querySelectorAll('.cell canvas')].flatMap(c => c.labels.map(l => l.object.label))")
        self.assertEqual(set(shown), {"square"})

    def test_a_histogram_filters_when_clicked_and_counts_what_it_shows(self):
        self.open()
        label, place = self.browser.js("(() => { const all = [...document.querySelectorAll('section[aria-label=\"Object size\"] .column')];"
                                       "const best = all.reduce((a, b) => parseInt(a.reading) > parseInt(b.reading) ? a : b);"
                                       "best.id = 'picked'; return [best.getAttribute('aria-label'), all.indexOf(best)]; })()")
        sides = [0, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1e9]
        inside = lambda a: sides[place] ** 2 <= a["area"] < sides[place + 1] ** 2
        self.assertTrue(label.endswith(f": {sum(map(inside, self.shapes.data['annotations']))} objects"), label)
        self.browser.click_on("#picked")
        self.browser.wait("document.querySelector('#picked').getAttribute('aria-pressed') === 'true'")
        self.browser.wait("location.hash.includes('area=')")
        self.assertEqual(self.status(), self.expected(inside))

    def test_search_and_sort(self):
        self.open("#search=00003")
        self.assertIn("11 of 40 photos", self.status())
        self.open("#sort=objects&down=1")
        of = {}
        for a in self.shapes.data["annotations"]:
            of[a["image_id"]] = of.get(a["image_id"], 0) + 1
        most = max(of.values())
        self.assertEqual(self.browser.js("document.querySelector('.cell .note').textContent"), f"{most} objects")

    def test_labels_do_not_cover_each_other(self):
        self.open("#size=300")
        overlaps, labels = self.browser.js("""(() => {
          let overlaps = 0, labels = 0;
          for (const canvas of document.querySelectorAll('.cell canvas'))
            canvas.labels.forEach((a, i) => { labels++; for (const b of canvas.labels.slice(i + 1))
              if (a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height) overlaps++; });
          return [overlaps, labels]; })()""")
        self.assertEqual(overlaps, 0)
        self.assertGreater(labels, 20)

    def test_pixels_have_their_objects_colour(self):
        self.open("#photo=000001.png&opacity=100&labels=")
        self.browser.wait_for_photo("000001.png")
        objects = self.pages.data("objects/0")["objects"]
        self.assertEqual(len({o["colour"] for o in objects}), len(objects))
        view, left, top = self.browser.js("(() => { const c = document.querySelector('.stage canvas'), r = c.getBoundingClientRect(); return [c.view, r.x, r.y]; })()")
        picture = self.browser.screenshot()
        for told, record in zip(objects, [a for a in self.shapes.data["annotations"] if a["image_id"] == 1]):
            x, y = inner_pixel(decoded(record["segmentation"]))
            seen = picture.at(left + view["x"] + (x + .5) * view["scale"], top + view["y"] + (y + .5) * view["scale"])
            self.assertEqual("#%02x%02x%02x" % seen, told["colour"], f"annotation {told['id']}")

    def test_facts_of_a_mask(self):
        self.open("#photo=000002.png")
        told = self.pages.data("objects/1")["objects"]
        for fact, record in zip(told, [a for a in self.shapes.data["annotations"] if a["image_id"] == 2]):
            mask = decoded(record["segmentation"])
            self.assertEqual(fact["area"], len(mask))
            sides = sum((x + dx, y + dy) not in mask for x, y in mask for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)))
            self.assertEqual(fact["perimeter"], sides)
            self.assertEqual(fact["border"], any(x in (0, 127) or y in (0, 127) for x, y in mask))

    def test_hovering_lights_both_ways(self):
        self.open("#photo=000001.png")
        self.browser.wait_for_photo("000001.png")
        self.browser.move(*self.browser.middle(".objects li:nth-child(2) button"))
        self.browser.wait("document.querySelector('.objects li:nth-child(2) .lit')")
        record = [a for a in self.shapes.data["annotations"] if a["image_id"] == 1][0]
        x, y = inner_pixel(decoded(record["segmentation"]))
        at = self.browser.js(f"(() => {{ const c = document.querySelector('.stage canvas'), r = c.getBoundingClientRect(), v = c.view;"
                             f"return [r.x + v.x + ({x} + .5) * v.scale, r.y + v.y + ({y} + .5) * v.scale]; }})()")
        self.browser.move(*at)
        self.browser.wait("document.querySelector('.objects li:nth-child(1) .lit') && document.querySelectorAll('.lit').length === 1")

    def test_keyboard_alone(self):
        self.open()
        for _ in range(60):
            self.browser.key("Tab")
            if self.browser.js("document.activeElement.matches('.cell a')"):
                break
        self.browser.key("ArrowRight")
        self.browser.key("Enter")
        self.browser.wait_for_photo("000002.png")
        self.browser.key("ArrowRight")
        self.browser.wait_for_photo("000003.png")
        before = self.browser.js("document.querySelector('.stage canvas').view.scale")
        self.browser.key("+")
        self.browser.wait("location.hash.includes('at=')")
        self.assertGreater(self.browser.js("document.querySelector('.stage canvas').view.scale"), before)
        self.browser.key("m")
        self.browser.wait("new URLSearchParams(location.hash.slice(1)).get('masks') === ''")
        self.browser.key("Escape")
        self.browser.wait("!document.querySelector('dialog').open")
        self.assertEqual(self.browser.js("document.activeElement.querySelector('.name').textContent"), "000003.png")

    def test_a_link_shows_the_same_view(self):
        self.open("#photo=000005.png")
        self.browser.wait_for_photo("000005.png")
        x, y = self.browser.middle(".stage canvas")
        self.browser.mouse("mouseWheel", x + 40, y, deltaX=0, deltaY=-400)
        self.browser.wait("location.hash.includes('at=')")
        link, view = self.browser.js("[location.hash, document.querySelector('.stage canvas').view]")
        self.open(link)
        self.browser.wait_for_photo("000005.png")
        again = self.browser.js("document.querySelector('.stage canvas').view")
        for key in view:
            self.assertAlmostEqual(view[key], again[key], delta=.5)

    def test_the_skip_link_keeps_what_is_looked_at(self):
        self.open("#search=00003")
        self.browser.js("document.querySelector('.skip').focus()")
        self.browser.key("Enter")
        self.browser.wait("document.activeElement.id === 'content'")
        self.assertEqual(self.browser.js("location.hash"), "#search=00003")
        self.browser.key("ArrowDown")  # and the photos are a key away
        self.browser.wait("document.activeElement.matches('.cell a')")

    def test_a_photo_opens_with_what_was_set_before(self):
        self.open()
        self.browser.js("(() => { const s = [...document.querySelectorAll('.toolbar input')].find(i => i.max === '480'); s.value = 300; s.dispatchEvent(new Event('input')); })()")
        self.browser.wait("location.hash.includes('size=300')")
        self.drawn()
        self.browser.click_on(".cell a")
        self.browser.wait("document.querySelector('dialog').open")
        self.assertIn("size=300", self.browser.js("location.hash"))
        self.browser.js("history.back()")
        self.browser.wait("!document.querySelector('dialog').open && location.hash === '#size=300'")

    def test_keys_while_a_photo_is_still_loading(self):
        """There is nothing to zoom yet, also not the photo before, and then it is shown whole."""
        self.open()
        loading, percent = "document.querySelector('dialog aside').textContent.includes('Loading')", "document.querySelector('.percent').textContent"
        for before, photo in (("", "000005.png"), ("photo=000006.png&at=3,10,10", "000007.png")):
            self.browser.js(f"location.hash = '#{before}'")
            if before:
                self.browser.wait_for_photo("000006.png")
            else:
                self.browser.wait("!document.querySelector('dialog[open]')")
            self.browser.js("(() => { const decode = HTMLImageElement.prototype.decode, held = new Promise(resolve => { window.release = resolve; });"
                            "HTMLImageElement.prototype.decode = async function() { await held; return decode.call(this); }; })()")
            self.browser.js(f"location.hash = '#photo={photo}'")
            self.browser.wait(f"{loading} && document.querySelector('dialog h2').textContent === '{photo}'")
            for key in ("1", "0", "+", "-", "ArrowUp", "b"):
                self.browser.key(key)
                self.browser.key(key, modifiers=8)
            self.browser.click_on("[aria-label='Whole photo (0)']")
            self.browser.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            self.assertTrue(self.browser.js(loading))
            self.assertNotIn("at=", self.browser.js("location.hash"))
            self.browser.js("release()")
            self.browser.wait_for_photo(photo)
            whole = self.browser.js(percent)
            self.browser.key("1")
            self.browser.wait(f"{percent} === '100 %'")
            self.browser.key("0")
            self.browser.wait(f"{percent} === {json.dumps(whole)}")
            self.assertEqual(self.browser.errors, [])

    def test_addresses_that_make_no_sense(self):
        self.browser.errors.clear()
        self.browser.open(self.pages.url + "#size=-9&opacity=x&page=none&sort=none&classes=x,99&iou=7&score=-1&at=1,2&finding=99&photo=none.png")
        self.browser.wait("document.querySelector('.nothing button')")
        self.browser.click_on(".nothing button")
        self.browser.wait("document.querySelectorAll('.cell').length > 5")
        self.assertEqual(self.browser.js("[...document.querySelectorAll('.toolbar input[type=range]')].map(e => e.value)"), ["45", "220"])
        self.assertFalse(self.browser.js("document.querySelector('dialog').open"))

    def test_the_filters_of_a_narrow_screen(self):
        self.open()
        self.browser.size(360, 740)
        self.browser.wait("!document.querySelector('.filters').checkVisibility()")
        self.browser.click_on(".toolbar .only-narrow")
        self.browser.wait("document.querySelector('.filters').checkVisibility() && document.querySelector('.filters').contains(document.activeElement)")
        self.browser.key("Escape")
        self.browser.wait("!document.querySelector('.filters').checkVisibility() && document.activeElement.matches('.toolbar .only-narrow')")
        self.assertEqual(self.browser.js("document.querySelector('.toolbar .only-narrow').getAttribute('aria-expanded')"), "false")
        self.browser.key("Enter")
        self.browser.wait("document.querySelector('.filters').checkVisibility()")
        self.browser.click_on(".filters .close-filters")
        self.browser.wait("!document.querySelector('.filters').checkVisibility()")

    def test_every_width_and_both_themes_without_a_sideways_scroll(self):
        for width in (360, 768, 1280, 2560):
            for theme in ("light", "dark"):
                self.browser.theme(theme)
                self.browser.errors.clear()
                self.browser.size(width, 800)
                self.browser.open(self.pages.url)
                self.drawn()
                self.assertLessEqual(self.browser.js("document.documentElement.scrollWidth"), width)
                ground = self.browser.screenshot(x=width - 4, y=400, width=1, height=1).at(0, 0)
                self.assertEqual(sum(ground) > 384, theme == "light", f"{width} {theme} {ground}")
        self.browser.theme("light")


class ExportedDatasetPage(DatasetPage):
    """The same, opened from disk: no modules, no fetch."""

    @classmethod
    def made(cls):
        return Exported(cls.shapes.annotations, cls.shapes.images)


class LabelSchema(unittest.TestCase):
    def test_a_folder_in_label_schema(self):
        with Folder() as folder, Browser(1280, 800) as browser:
            labelled_set(folder)
            with Pages(folder, folder / "images") as pages:
                browser.open(pages.url + "#photo=one.png")
                browser.wait("document.querySelectorAll('.object').length === 2")
                self.assertEqual([o["area"] for o in pages.data("objects/0")["objects"]], [400, 600])
                self.assertIn("fig", browser.js("document.querySelector('.object strong').textContent"))
                self.assertEqual(browser.errors, [])


class SameNames(unittest.TestCase):
    def test_records_of_one_photo_are_told_apart(self):
        """Two images of the annotations name one file: each opens with its own objects, and the link says which."""
        with Folder() as folder, Browser(1280, 800) as browser:
            (folder / "images").mkdir()
            (folder / "images" / "1.png").write_bytes(png(60, 40, (90, 120, 150)))
            box = lambda i, image: {"id": i, "image_id": image, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0, "segmentation": [[5, 5, 25, 5, 25, 25, 5, 25]]}
            annotations, results = folder / "annotations.json", folder / "results.json"
            annotations.write_text(json.dumps({"images": [{"id": i, "file_name": "1.png", "width": 60, "height": 40} for i in (1, 2)],
                                               "categories": [{"id": 1, "name": "fig"}], "annotations": [box(1, 1), box(2, 2), box(3, 2)]}))
            results.write_text("[]")
            with Pages(annotations, folder / "images", "--results", results) as pages:
                for page in ("dataset", "evaluation&sort_results=file"):
                    for place, objects in ((0, 1), (1, 2)):
                        browser.open(pages.url + "#page=" + page)
                        browser.wait("document.querySelectorAll('.cell').length === 2 && !document.querySelector('.cell.loading')")
                        browser.js(f"document.querySelectorAll('.cell a')[{place}].click()")
                        browser.wait(f"document.querySelectorAll('.object').length === {objects}")
                        browser.open(pages.url + browser.js("location.hash"))
                        browser.wait(f"document.querySelectorAll('.object').length === {objects}")
                        self.assertEqual(browser.js("document.querySelector('dialog h2').textContent"), "1.png")
                browser.wait("document.querySelectorAll('.cell').length === 2")  # the grid's order is the arrows'
                browser.key("ArrowLeft")
                browser.wait("document.querySelectorAll('.object').length === 1")
                self.assertEqual(browser.errors, [])


class Findings(unittest.TestCase):
    def test_what_no_photo_has_is_told_and_filters_nothing(self):
        with Folder() as folder, Browser(1280, 800) as browser:
            (folder / "images").mkdir()
            (folder / "images" / "1.png").write_bytes(png(60, 40, (90, 120, 150)))
            annotations = folder / "annotations.json"
            annotations.write_text(json.dumps({
                "images": [{"id": 1, "file_name": "1.png", "width": 60, "height": 40}], "categories": [{"id": 1, "name": "fig"}, {"id": 2, "name": "<i>date</i>"}],
                "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0, "segmentation": [[5, 5, 25, 5, 25, 25, 5, 25]]}]}))
            with Pages(annotations, folder / "images") as pages:
                browser.open(pages.url)
                browser.wait("document.querySelector('.filters .warning')")
                browser.click_on(".filters .warning")
                browser.wait("document.querySelector('.filters .told')?.textContent.includes('<i>date</i>')")
                browser.wait("location.hash.includes('finding=') && document.querySelectorAll('.cell').length === 1")
                self.assertEqual(browser.errors, [])

    def test_a_label_file_s_faults_are_its_photo_s(self):
        with Folder() as folder, Browser(1280, 800) as browser:
            labelled_set(folder)
            (folder / "labels" / "two.json").write_text('[{"type": "instance", "class_id": "x"}]')
            with Pages(folder, folder / "images") as pages:
                browser.open(pages.url)
                browser.wait("document.querySelector('.filters .stops')")
                browser.click_on(".filters .stops")
                browser.wait("document.querySelectorAll('.cell').length === 1 && document.querySelector('.cell .name').textContent === 'two.png'")
                browser.open(pages.url + "#photo=two.png")
                browser.wait("document.querySelector('.notes')?.textContent.includes('class_id')")
                self.assertEqual(browser.errors, [])


class HostileData(unittest.TestCase):
    """Names that are markup, photos that are missing, broken, or elsewhere, masks that cannot be."""

    def test_all_is_shown_as_text_and_nothing_runs(self):
        with Folder() as folder, Browser(1280, 800) as browser:
            annotations, images = hostile_set(folder)
            with Pages(annotations, images) as pages:
                browser.open(pages.url)
                browser.wait("document.querySelectorAll('.cell').length === 5 && !document.querySelector('.cell.loading')")
                self.assertIn("<script>alert(1)</script>", browser.js("document.querySelector('.bars').textContent"))
                self.assertEqual(browser.js("window.pwned"), None)
                browser.wait("document.querySelector('.filters').textContent.includes('crowd')")
                reasons = browser.js("Promise.all([1, 2, 3, 4].map(row => fetch(`photo/${row}`).then(async r => [r.status, await r.text()])))")
                self.assertEqual([status for status, _ in reasons], [404, 200, 404, 404])
                self.assertIn("No such file", reasons[0][1])
                for status, text in reasons[2:]:
                    self.assertIn("outside the folder", text)
                browser.open(pages.url + "#photo=missing.png")
                browser.wait("document.querySelector('.fault').textContent.includes('No such file')")
                self.ends_with_missing_photos_alone(browser)

    def test_an_export_of_it(self):
        with Folder() as folder, Browser(1280, 800) as browser:
            annotations, images = hostile_set(folder)
            with Exported(annotations, images) as pages:
                self.assertIn("5 photos, about ", pages.said)
                self.assertEqual(sorted(f.name for f in (pages.folder / "photo").iterdir()), ["0"])
                browser.open(pages.url)
                browser.wait("document.querySelectorAll('.cell').length === 5 && !document.querySelector('.cell.loading')")
                self.assertIn("<script>alert(1)</script>", browser.js("document.querySelector('.bars').textContent"))
                self.assertEqual(browser.js("window.pwned"), None)

    def test_an_export_keeps_to_its_folder_and_its_limit(self):
        with Folder() as folder:
            annotations, images = hostile_set(folder)
            with Exported(annotations, images, "--limit", "2") as pages:
                self.assertTrue(pages.said.splitlines()[0].endswith(" MB") and ": the first 2 photos, about " in pages.said, pages.said)
                self.assertEqual([pages.data("header")[key] for key in ("photos", "all_photos")], [2, 5])
                self.assertEqual(pages.data("header")["objects"], 5)
                size = sum(f.stat().st_size for f in pages.folder.rglob("*") if f.is_file())
                said = float(pages.said.split("about ")[1].split()[0]) * 1e6
                self.assertLess(abs(said - size), .2 * size + 60000)
            for taken, text in ((images, "exists already"), (folder / "no" / "such", "")):
                ran = subprocess.run([BIN / "view", "--annotations", annotations, "--images", images, "--export", taken], capture_output=True, text=True)
                self.assertEqual(ran.returncode, 2 if text else 0)
                self.assertIn(text, ran.stderr)
            self.assertEqual(sorted(f.name for f in images.iterdir()), ["broken.png", "link.png", "sound.png"])

    def test_a_limit_limits_all_that_is_counted(self):
        """Of three photos, the last of which has a box without area, the first two: no trace of the third."""
        with Folder() as folder, Browser(1280, 800) as browser:
            (folder / "images").mkdir()
            for i in (1, 2, 3):
                (folder / "images" / f"{i}.png").write_bytes(png(60, 40, (90, 120, 50 * i)))
            box = lambda i, image, **more: {"id": i, "image_id": image, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0,
                                            "segmentation": [[5, 5, 25, 5, 25, 25, 5, 25]], **more}
            annotations = folder / "annotations.json"
            annotations.write_text(json.dumps({
                "images": [{"id": i, "file_name": f"{i}.png", "width": 60, "height": 40} for i in (1, 2, 3)], "categories": [{"id": 1, "name": "fig"}],
                "annotations": [box(1, 1), box(2, 2), box(3, 2), box(4, 3), box(5, 3, bbox=[5, 5, 0, 20])]}))
            results = folder / "results.json"
            results.write_text(json.dumps([{"image_id": i, "category_id": 1, "score": .9, "bbox": [5, 5, 20, 20]} for i in (1, 2, 3)]))
            with Exported(annotations, folder / "images", "--results", results) as pages:
                self.assertEqual([k["count"] for k in pages.data("findings")["kinds"]], [1])
            with Exported(annotations, folder / "images", "--results", results, "--limit", "2") as pages:
                self.assertEqual(pages.data("findings")["kinds"], [])
                browser.open(pages.url)
                browser.wait("document.querySelectorAll('.cell').length === 2 && !document.querySelector('.cell.loading')")
                self.assertEqual(browser.js("document.getElementById('source').textContent"), "annotations.json: the first 2 of 3 photos, 3 objects")
                self.assertEqual(browser.js("document.querySelector('.toolbar [role=status]').textContent"), "2 photos, 3 objects")
                self.assertEqual(browser.js("document.querySelector('.bar[title=fig]').innerText.split(/\\s+/)"), ["fig", "3"])
                browser.open(pages.url + "#page=evaluation")
                browser.wait("document.querySelector('.tally strong')")
                self.assertEqual(browser.js("[...document.querySelectorAll('.tally strong')].slice(0, 3).map(e => e.textContent)"), ["2", "0", "1"])
                self.assertIn("Of the first 2 of 3 photos alone.", browser.js("document.querySelector('details').textContent"))
                self.assertEqual(browser.errors, [])

    def ends_with_missing_photos_alone(self, browser):
        # A photo that is missing is an error for the browser's console, and for nothing else.
        self.assertEqual([e for e in browser.errors if "404" not in e and "Not Found" not in e], [])


def inner_pixel(mask):
    """The pixel of a mask that has the most of it around."""
    def room(pixel):
        r = 1
        while all((pixel[0] + dx, pixel[1] + dy) in mask for dx in (-r, 0, r) for dy in (-r, 0, r)):
            r += 1
        return r
    return max(sorted(mask), key=room)


if __name__ == "__main__":
    unittest.main()
