"""The tasks of a page's own thread and what they took, as Chromium traces them."""
import json


class Tasks:
    """While it lasts.  `all`: (milliseconds of the thread's processor time, of the clock), the longest first; what another
    program does with the processors meanwhile moves the second alone.  `functions`: what the longest called, for a look."""

    def __init__(self, browser):
        self.browser, self.all, self.functions = browser, [], []

    def send(self, method, **given):  # to the browser, not to the page
        page, self.browser.session = self.browser.session, None
        try:
            return self.browser.send(method, **given)
        finally:
            self.browser.session = page

    def __enter__(self):
        wanted = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
        self.send("Tracing.start", transferMode="ReturnAsStream", traceConfig={"includedCategories": wanted, "excludedCategories": ["*"]})
        return self

    def __exit__(self, *_):
        self.send("Tracing.end")
        while (message := self.browser._message()).get("method") != "Tracing.tracingComplete":
            pass
        text, more = "", True
        while more:
            part = self.send("IO.read", handle=message["params"]["stream"], size=1 << 24)
            text, more = text + part["data"], not part["eof"]
        self.read(json.loads(text)["traceEvents"])

    def read(self, events):
        threads = {(e["pid"], e["tid"]) for e in events if e.get("ph") == "M" and e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"}
        spans = [e for e in events if (e["pid"], e["tid"]) in threads and e.get("ph") == "X"]
        tasks = sorted((e for e in spans if e["name"] == "RunTask"), key=lambda e: -e.get("tdur", 0))
        self.all = [(e.get("tdur", 0) / 1000, e["dur"] / 1000) for e in tasks]
        for task in tasks[:5]:
            inside = [e for e in spans if e["tid"] == task["tid"] and task["ts"] <= e["ts"] <= task["ts"] + task["dur"] and e.get("tdur", 0) > 3000]
            self.functions.append([(e["name"], e.get("args", {}).get("data", {}), round(e["tdur"] / 1000, 1)) for e in inside])

    def __str__(self):
        over = [round(work) for work, _ in self.all if work > 50]
        return f"tasks over 50 ms: {over or 'none'}, the longest {self.all[0][0]:.0f} ms" if self.all else "no tasks"
