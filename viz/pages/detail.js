// One photo: zoom and pan, the list of its objects, hovering either lights the other.
import {element, plural, eachFrame} from "./dom.js";
import {prepared, drawPhoto, drawObjects, objectAt} from "./draw.js";
import {look, lookKey, LookControls} from "./look.js";
import {PanZoom} from "./pan_zoom.js";
import {notice} from "./changes.js";
import {state, change} from "./state.js";

// What a page shows of a photo that it shows once: each object, with its `title` and `facts`, is an entry of the list.
export const onePane = objects => ({
  panes: [{title: "", objects}],
  entries: objects.map(object => ({colour: object.colour, title: object.title, facts: object.facts, parts: [[object]]})),
});

export class Detail {
  // source(): the page whose photos are looked at: {photo(row, opened: just now, else shown already) -> Promise of
  // {row, image, fault, width, height, notes, panes: [{title, objects: see draw.js}],
  // entries: [{colour, title, facts: lines, parts: its objects in each pane}]},
  // title(row), rows in their order, row(name), name(row), closed(row), detailControls or none}.
  constructor(dialog, source) {
    Object.assign(this, {dialog, row: -1, lit: null, photo: null, panes: []});
    Object.defineProperty(this, "source", {get: source});
    this.controls = new LookControls();
    this.draw = eachFrame(() => this.paint());
    this.remember = eachFrame(() => { if (this.view.view) change({at: this.view.write()}); });
    this.view = new PanZoom(() => { this.draw(); this.remember(); }, (canvas, x, y) => this.hover(canvas, x, y));
    const button = (text, title, onclick) => element("button", {class: "plain", title, "aria-label": title, onclick}, text);
    dialog.append(
        element("header", {},
            button("‹", "Previous photo (left arrow)", () => this.step(-1)), button("›", "Next photo (right arrow)", () => this.step(1)),
            this.title = element("h2"), this.extra = element("div", {class: "look"}), this.controls.node,
            element("div", {class: "look", role: "group", "aria-label": "Zoom"}, button("−", "Smaller (-)", () => this.view.zoom(1 / 1.4)),
                this.percent = element("output", {class: "percent"}), button("+", "Larger (+)", () => this.view.zoom(1.4)),
                button("Fit", "Whole photo (0)", () => this.fit())),
            element("button", {class: "plain close", title: "Close (Escape)", "aria-label": "Close (Escape)", onclick: () => this.close()}, "✕")),
        notice(),
        element("div", {class: "stage"}, this.stage = element("div", {class: "panes"}), this.fault = element("p", {class: "fault", role: "alert"})),
        this.side = element("aside", {"aria-label": "Objects"}));
    dialog.addEventListener("cancel", event => { event.preventDefault(); this.close(); });
    dialog.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.resize()).observe(this.stage);
  }

  // What the address says: opens, changes or closes.
  async follow() {
    this.controls.update();
    const row = state.photo === "" ? -1 : this.source.row(state.photo);
    if (row < 0) {
      Object.assign(this, {row: -1, photo: null, asked: null});
      if (this.dialog.open) this.dialog.close();
      return;
    }
    if (!this.dialog.open) this.dialog.showModal();
    const more = this.source.detailControls;  // a page's own, such as thresholds
    if (this.extra.firstChild !== (more ?? null)) this.extra.replaceChildren(...(more ? [more] : []));
    if (row !== this.row) await this.open(row);
    this.draw();
  }

  // The same photo with other objects on it.
  async refresh() {
    if (this.photo) await this.ask(false, photo => this.show(photo));
  }

  async open(row) {
    Object.assign(this, {row, photo: null, lit: null});
    this.view.leave();
    for (const {canvas} of this.panes) canvas.view = null;  // what is painted there is another photo's
    this.title.textContent = this.source.title(row);
    this.fault.textContent = "";
    this.side.replaceChildren(element("p", {class: "rest"}, "Loading …"));
    await this.ask(true, photo => this.show(photo));
  }

  // Only what was asked for last is shown, or why it cannot be.
  async ask(opened, show) {
    const asked = this.asked = {}, isLast = () => asked === this.asked;
    const photo = await this.source.photo(this.row, opened).catch(error => isLast() && this.fail(error));
    if (photo && isLast()) show(photo);
  }

  fail(error) {
    this.fault.textContent = error.message;
    this.side.replaceChildren();
    for (const {node} of this.panes.splice(0)) node.remove();
  }

  show(photo) {
    Object.assign(this, {photo, lit: null});
    this.fault.textContent = photo.fault ?? "";
    this.entryOf = new Map(photo.entries.flatMap(entry => entry.parts.flat().map(object => [object, entry])));
    this.arrange();
    this.list();
    this.resize();
  }

  // A canvas a pane.
  arrange() {
    const {panes} = this.photo;
    while (this.panes.length > panes.length) this.panes.pop().node.remove();
    while (this.panes.length < panes.length) {
      const canvas = element("canvas", {tabindex: 0, role: "img"}), title = element("p");
      const node = element("div", {class: "pane"}, canvas, title);
      this.view.listen(canvas);
      this.stage.append(node);
      this.panes.push({node, canvas, title});
    }
    this.panes.forEach(({canvas, title}, i) => {
      title.textContent = panes[i].title;
      title.hidden = !panes[i].title;
      canvas.setAttribute("aria-label", [this.source.title(this.row), panes[i].title, plural(panes[i].objects.length, "object")].filter(Boolean).join(", "));
    });
  }

  list() {
    const {entries, notes, width, height} = this.photo;
    this.items = new Map(entries.map(entry => [entry, element("button", {class: "object", style: {"--colour": entry.colour},
        onpointerenter: () => this.light(entry), onpointerleave: () => this.light(null),
        onfocus: () => this.light(entry), onblur: () => this.light(null), onclick: () => this.view.center(entry.parts.flat()[0].box)},
      element("strong", {}, entry.title), ...entry.facts.map(line => element("span", {}, line)))]));
    this.side.replaceChildren(
        element("p", {class: "rest"}, `${plural(entries.length, "object")}, ${width} × ${height} pixels`),
        notes.length ? element("ul", {class: "notes"}, ...notes.map(note => element("li", {}, note))) : "",
        element("ul", {class: "objects"}, ...[...this.items.values()].map(item => element("li", {}, item))));
  }

  light(entry) {
    if (this.lit === entry) return;
    this.items.get(this.lit)?.classList.remove("lit");
    this.items.get(entry)?.classList.add("lit");
    this.lit = entry;
    this.draw();
  }

  resize() {
    const pane = this.panes[0]?.node;
    if (!pane?.clientWidth || !this.photo) return;
    this.view.place(this.photo, pane.clientWidth, pane.clientHeight);
    for (const {canvas} of this.panes) Object.assign(canvas.style, {width: `${pane.clientWidth}px`, height: `${pane.clientHeight}px`});
    if (!this.view.view) this.view.read(state.at);
    else if (state.at === "") this.view.fit();
    this.draw();
  }

  fit() {
    if (!this.photo) return;
    this.view.fit();
    change({at: ""});
    this.draw();
  }

  step(by) {
    const rows = this.source.rows, next = rows[rows.indexOf(this.row) + by];
    if (next !== undefined) change({photo: this.source.name(next), at: ""});
  }

  close() {
    const row = this.row;
    change({photo: "", at: ""});
    this.source.closed(row);
  }

  paint() {
    const {photo} = this, {view, width, height} = this.view;
    if (!photo || !view) return;
    this.percent.value = `${Math.round(view.scale * 100)} %`;
    this.panes.forEach(({canvas}, i) => {
      const context = prepared(canvas, width, height);
      if (photo.image) drawPhoto(context, photo.image, photo.width, photo.height, view);
      canvas.view = view;
      canvas.labels = drawObjects(context, photo.panes[i].objects, view, {...look(), lit: this.lit?.parts[i] ?? [], text: 13});
    });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    const does = {
      ArrowLeft: () => event.shiftKey ? this.view.pan(60, 0) : this.step(-1), ArrowRight: () => event.shiftKey ? this.view.pan(-60, 0) : this.step(1),
      ArrowUp: () => event.shiftKey && this.view.pan(0, 60), ArrowDown: () => event.shiftKey && this.view.pan(0, -60),
      "+": () => this.view.zoom(1.4), "=": () => this.view.zoom(1.4), "-": () => this.view.zoom(1 / 1.4), 0: () => this.fit(),
      1: () => this.view.zoomTo(1),
    }[event.key];
    if (does) does();
    else if (!lookKey(event.key)) return;
    event.preventDefault();
  }

  hover(canvas, x, y) {
    const pane = canvas === null ? -1 : this.panes.findIndex(p => p.canvas === canvas);
    if (!this.photo || pane < 0) return this.light(null);
    const shown = this.photo.panes[pane].objects.filter(o => look().crowds || !o.crowd);
    const entry = this.entryOf.get(objectAt(canvas.getContext("2d"), shown, x, y)) ?? null;
    if (entry === this.lit) return;
    this.light(entry);
    this.items.get(entry)?.scrollIntoView({block: "nearest"});
  }
}
