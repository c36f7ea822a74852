// The Evaluation page: results against annotations, matched anew at any threshold, and what eval/ says of them.
import {element, count, plural, eachFrame, breathe, fill, trouble} from "./dom.js";
import {picture, arrivals, json} from "./source.js";
import {state, change, address, thresholds} from "./state.js";
import {sorted} from "./dataset.js";
import {Grid} from "./grid.js";
import {look, lookKeys, LookControls} from "./look.js";
import {drawerButton} from "./drawer.js";
import {Results, matchAll} from "./results.js";
import {RIGHT, IGNORED} from "./matcher.js";
import {judged, shapeOf, colours, signs} from "./judged.js";
import {evaluatedPhoto} from "./evaluation_photo.js";
import {differences, photoFilter, photoKey} from "./evaluation_order.js";
import {metricsTable, classTable, curvesPlot, errorBars, confusionMatrix} from "./panels.js";
import {stackedColumns} from "./plot.js";

export class EvaluationPage {
  static async load(data) {
    const {values, fault} = await arrivals(Array.from({length: data.header.results}, (_, i) => Results.load(data, i)));
    const results = values.filter(Boolean);
    if (!results.length) throw new Error(fault);
    return new EvaluationPage(data, results, fault);
  }

  // `fault`: why a file of two is not among the results.
  constructor(data, results, fault) {
    Object.assign(this, {data, results, fault, rows: new Uint32Array(0), round: 0, whenChanged: () => {}});
    this.classNames = data.categories.map(c => c.name);
    // Places of the categories in order of their ids, as eval/ counts them.
    this.byId = [...data.categories.keys()].sort((a, b) => data.categories[a].id - data.categories[b].id);
    this.scroller = element("div", {class: "scroller", id: "content"});
    this.controls = new LookControls();
    this.node = element("div", {class: "page"}, this.panels(), element("main", {class: "main"}, this.toolbar(), this.scroller));
    this.grid = new Grid(this.scroller, {
      cellWidth: () => state.size, look, picture: row => this.load(row), title: row => data.names[row],
      note: row => this.note(row), label: row => this.label(row), nothing: () => this.nothing(), href: row => address({photo: data.addressOf(row)}),
      objects: (row, {truths, found}) => this.matcher ? judged(data, this.matcher, row, truths, found) : [],
    });
    this.matchSoon = eachFrame(() => this.match());
  }

  get current() { return this.results.find(r => String(r.place) === state.results) ?? this.results[0]; }
  get type() { return state.type === "bbox" ? "bbox" : "segm"; }
  get sideBySide() { return this.results.length > 1 && state.side === "1"; }
  nameOf(results) { return this.results.length > 1 ? `${"AB"[results.place]}: ${results.name}` : results.name; }
  title(row) { return this.data.names[row]; }
  name(row) { return this.data.addressOf(row); }
  row(name) { return this.data.row(name); }
  closed(row) {
    const place = this.rows.indexOf(row);
    if (place >= 0) this.grid.focus(place);
  }

  panels() {
    const slider = (name, min, title) => {
      const out = element("output");
      const input = element("input", {type: "range", min, max: 1, step: .01, oninput: () => change({[name]: input.value})});
      return {node: element("label", {class: "slider"}, title, input, out), update: () => { input.value = state[name]; out.value = Number(state[name]).toFixed(2); }};
    };
    const pick = (name, options, title) => {
      const select = element("select", {onchange: () => change({[name]: select.value, cell: ""})}, ...options.map(([value, text]) => element("option", {value}, text)));
      return {node: element("label", {class: "field-label"}, title, select), update: () => { select.value = state[name]; }};
    };
    const inSide = [
      pick("results", this.results.map(r => [r.place, this.nameOf(r)]), "Results"),
      pick("type", [["segm", "Masks"], ["bbox", "Boxes"]], "Matched by"),
      slider("iou", .05, "IoU from"), slider("score", 0, "Score from"),
    ];
    const inDetail = [slider("iou", .05, "IoU"), slider("score", 0, "Score")];
    this.inputs = [...inSide, ...inDetail];
    this.side = element("button", {class: "switch", title: "Both results, side by side", onclick: () => change({side: this.sideBySide ? "" : "1"})}, "Side by side");
    this.detailControls = element("div", {class: "look", role: "group", "aria-label": "Matching"}, this.results.length > 1 && this.side, ...inDetail.map(input => input.node));
    this.tally = element("div", {class: "tally", role: "status"});
    const section = (title, open) => {
      const host = element("div");
      return {host, node: element("details", open ? {open: true} : {}, element("summary", {}, title), host)};
    };
    this.sections = {
      metrics: section("COCO's numbers", true), classes: section("Classes", true), curves: section("Precision over recall", true),
      errors: section("Where AP is lost (TIDE)", true), confusion: section("Confusion at IoU .5", true), scores: section("Scores", true),
    };
    this.find = element("input", {type: "search", placeholder: "Find a class", "aria-label": "Find a class", oninput: () => change({find: this.find.value})});
    return this.sideNode = element("aside", {class: "filters wide", "aria-label": "Evaluation", id: "filters"},
        this.fault && trouble(new Error(this.fault)), ...inSide.map(input => input.node), this.tally, this.legend(), this.data.categories.length > 11 && this.find, ...Object.values(this.sections).map(s => s.node));
  }

