"""How fast the pages are on a large data set: first screen, scrolling, filters, thumbnails, memory.

    python3 bench/measure_pages.py ANNOTATIONS IMAGES [RESULTS]        programs from build/bin, or from $SIL_BIN

bench/make_coco_files.py makes annotations of any size.  Read the annotations once before, so that they lie in memory.
"""
import pathlib
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "pages"))
from browser import Browser  # noqa: E402
from page_tasks import Tasks  # noqa: E402
from world import Pages  # noqa: E402

SCROLL = """(async () => {
  const host = document.querySelector(".scroller"), frames = [], nodes = [];
  const frame = () => new Promise(requestAnimationFrame);
  for (let i = 0; i < %d; i++) {
    host.scrollTop += %d;
    await frame();
    nodes.push(document.querySelectorAll("*").length);
  }
  return Math.max(...nodes);
})()"""

FRAMES, THUMBNAILS = 120, 500
DRAWN = "document.querySelectorAll('.cell').length > 5 && !document.querySelector('.cell.loading')"

def processor_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def script_seconds(browser):
    return {m["name"]: m["value"] for m in browser.send("Performance.getMetrics")["metrics"]}["ScriptDuration"]


def resident_mb(pid):
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


def thumbnails_a_second(url, rows, clients):
    left = list(rows)

    def work():
        while left:
            with urllib.request.urlopen(f"{url}thumbnail/{left.pop()}") as answer:
                answer.read()

    start = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return len(rows) / (time.monotonic() - start)


def evaluation(browser, pages):
    """The Evaluation page: until it shows its numbers, and when a slider moves over all photos."""
    start, before = time.monotonic(), processor_seconds(pages.process.pid)
    with Tasks(browser) as tasks:
        browser.js("location.hash = '#page=evaluation'")
        browser.wait("document.querySelector('.tally strong')", 300)
        print(f"Evaluation: numbers after {time.monotonic() - start:.2f} s ({processor_seconds(pages.process.pid) - before:.2f} s of the server's processors), ", end="")
        browser.wait(DRAWN, 300)
        print(f"photos after {time.monotonic() - start:.2f} s; ", end="")
    print(tasks)
    for name, value in (("iou", .75), ("score", .1)):
        with Tasks(browser) as tasks:
            took = browser.js(f"""(async () => {{
              const start = performance.now(), input = document.querySelectorAll(".slider input")[{int(name == "score")}], tally = document.querySelector(".tally").textContent;
              input.value = {value};
              input.dispatchEvent(new Event("input"));
              while (document.querySelector(".tally").textContent === tally) await new Promise(requestAnimationFrame);
              return performance.now() - start; }})()""")
            browser.wait(DRAWN, 300)
        print(f"{name} moved: all matched anew after {took:.0f} ms; {tasks}")


def dataset(browser, pages, start):
    with Tasks(browser) as tasks:
        browser.open(pages.url)
        browser.wait(DRAWN, 120)
        print(f"first screen after {time.monotonic() - start:.2f} s, ", end="")
    print(f"{tasks}; elements: {browser.js('document.querySelectorAll(`*`).length')}")
    for name, step in (("slowly", 40), ("fast", 1500)):
        with Tasks(browser) as tasks:
            before = script_seconds(browser)
            nodes = browser.js(SCROLL % (FRAMES, step))
            script = script_seconds(browser) - before
        print(f"scrolling {name}: {1000 * script / FRAMES:.2f} ms of script a frame, at most {nodes} elements, {tasks}")
    with Tasks(browser) as tasks:
        took = browser.js("(async () => { const start = performance.now(); document.querySelector('.bar').click();"
                          "await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame); return performance.now() - start; })()")
        browser.wait(DRAWN, 120)
    print(f"a click on a class: {took:.0f} ms until it is drawn; {tasks}")


def thumbnails(pages):
    photos, before = pages.data("header")["photos"], processor_seconds(pages.process.pid)
    rows = range(photos // 8, photos // 8 + THUMBNAILS)  # which the pages have not asked for
    wall = thumbnails_a_second(pages.url, rows, 4)
    work = processor_seconds(pages.process.pid) - before
    print(f"thumbnails: {wall:.0f} a second, {THUMBNAILS / work:.0f} a second of one processor; "
          f"{thumbnails_a_second(pages.url, rows, 4):.0f} a second when cached")


def main():
    annotations, images, *results = sys.argv[1:]
    with Browser(1440, 900) as browser:
        # Of the page's own thread, so that what else the machine does hardly counts.
        browser.send("Performance.disable")
        browser.send("Performance.enable", timeDomain="threadTicks")
        start = time.monotonic()
        with Pages(annotations, images, *(["--results", *results] if results else [])) as pages:
            print(f"serves after {time.monotonic() - start:.2f} s ({processor_seconds(pages.process.pid):.2f} s of processors)")
            dataset(browser, pages, start)
            if results:
                evaluation(browser, pages)
            thumbnails(pages)
            now, most = resident_mb(pages.process.pid)
            print(f"memory of the server: {now:.0f} MB, at most {most:.0f} MB")
            print(f"memory of the page's script: {browser.js('performance.memory.usedJSHeapSize') / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
