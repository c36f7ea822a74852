// The Evaluation page: results against annotations, matched anew at any threshold, and what eval/ says of them.
import {element, count, plural, eachFrame} from "./dom.js";
import {picture, json} from "./source.js";
import {state, change, address} from "./state.js";
import {sorted} from "./dataset.js";
import {Grid} from "./grid.js";
import {look, lookKeys, LookControls} from "./look.js";
import {Results, matchAll} from "./results.js";
import {WRONG, RIGHT, IGNORED, HIDDEN, MISSED, FOUND} from "./matcher.js";
import {metricsTable, classTable, curvesPlot, errorBars, confusionMatrix} from "./panels.js";
import {stackedColumns} from "./plot.js";

// Okabe and Ito's colours, which the colour-blind tell apart; and a sign, a fill and a line of their own each.
const colours = {right: "#56b4e9", wrong: "#d55e00", missed: "#f0e442", ignored: "#b4b4b4"};
const signs = {right: "✓", wrong: "✗", missed: "?", ignored: "–"};
const predicted = {[RIGHT]: "right", [WRONG]: "wrong", [IGNORED]: "ignored"};
const annotated = {[FOUND]: "right", [MISSED]: "missed", [IGNORED]: "ignored"};

export class EvaluationPage {
  static async load(data) {
    const results = await Promise.all(Array.from({length: data.header.results}, (_, i) => Results.load(data, i)));
    return new EvaluationPage(data, results);
  }

  constructor(data, results) {
    Object.assign(this, {data, results, rows: new Uint32Array(0), round: 0, whenChanged: () => {}});
    this.classNames = data.categories.map(c => c.name);
    // Places of the categories in order of their ids, as eval/ counts them.
    this.byId = [...data.categories.keys()].sort((a, b) => data.categories[a].id - data.categories[b].id);
    this.scroller = element("main", {class: "scroller", id: "content"});
    this.controls = new LookControls();
    this.node = element("div", {class: "page"}, this.side(), element("div", {class: "main"}, this.toolbar(), this.scroller));
    this.grid = new Grid(this.scroller, {
      cellWidth: () => state.size, look, picture: row => this.load(row), title: row => data.names[row],
      note: row => this.note(row), href: row => address({photo: data.names[row]}), objects: (row, loaded) => this.objects(row, loaded),
    });
    this.matchSoon = eachFrame(() => this.match());
  }

  get current() { return this.results[Number(state.results)] ?? this.results[0]; }
  get type() { return state.type === "bbox" ? "bbox" : "segm"; }
  title(row) { return this.data.names[row]; }
  name(row) { return this.data.names[row]; }
  row(name) { return this.data.row(name); }
  closed(row) {
    const place = this.rows.indexOf(row);
    if (place >= 0) this.grid.focus(place);
  }

