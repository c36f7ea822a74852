"""Whether everyone can use the pages: rules as axe-core has them, of which each names its rule there, on every page in
both themes and at 360 to 2560 pixels.

    SIL_AXE=axe.min.js python3 tests/pages/test_access.py        all rules of axe-core itself too, which is no Debian package
"""
import json
import os
import pathlib
import unittest

from browser import Browser
from test_evaluation import made_results
from world import Exported, Folder, Pages, Shapes

AUDIT = r"""(() => {
  const faults = [], all = [...document.querySelectorAll("*")], say = (rule, e) => faults.push(`${rule}: ${e.outerHTML.slice(0, 160)}`);
  const visible = e => e.checkVisibility({checkVisibilityCSS: true, checkOpacity: true});
  const text = e => (e.textContent ?? "").trim();
  const name = e => e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") ?? "").split(" ").map(id => document.getElementById(id)?.textContent ?? "").join("")
      || [...(e.labels ?? [])].map(text).join("") || (e.matches("input, select") ? "" : text(e)) || e.getAttribute("title") || "";
  for (const e of all.filter(e => e.matches("a[href], button, summary, input, select, textarea") && visible(e))) {
    if (!name(e)) say(e.matches("input, select") ? "label" : "button-name", e);
    const box = e.getBoundingClientRect();
    if (e.matches("button, select") && (box.width < 24 || box.height < 24) && !e.matches(".column")) say(`target-size ${box.width} x ${box.height}`, e);
  }
  for (const e of all.filter(e => e.matches("img, svg[role=img], [role=img]") && visible(e)))
    if (!e.hasAttribute("alt") && !name(e)) say("image-alt", e);
  const ids = all.map(e => e.id).filter(Boolean);
  if (new Set(ids).size !== ids.length) faults.push("duplicate-id");
  if (!document.documentElement.lang) faults.push("html-has-lang");
  if (!document.title) faults.push("document-title");
  const dialog = document.querySelector("dialog[open]");
  if (document.querySelectorAll("main").length !== 1) faults.push("landmark-one-main");
  if (document.querySelectorAll("h1").length !== 1) faults.push("page-has-heading-one");
  const levels = all.filter(e => e.matches("h1, h2, h3, h4, h5, h6") && visible(e)).map(e => Number(e.tagName[1]));
  levels.forEach((level, i) => { if (level > (levels[i - 1] ?? 0) + 1) faults.push(`heading-order: ${levels.slice(0, i + 1)}`); });
  for (const e of document.querySelectorAll("th")) if (!text(e)) say("empty-table-header", e);
  for (const e of all.filter(e => visible(e) && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())))
    if (!e.closest("main, nav, aside, header, dialog, .skip, noscript")) say("region", e);
  const roles = new Set(["list", "listitem", "status", "toolbar", "group", "img", "region", "alert"]);
  for (const e of all.filter(e => e.hasAttribute("role"))) if (!roles.has(e.getAttribute("role"))) say("aria-roles", e);
  for (const e of document.querySelectorAll("[role=listitem]")) if (!e.parentElement.matches("[role=list]")) say("aria-required-parent", e);
  for (const e of document.querySelectorAll("ul, ol")) for (const child of e.children) if (child.tagName !== "LI") say("list", child);
  for (const e of document.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) say("tabindex", e);
  for (const e of document.querySelectorAll("[aria-hidden=true]")) if (e.matches("a, button, input, [tabindex='0']") || e.querySelector("a, button, input, [tabindex='0']")) say("aria-hidden-focus", e);
  for (const e of document.querySelectorAll("[aria-pressed], [aria-expanded]")) for (const a of ["aria-pressed", "aria-expanded"])
    if (e.hasAttribute(a) && !["true", "false"].includes(e.getAttribute(a))) say("aria-valid-attr-value", e);
  for (const e of all.filter(e => e.matches("a a, button button, a button, button a"))) say("nested-interactive", e);
  for (const e of all.filter(visible)) {  // what scrolls can be reached by the keyboard
    const style = getComputedStyle(e);
    if (/auto|scroll/.test(style.overflowY) && e.scrollHeight > e.clientHeight + 1 && e.tabIndex < 0 && !e.querySelector("a, button, input, select, summary"))
      say("scrollable-region-focusable", e);
  }
  // Contrast of text with the nearest ground that is opaque; what lies on gradients is judged on its solid ground.
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  for (const e of all.filter(e => visible(e) && !e.closest("noscript, :disabled") && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))) {
    if (dialog && !dialog.contains(e)) continue;
    let ground = e, colour;
    while (ground && (colour = getComputedStyle(ground).backgroundColor, !colour.startsWith("rgb") || parse(colour)[3] < 1)) ground = ground.parentElement;
    const a = luminance(parse(e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color)), b = luminance(ground ? parse(colour) : [255, 255, 255]);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) say(`color-contrast ${ratio.toFixed(2)}`, e);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`reflow: ${document.documentElement.scrollWidth} of ${innerWidth} pixels`);
  return faults;
})()"""