  legend() {
    const says = {right: "right prediction, solid", wrong: "unmatched prediction, striped", missed: "missed object, dashed", ignored: "ignored"};
    return element("ul", {class: "key", "aria-label": "Colours"}, ...Object.keys(says).map(key =>
        element("li", {style: {"--colour": colours[key]}, class: key}, `${signs[key]} ${says[key]}`)),
        element("li", {class: "dashed-key"}, "- - annotated outlines are dashed"));
  }

  toolbar() {
    const keys = [["loss", "Loss of AP"], ["missed", "Missed objects"], ["wrong", "Unmatched predictions"], ["confused", "Confusions"],
                  ...(this.results.length > 1 ? [["difference", "Difference of A and B"]] : []), ["file", "Order of the file"]];
    this.sort = element("select", {"aria-label": "Sort by", onchange: () => change({sort_results: this.sort.value})}, ...keys.map(([value, text]) => element("option", {value}, text)));
    this.only = element("select", {"aria-label": "Show", onchange: () => change({only: this.only.value})},
        ...[["", "All photos"], ["missed", "With missed objects"], ["wrong", "With unmatched predictions"], ["clean", "Without mistakes"],
              ...(this.results.length > 1 ? [["differ", "Where A and B differ"]] : [])].map(([value, text]) => element("option", {value}, text)));
    this.size = element("input", {type: "range", min: 120, max: 480, step: 20, oninput: () => change({size: this.size.value})});
    return element("div", {class: "toolbar", role: "toolbar", "aria-label": "Grid"},
        drawerButton(this.sideNode, "Numbers"),
        this.status = element("p", {role: "status"}), this.clear = element("button", {class: "plain", onclick: showAll}, "Show all"),
        this.controls.node, element("label", {}, "Size", this.size), element("div", {class: "look"}, this.only, this.sort));
  }

  follow(keys) {
    const has = (...names) => !keys.size || keys.has("page") || names.some(name => keys.has(name));
    this.inputs.forEach(input => input.update());
    this.controls.update();
    this.sort.value = state.sort_results;
    this.only.value = state.only;
    this.size.value = state.size;
    this.side.setAttribute("aria-pressed", String(this.sideBySide));
    if (document.activeElement !== this.find) this.find.value = state.find;
    if (has("results")) this.grid.redraw(true);
    if (has("results", "type", "class", "cell", "find")) this.drawPanels();
    if (has("results", "type", "iou", "score", "side")) this.whenChanged();
    if (has("results", "type", "iou", "score")) this.matchSoon();
    else if (has("sort_results", "only", "class", "cell")) this.arrange();
    if (has("size")) this.grid.layout();
    if (has(...lookKeys)) this.grid.redraw();
    this.grid.relink();
  }

  async match() {
    const round = ++this.round, stale = () => round !== this.round;
    await this.matchAnew(stale);
    if (!stale()) await this.explain();  // after the photos, which need less
  }

  async explain() {
    const {current, type} = this, before = current.explained[type];
    await current.explain(type);
    if (current === this.current && type === this.type && before !== current.explained[type]) this.drawPanels();
  }

  async matchAnew(stale) {
    let matcher;
    try {
      matcher = await this.current.matcher(this.type);
    } catch (error) {
      if (!stale()) this.tally.replaceChildren(trouble(error));
      return;
    }
    if (stale() || !await matchAll(matcher, ...thresholds(), stale)) return;
    this.matcher = matcher;
    this.count();
    await breathe();
    await this.arrange();
  }

  // Totals, and right and wrong by score.
  count() {
    const sum = column => column.reduce((a, b) => a + b, 0), m = this.matcher;
    const n = {right: sum(m.right), wrong: sum(m.wrong), missed: sum(m.missed)};
    const share = (a, b) => a + b ? `${(100 * a / (a + b)).toFixed(1)} %` : "–";
    this.tally.replaceChildren(...Object.entries(n).map(([key, value]) => element("p", {style: {"--colour": colours[key]}}, element("strong", {}, count(value)), ` ${signs[key]} ${key}`)),
        element("p", {}, element("strong", {}, share(n.right, n.wrong)), " precision"), element("p", {}, element("strong", {}, share(n.right, n.missed)), " recall"));
    const bins = Array.from({length: 20}, () => [0, 0]);
    m.status.forEach((status, d) => { if (status < IGNORED) bins[Math.max(0, Math.min(19, Math.floor(m.results.score[d] * 20)))][status === RIGHT ? 0 : 1]++; });
    this.sections.scores.host.replaceChildren(stackedColumns("Right and wrong predictions by score", bins, [colours.right, colours.wrong],
        bins.map((_, i) => `${(i / 20).toFixed(2)} to ${((i + 1) / 20).toFixed(2)}`)));
  }