  side() {
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
      pick("results", this.results.map((r, i) => [i, this.results.length > 1 ? `${"AB"[i]}: ${r.name}` : r.name]), "Results"),
      pick("type", [["segm", "Masks"], ["bbox", "Boxes"]], "Matched by"),
      slider("iou", .05, "IoU from"), slider("score", 0, "Score from"),
    ];
    const inDetail = [slider("iou", .05, "IoU"), slider("score", 0, "Score")];
    this.inputs = [...inSide, ...inDetail];
    this.detailControls = element("div", {class: "look", role: "group", "aria-label": "Thresholds"}, ...inDetail.map(input => input.node));
    this.tally = element("div", {class: "tally", role: "status"});
    const section = (title, open) => {
      const host = element("div");
      return {host, node: element("details", open ? {open: true} : {}, element("summary", {}, title), host)};
    };
    this.sections = {
      metrics: section("COCO's numbers", true), classes: section("Classes", true), curves: section("Precision over recall", true),
      errors: section("Where AP is lost (TIDE)", true), confusion: section("Confusion at IoU .5", true), scores: section("Scores", true),
    };
    return this.sideNode = element("aside", {class: "filters wide", "aria-label": "Evaluation", id: "filters"},
        ...inSide.map(input => input.node), this.tally, this.legend(), ...Object.values(this.sections).map(s => s.node));
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
        ...[["", "All photos"], ["missed", "With missed objects"], ["wrong", "With unmatched predictions"], ["clean", "Without mistakes"]].map(([value, text]) => element("option", {value}, text)));
    this.size = element("input", {type: "range", min: 120, max: 480, step: 20, oninput: () => change({size: this.size.value})});
    return element("div", {class: "toolbar", role: "toolbar", "aria-label": "Grid"},
        element("button", {class: "plain only-narrow", "aria-controls": "filters", "aria-expanded": "false",
          onclick: event => event.currentTarget.setAttribute("aria-expanded", String(this.sideNode.classList.toggle("open")))}, "Numbers"),
        this.status = element("p", {role: "status"}), this.clear = element("button", {class: "plain", onclick: () => change({class: "", cell: "", only: ""})}, "Show all"),
        this.controls.node, element("label", {}, "Size", this.size), this.only, this.sort);
  }

  follow(keys) {
    const has = (...names) => !keys.size || keys.has("page") || names.some(name => keys.has(name));
    this.inputs.forEach(input => input.update());
    this.controls.update();
    this.sort.value = state.sort_results;
    this.only.value = state.only;
    this.size.value = state.size;
    if (has("results")) this.grid.redraw(true);
    if (has("results", "type", "class", "cell")) this.drawPanels();
    if (has("results", "type", "iou", "score")) this.matchSoon();
    else if (has("sort_results", "only", "class", "cell")) this.arrange();
    if (keys.has("size")) this.grid.layout();
    if (lookKeys.some(key => keys.has(key))) this.grid.redraw();
  }

  async match() {
    const round = ++this.round, matcher = await this.current.matcher(this.type);
    const stale = () => round !== this.round;
    if (stale() || !await matchAll(matcher, Number(state.iou), Number(state.score), stale)) return;
    this.matcher = matcher;
    this.count();
    await this.arrange();
    this.whenChanged();
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

  async drawPanels() {
    const {current, type, sections} = this, k = this.byId.findIndex(place => String(this.data.categories[place].id) === state.class);
    const inOrder = this.byId.map(place => this.classNames[place]);
    const focused = document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent;
    sections.metrics.host.replaceChildren(metricsTable(this.results), ...current.summary.explain.causes.map(c => element("p", {class: "caution"}, c.text)),
        ...current.summary.warnings.map(text => element("p", {class: "rest"}, text)));
    sections.classes.host.replaceChildren(classTable(current, type));
    sections.errors.host.replaceChildren(errorBars(current, type));
    sections.confusion.host.replaceChildren(confusionMatrix(current, type, inOrder));
    if (focused) [...this.sideNode.querySelectorAll("button")].find(b => (b.getAttribute("aria-label") ?? b.textContent) === focused)?.focus({preventScroll: true});
    const curves = await current.curves(type);
    sections.curves.host.replaceChildren(curvesPlot(curves, current.summary.iou_thresholds, k, k < 0 ? "mean of all classes" : inOrder[k]),
        element("p", {class: "rest"}, k < 0 ? "Mean of all classes; click a class above for its own." : inOrder[k]));
  }

  // Which photos, in which order.
  async arrange() {
    if (!this.matcher) return;
    const round = this.round, m = this.matcher, passes = await this.filter(), key = await this.sortKey();
    if (round !== this.round) return;
    const rows = Uint32Array.from({length: this.data.photos}, (_, p) => p).filter(passes);
    this.rows = sorted(rows, key, state.sort_results !== "file");
    this.clear.hidden = !state.class && !state.cell && !state.only;
    this.status.textContent = `${count(rows.length)}${rows.length === this.data.photos ? "" : ` of ${count(this.data.photos)}`} photos`;
    const same = this.shown && this.shown.length === this.rows.length && this.rows.every((row, i) => row === this.shown[i]);
    if (same) this.grid.redraw();
    else this.grid.show(this.shown = this.rows);
  }

  async filter() {
    const m = this.matcher, data = this.data, tests = [];
    if (state.only === "missed") tests.push(p => m.missed[p] > 0);
    if (state.only === "wrong") tests.push(p => m.wrong[p] > 0);
    if (state.only === "clean") tests.push(p => m.missed[p] + m.wrong[p] === 0);
    if (state.class) {
      const k = data.categories.findIndex(c => String(c.id) === state.class), first = m.results.first;
      const some = (column, begin, end) => { for (let i = begin; i < end; i++) if (column[i] === k) return true; return false; };
      tests.push(p => some(data.category, data.first[p], data.first[p + 1]) || some(m.results.category, first[p], first[p + 1]));
    }
    if (state.cell) {
      const [t, f] = state.cell.split(",").map(Number), cells = await this.current.confusion(this.type), rows = new Set();
      cells.row.forEach((row, i) => { if (cells.truth[i] === t && cells.found[i] === f) rows.add(row); });
      tests.push(p => rows.has(p));
    }
    return p => tests.every(test => test(p));
  }

  async sortKey() {
    const m = this.matcher, key = state.sort_results;
    if (key === "missed" || key === "wrong") return p => m[key][p];
    if (key === "loss") {
      const losses = await this.current.losses(this.type);
      return p => losses[p] ?? -1;
    }
    if (key === "confused") {
      const cells = await this.current.confusion(this.type), K = this.data.categories.length, n = new Uint16Array(this.data.photos);
      cells.row.forEach((row, i) => { if (cells.truth[i] !== cells.found[i] && cells.truth[i] < K && cells.found[i] < K) n[row]++; });
      return p => n[p];
    }
    if (key === "difference" && this.results.length > 1) {
      const [a, b] = await Promise.all(this.results.map(r => r.matcher(this.type)));
      for (const other of [a, b]) if (other !== m) await matchAll(other, Number(state.iou), Number(state.score), () => false);
      // Objects that one finds and the other does not, and unmatched predictions that one has more.
      return p => {
        let n = Math.abs(a.wrong[p] - b.wrong[p]);
        for (let o = this.data.first[p]; o < this.data.first[p + 1]; o++) if (a.found[o] !== b.found[o]) n++;
        return n;
      };
    }
    return p => p;
  }

  note(row) {
    const m = this.matcher;
    return m ? `${signs.right}${m.right[row]} ${signs.wrong}${m.wrong[row]} ${signs.missed}${m.missed[row]}` : "";
  }

  async load(row) {
    const place = this.current.place;
    const [image, truths, found] = await Promise.all([picture("thumbnail", row), json(`outlines/${row}`), json(`results/${place}/outlines/${row}`)]);
    const path = text => text ? new Path2D(text) : null;
    return {image, width: this.data.width[row] || image.naturalWidth, height: this.data.height[row] || image.naturalHeight,
            truths: truths.map(([, box, outline]) => ({box, path: path(outline)})), found: found.map(([box, outline]) => ({box, path: path(outline)}))};
  }

  // What is drawn at the present thresholds: predictions below annotated outlines.
  objects(row, {truths, found}) {
    const m = this.matcher, data = this.data;
    if (!m) return [];
    const predictions = found.map((shape, i) => this.prediction(m.results.first[row] + i, shape)).filter(Boolean);
    return [...predictions, ...truths.map((shape, i) => this.truth(data.first[row] + i, shape))];
  }

  prediction(d, {box, path}) {
    const m = this.matcher, status = predicted[m.status[d]];
    if (!status) return null;
    const name = this.data.categoryName(m.results.category[d]);
    return {box, path, colour: colours[status], hatched: status === "wrong", status, d, label: `${signs[status]} ${name} ${m.results.score[d].toFixed(2)}`};
  }

  truth(o, {box, path}) {
    const status = annotated[this.matcher.found[o]];
    return {box, path, colour: colours[status], dashed: true, crowd: this.data.crowd[o] === 1, status, o,
            label: status === "missed" ? `${signs.missed} ${this.data.categoryName(this.data.category[o])}` : ""};
  }

  async photo(row) {
    if (!this.matcher) await new Promise(resolve => { const check = () => this.matcher ? resolve() : setTimeout(check, 20); check(); });
    const place = this.current.place;
    const [image, told, found] = await Promise.all([picture("photo", row).catch(error => error), json(`objects/${row}`), json(`results/${place}/objects/${row}`)]);
    const shape = object => ({box: object.bbox.map(v => v ?? 0), path: object.path ? new Path2D(object.path) : null});
    const objects = this.objects(row, {truths: told.objects.map(shape), found: found.map(shape)}).map(object => {
      const from = object.d === undefined ? told.objects[object.o - this.data.first[row]] : found[object.d - this.matcher.results.first[row]];
      return {...object, title: this.describe(object), facts: this.facts(object, from, told)};
    });
    const rank = object => ["wrong", "missed", "right", "ignored"].indexOf(object.status) + (object.dashed && object.status !== "missed" ? 4 : 0);
    objects.sort((a, b) => rank(a) - rank(b));
    const fault = image instanceof Error ? image.message : null;
    return {row, image: fault ? null : image, fault, width: told.width, height: told.height, objects, notes: []};
  }

  describe(object) {
    const name = object.d === undefined ? this.data.categoryName(this.data.category[object.o]) : this.data.categoryName(this.matcher.results.category[object.d]);
    return object.d === undefined ? `${signs[object.status]} ${name}: annotated, ${object.status === "right" ? "found" : object.status}`
                                  : `${signs[object.status]} ${name} ${this.matcher.results.score[object.d].toFixed(3)}: ${object.status}`;
  }

  facts(object, from, photo) {
    const out = [], m = this.matcher;
    if (object.d !== undefined && m.mate[object.d] >= 0)
      out.push(`IoU ${m.overlap(object.d).toFixed(3)} with annotation ${photo.objects[m.mate[object.d] - this.data.first[photo.row ?? this.data.row(photo.name)]]?.id}`);
    if (object.o !== undefined) out.push(`annotation ${from.id}${from.crowd ? ", a crowd" : ""}`);
    const [x, y, w, h] = from.bbox.map(v => v === null ? "?" : +v.toFixed(1));
    out.push(`box ${x}, ${y}, ${w} × ${h}`, from.fault ?? `${count(from.area)} px, ${plural(from.parts, "part")}, ${plural(from.holes, "hole")}`);
    return out;
  }
}
