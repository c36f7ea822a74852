// The side of the Dataset page: search, classes, histograms and findings.  Every bar is a button that filters.
import {element, count, plural} from "./dom.js";
import {state, change, chosen, toggle} from "./state.js";
import {bins} from "./dataset.js";

const mostClasses = 60;  // shown at a time; the others are found by their name

export class Filters {
  constructor(data, findings) {
    this.data = data;
    this.findings = findings;
    this.node = element("aside", {class: "filters", "aria-label": "Filters", id: "filters"},
        this.searchField(), this.reset = element("button", {class: "plain reset", onclick: clearFilters}, "Clear all filters"),
        this.classes = element("section", {"aria-label": "Classes"}),
        this.area = element("section"), this.aspect = element("section"), this.counts = element("section"),
        this.crowds = this.crowdField(), this.found = element("section"));
    this.bars = new Map();
    this.buildClasses();
    for (const [key, host] of [["area", this.area], ["aspect", this.aspect], ["count", this.counts]]) this.buildHistogram(key, host);
  }

  searchField() {
    return element("label", {class: "field-label"}, "File name", this.search = element("input", {
      type: "search", placeholder: "Search", value: state.search, oninput: () => change({search: this.search.value}),
    }));
  }

  crowdField() {
    const select = element("select", {onchange: () => change({crowd: select.value})},
        ...[["", "With and without crowds"], ["only", "Crowds alone"], ["none", "Without crowds"]]
            .map(([value, text]) => element("option", {value}, text)));
    this.crowd = select;
    return element("section", {}, element("label", {class: "field-label"}, "Crowds", select));
  }

  buildClasses() {
    const many = this.data.categories.length > mostClasses;
    this.classHost = element("div", {class: "bars"});
    this.classes.append(element("h2", {}, "Classes"), many && element("input", {
      type: "search", placeholder: "Find a class", "aria-label": "Find a class", value: state.find,
      oninput: event => change({find: event.target.value}),
    }) || "", this.classHost, this.classRest = element("p", {class: "rest"}));
  }

  buildHistogram(key, host) {
    const {title, labels} = bins[key], out = element("output", {class: "reading"});
    const bars = labels.map((label, i) => {
      const read = () => { out.textContent = `${label}: ${bar.reading ?? ""}`; };
      const bar = element("button", {class: "column", onclick: () => toggle(key, i), onpointerenter: read, onfocus: read});
      return bar;
    });
    this.bars.set(key, bars);
    host.setAttribute("aria-label", title);
    host.append(element("h2", {}, title), element("div", {class: "columns"}, ...bars),
                element("div", {class: "ends", "aria-hidden": "true"}, element("span", {}, labels[0]), element("span", {}, labels.at(-1))), out);
  }

  update(result) {
    if (!result) return;
    this.result = result;
    if (document.activeElement !== this.search) this.search.value = state.search;
    this.crowd.value = state.crowd;
    this.reset.hidden = !filterKeys.some(key => state[key] !== "");
    this.updateClasses(result.histograms.classes);
    for (const key of ["area", "aspect", "count"]) this.updateHistogram(key, result.histograms[key]);
    this.updateFindings();
  }

  updateClasses(counts) {
    const find = this.classes.querySelector("input");
    if (find && document.activeElement !== find) find.value = state.find;
    const picked = chosen("classes"), most = Math.max(1, ...counts);
    let shown = this.data.categories.map((category, k) => ({k, name: category.name, colour: category.colour, n: counts[k]}));
    const unknown = counts[shown.length];
    if (unknown || picked.has(shown.length)) shown.push({k: shown.length, name: "unknown class", colour: "#888888", n: unknown});
    shown = shown.filter(c => picked.has(c.k) || c.name.toLowerCase().includes(state.find.toLowerCase()));
    shown.sort((a, b) => picked.has(b.k) - picked.has(a.k) || (shown.length > mostClasses ? b.n - a.n : 0) || a.k - b.k);
    const focused = document.activeElement?.dataset?.place;
    this.classHost.replaceChildren(...shown.slice(0, mostClasses).map(({k, name, colour, n}) => element("button", {
      class: "bar", "aria-pressed": picked.has(k) ? "true" : "false", title: name, "data-place": k,
      style: {"--colour": colour, "--share": n / most}, onclick: () => toggle("classes", k),
    }, element("span", {}, name), element("span", {}, count(n)))));
    if (focused !== undefined) this.classHost.querySelector(`[data-place="${focused}"]`)?.focus();
    const rest = shown.length - mostClasses;
    this.classRest.textContent = rest > 0 ? `and ${plural(rest, "class").replace(/ss(s)$/, "sses")} more` : "";
  }

  updateHistogram(key, counts) {
    const picked = chosen(key), most = Math.max(1, ...counts), unit = key === "count" ? "photo" : "object";
    this.bars.get(key).forEach((bar, i) => {
      bar.reading = plural(counts[i], unit);
      bar.setAttribute("aria-label", `${bins[key].labels[i]}: ${bar.reading}`);
      bar.setAttribute("aria-pressed", picked.has(i) ? "true" : "false");
      bar.style.setProperty("--share", counts[i] / most);
      bar.classList.toggle("empty", counts[i] === 0);
    });
  }

  updateFindings() {
    const {kinds, done, unread} = this.findings, fault = this.findings.fault || (state.finding && unread.get(Number(state.finding)));
    const progress = ["Checking the annotations …", "Checking the photos …", ""][done];
    this.found.replaceChildren(element("h2", {}, "What doctor finds"),
        element("div", {class: "bars"}, ...kinds.flatMap((kind, i) => [element("button", {
          class: `bar ${kind.severity === "warning" ? "warning" : "stops"}`, "aria-pressed": state.finding === String(i) ? "true" : "false",
          title: `${kind.kind}: ${kind.severity}`, onclick: () => change({finding: state.finding === String(i) ? "" : i}),
        }, element("span", {}, kind.kind), element("span", {}, count(kind.count))),
          state.finding === String(i) && kind.others.length && element("ul", {class: "told"}, ...kind.others.map(text => element("li", {}, text)))].filter(Boolean))),
        element("p", {class: fault ? "trouble-note" : "rest"}, fault || progress || (kinds.length ? "" : "Nothing is wrong.")));
  }
}

export const filterKeys = ["search", "classes", "area", "aspect", "count", "crowd", "finding"];
export function clearFilters() { change(Object.fromEntries(filterKeys.map(key => [key, ""]))); }