def axe_faults(browser):
    if "SIL_AXE" not in os.environ:
        return []
    browser.js(pathlib.Path(os.environ["SIL_AXE"]).read_text() + "; void 0")
    return browser.js("axe.run().then(r => r.violations.map(v => `${v.id}, ${v.help}: ${v.nodes.map(n => n.html.slice(0, 120)).join(' | ')}`))")


VIEWS = {"dataset": ".cell:not(.loading)", "evaluation": ".matrix", "training": "figure svg",
         "dataset&search=nowhere": ".nothing button", "dataset&photo=000001.png": ".object", "evaluation&photo=000002.png": ".object", "evaluation&photo=000002.png&side=": ".object"}


class Access(unittest.TestCase):
    def setUp(self):
        self.shapes, self.folder = Shapes(images=12, size=128), Folder()
        results, run = self.folder.path / "results.json", self.folder.path / "run"
        results.write_text(json.dumps(made_results(self.shapes)))
        run.mkdir()
        (run / "log.jsonl").write_text('{"step":1,"epoch":1,"rate":1,"losses":{"box":1},"loss":1}\n{"step":2,"epoch":2,"rate":1,"losses":{"box":2},"loss":2}\n')
        self.shown = (self.shapes.annotations, self.shapes.images, "--results", results, results, "--run", run)

    def tearDown(self):
        self.folder.__exit__()
        self.shapes.close()

    def check(self, pages, looks):
        with Browser() as browser:
            for theme, width in looks:
                browser.theme(theme)
                browser.size(width, 800)
                for view, ready in VIEWS.items():
                    with self.subTest(view=view, theme=theme, width=width):
                        browser.open(f"{pages.url}#page={view}")
                        browser.wait(f"document.querySelector('{ready}')")
                        self.assertEqual(browser.js(AUDIT), [])
                        self.assertEqual(axe_faults(browser), [])
            with self.subTest("the filters of a narrow screen"):
                browser.size(360, 800)
                for page in ("dataset", "evaluation"):
                    browser.open(f"{pages.url}#page={page}")
                    browser.wait("document.querySelector('.cell:not(.loading)')")
                    browser.js("document.querySelector('[aria-controls=filters]').click()")
                    self.assertEqual(browser.js(AUDIT), [])
                    self.assertEqual(axe_faults(browser), [])

    def test_every_page_width_and_theme(self):
        with Pages(*self.shown) as pages:
            self.check(pages, [("light", 360), ("dark", 360), ("light", 1280), ("dark", 1280), ("light", 2560)])

    def test_an_export(self):
        with Exported(*self.shown) as pages:
            self.check(pages, [("dark", 360), ("light", 1280)])


if __name__ == "__main__":
    unittest.main()