  drawPanels() {
    const {current, type, sections} = this, k = this.byId.findIndex(place => String(this.data.categories[place].id) === state.class);
    const inOrder = this.byId.map(place => this.classNames[place]);
    const focused = document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent;
    const part = this.data.header.all_photos > this.data.photos;
    fill(sections.metrics.host, () => [metricsTable(this.results), part && element("p", {class: "caution"}, `Of ${this.data.share} alone.`), ...current.summary.explain.causes.map(c => element("p", {class: "caution"}, c.text)),
        ...current.summary.warnings.map(text => element("p", {class: "rest"}, text))]);
    const explained = current.explained[type];
    const fillExplained = (host, make) => fill(host, () => {
      if (explained instanceof Error) throw explained;
      return [explained ? make() : element("p", {class: "rest"}, "Computing …")];
    });
    fill(sections.classes.host, () => [classTable(current, type, state.find)]);
    fillExplained(sections.errors.host, () => errorBars(explained));
    fillExplained(sections.confusion.host, () => confusionMatrix(explained, inOrder, state.find));
    if (focused) [...this.sideNode.querySelectorAll("button")].find(b => (b.getAttribute("aria-label") ?? b.textContent) === focused)?.focus({preventScroll: true});
    const round = this.drawn = {};
    fill(sections.curves.host, async () => {
      const curves = await current.curves(type);
      if (round !== this.drawn) return [...sections.curves.host.childNodes];  // another class' meanwhile
      return [curvesPlot(curves, current.summary.iou_thresholds, k, k < 0 ? "mean of all classes" : inOrder[k]),
              element("p", {class: "rest"}, k < 0 ? "Mean of all classes; click a class above for its own." : inOrder[k])];
    });
  }

  // Which photos, in which order.
  async arrange() {
    if (!this.matcher) return;
    const round = this.round, stale = () => round !== this.round;
    let fault = "";
    const or = other => error => { fault = `: ${error.message}`; return other; };  // what cannot be had neither filters nor sorts
    this.differences = await differences(this, stale).catch(or(null));
    const passes = await photoFilter(this).catch(or(() => true)), key = await photoKey(this).catch(or(p => -p));
    if (stale()) return;
    const rows = new Uint32Array(this.data.photos).map((_, p) => p).filter(passes);
    await breathe();
    const inOrder = await sorted(rows, key, true);
    if (stale()) return;
    this.rows = inOrder;
    this.clear.hidden = !state.class && !state.cell && !state.only;
    this.status.textContent = rows.length === this.data.photos ? plural(rows.length, "photo") : `${count(rows.length)} of ${plural(this.data.photos, "photo")}`;
    this.status.append(fault);
    const same = this.shown && this.shown.length === this.rows.length && this.rows.every((row, i) => row === this.shown[i]);
    if (same) this.grid.redraw();
    else this.grid.show(this.shown = this.rows);
  }

  // For those who hear the grid.
  label(row) {
    const m = this.matcher;
    return `${this.data.names[row]}${m ? `, ${m.right[row]} right, ${m.wrong[row]} unmatched, ${m.missed[row]} missed` : ""}`;
  }

  nothing() {
    if (this.data.photos === 0) return [element("p", {}, "There are no photos in this data set.")];
    return [element("p", {}, "No photo is like that."), element("button", {class: "plain", onclick: showAll}, "Show all")];
  }

  note(row) {
    const m = this.matcher;
    return m ? `${this.differences ? `Δ${this.differences[row]} ` : ""}${signs.right}${m.right[row]} ${signs.wrong}${m.wrong[row]} ${signs.missed}${m.missed[row]}` : "";
  }

  async load(row) {
    const {values: [image, truths, found], fault} = await arrivals([picture("thumbnail", row), json(`outlines/${row}`), json(`results/${this.current.place}/outlines/${row}`)]);
    return {image, fault, width: this.data.width[row] || image?.naturalWidth, height: this.data.height[row] || image?.naturalHeight,
            truths: (truths ?? []).map(([, box, path]) => shapeOf(box, path)), found: (found ?? []).map(([box, path]) => shapeOf(box, path))};
  }

  async photo(row, opened) {
    const shown = this.sideBySide ? this.results : [this.current];
    const matchers = await Promise.all(shown.map(r => r.matcher(this.type)));
    for (const m of matchers) m.matchPhoto(row, ...thresholds());  // all photos may take longer
    return evaluatedPhoto(this.data, row, opened, shown.map((r, i) => ({place: r.place, name: this.nameOf(r), matcher: matchers[i]})));
  }
}

function showAll() { change({class: "", cell: "", only: ""}); }
