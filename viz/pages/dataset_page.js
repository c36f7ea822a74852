// The Dataset page: filters, a toolbar, the grid, and one photo in detail.
import {element, count, plural, eachFrame, breathe} from "./dom.js";
import {picture, wholePhoto, arrivals, json} from "./source.js";
import {state, change, chosen, address} from "./state.js";
import {sorted} from "./dataset.js";
import {Filters, filterKeys, clearFilters} from "./filters.js";
import {Findings} from "./findings.js";
import {Grid} from "./grid.js";
import {onePane} from "./detail.js";
import {drawerButton} from "./drawer.js";
import {look, lookKeys, LookControls} from "./look.js";


export class DatasetPage {
  constructor(data) {
    Object.assign(this, {data, round: 0, rows: new Uint32Array(0), result: null});
    this.node = element("div", {class: "page"});
    this.keys = data.sortKeys();
    this.findings = new Findings(data.photos, () => { this.filters.updateFindings(); if (state.finding) this.apply(); });
    this.filters = new Filters(data, this.findings);
    this.scroller = element("div", {class: "scroller", id: "content"});
    this.controls = new LookControls();
    this.node.replaceChildren(this.filters.node, element("main", {class: "main"}, this.toolbar(), this.scroller));
    this.grid = new Grid(this.scroller, {
      cellWidth: () => state.size, look, picture: row => this.load(row), title: row => data.names[row],
      note: row => plural(data.first[row + 1] - data.first[row], "object"), label: row => this.label(row), nothing: () => this.nothing(),
      href: row => address({photo: data.addressOf(row)}),
      objects: (row, loaded) => loaded.objects.filter((_, i) => this.result.passes(data.first[row] + i)),
    });
    this.applySoon = eachFrame(() => this.apply());
    this.apply();
  }

  // For those who hear the grid.
  label(row) {
    const classes = new Map(), {data} = this;
    for (let o = data.first[row]; o < data.first[row + 1]; o++) {
      const name = data.categoryName(data.category[o]);
      classes.set(name, (classes.get(name) ?? 0) + 1);
    }
    return [`${data.names[row]}, ${plural(data.first[row + 1] - data.first[row], "object")}`, ...[...classes].map(([name, n]) => `${n} ${name}`)].join(", ");
  }

  nothing() {
    if (this.data.photos === 0) return [element("p", {}, "There are no photos in this data set.")];
    return [element("p", {}, "No photo passes these filters."), element("button", {class: "plain", onclick: clearFilters}, "Show all")];
  }

  title(row) { return this.data.names[row]; }
  name(row) { return this.data.addressOf(row); }
  row(name) { return this.data.row(name); }
  closed(row) {
    const place = this.rows.indexOf(row);
    if (place >= 0) this.grid.focus(place);
  }

  toolbar() {
    this.sort = element("select", {"aria-label": "Sort by", onchange: () => change({sort: this.sort.value})},
        ...Object.entries(this.keys).map(([value, {title}]) => element("option", {value}, title)));
    this.down = element("button", {class: "plain", onclick: () => change({down: state.down ? "" : "1"})});
    this.size = element("input", {type: "range", min: 120, max: 480, step: 20, oninput: () => change({size: this.size.value})});
    return element("div", {class: "toolbar", role: "toolbar", "aria-label": "Grid"},
        drawerButton(this.filters.node, "Filters"),
        this.status = element("p", {role: "status"}), this.controls.node,
        element("label", {}, "Size", this.size), element("div", {class: "look"}, this.sort, this.down));
  }

  follow(keys) {
    const has = (...names) => keys.has("page") || names.some(name => keys.has(name));  // another page may have set any
    if (has(...filterKeys, "sort", "down")) this.applySoon();
    if (has("find")) this.filters.update(this.result);
    if (has("size")) this.grid.layout();
    if (has(...lookKeys)) this.grid.redraw();
    this.grid.relink();
    this.controls.update();
  }

  async apply() {
    const round = ++this.round, stale = () => round !== this.round;
    const finding = state.finding === "" ? null : await this.findings.photosOf(Number(state.finding));
    const result = await this.data.filter({
      classes: chosen("classes"), area: chosen("area"), aspect: chosen("aspect"), count: chosen("count"),
      crowd: state.crowd, search: state.search, photoPasses: finding,
    }, stale);
    if (!result) return;
    const rows = await sorted(result.rows, (this.keys[state.sort] ?? this.keys.file).key, state.down === "1");
    await breathe();
    if (stale()) return;
    Object.assign(this, {result, rows});
    this.sort.value = state.sort;
    this.size.value = state.size;
    this.down.textContent = state.down ? "↓" : "↑";
    this.down.setAttribute("aria-label", state.down ? "Largest first" : "Smallest first");
    this.down.title = state.down ? "Largest first" : "Smallest first";
    const all = this.rows.length === this.data.photos ? "" : ` of ${count(this.data.photos)}`;
    this.status.textContent = `${count(this.rows.length)}${all} photo${this.rows.length === 1 && !all ? "" : "s"}, ${plural(this.result.objects, "object")}`;
    this.filters.update(this.result);
    this.grid.show(this.rows);
  }

  async load(row) {
    const {values: [image, outlines], fault} = await arrivals([picture("thumbnail", row), json(`outlines/${row}`)]);
    const data = this.data, objects = (outlines ?? []).map(([colour, box, path], i) => {
      const o = data.first[row] + i;
      return {colour, box, path: path ? new Path2D(path) : null, crowd: data.crowd[o] === 1, label: data.categoryName(data.category[o])};
    });
    return {image, fault, width: data.width[row] || image?.naturalWidth, height: data.height[row] || image?.naturalHeight, objects};
  }

  async photo(row) {
    const {values: [photo, told, findings], fault} = await arrivals([wholePhoto(row), json(`objects/${row}`), this.findings.of(row)]);
    const found = findings ?? [], width = this.data.width[row], height = this.data.height[row];
    const name = object => this.data.categories[object.class]?.name ?? `unknown class ${object.category_id}`;
    const objects = (told?.objects ?? []).map(object => ({
      colour: object.colour, crowd: object.crowd, label: name(object), title: `${name(object)}${object.crowd ? ", a crowd" : ""}`,
      box: object.bbox.map(v => v ?? 0), path: object.path ? new Path2D(object.path) : null, facts: facts(object, told, found),
    }));
    const notes = found.filter(f => f.annotation === null).map(f => `${f.kind}: ${f.text}`);
    return {row, image: photo.image, fault: photo.fault ?? fault, width, height, notes, ...onePane(objects)};
  }
}

function facts(object, photo, findings) {
  const percent = x => `${+(100 * x).toPrecision(3)} %`;
  const [x, y, w, h] = object.bbox.map(v => v === null ? "?" : +v.toFixed(1));
  const out = [`annotation ${object.id}, box ${x}, ${y}, ${w} × ${h}`];
  if (object.fault) out.push(object.fault);
  else out.push(`${count(object.area)} px, ${percent(object.area / (photo.width * photo.height))} of the photo, ${percent(object.area / (object.box[2] * object.box[3] || 1))} of its box`,
      `${plural(object.parts, "part")}, ${plural(object.holes, "hole")}, perimeter ${count(object.perimeter)} px${object.border ? ", touches the border" : ""}`);
  for (const f of findings) if (f.annotation === object.id) out.push(`⚠ ${f.kind}: ${f.text}`);
  return out;
}
