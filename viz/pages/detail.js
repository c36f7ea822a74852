// One photo: zoom and pan, the list of its objects, hovering either lights the other.
import {element, svg, count, plural, eachFrame} from "./dom.js";
import {fitted, prepared, drawPhoto, drawObjects, objectAt} from "./draw.js";
import {look, lookKey, LookControls} from "./look.js";
import {state, change} from "./state.js";

const most = 64;  // screen pixels a photo's pixel, at the largest zoom

export class Detail {
  // source(): the page whose photos are looked at: {photo(row) -> Promise of {row, image, fault, width, height, objects,
  // notes}, title(row), rows in their order, row(name), name(row), closed(row), detailControls or none}.  An object has `facts`, a list of lines, beside what draw.js wants.
  constructor(dialog, source) {
    Object.assign(this, {dialog, row: -1, lit: null, photo: null});
    Object.defineProperty(this, "source", {get: source});
    this.controls = new LookControls();
    this.canvas = element("canvas", {tabindex: 0, role: "img"});
    const button = (text, title, onclick) => element("button", {class: "plain", title, "aria-label": title, onclick}, text);
    dialog.append(
        element("header", {},
            button("‹", "Previous photo (left arrow)", () => this.step(-1)), button("›", "Next photo (right arrow)", () => this.step(1)),
            this.title = element("h2"), this.extra = element("div", {class: "look"}), this.controls.node,
            element("div", {class: "look", role: "group", "aria-label": "Zoom"}, button("−", "Smaller (-)", () => this.zoom(1 / 1.4)),
                this.percent = element("output", {class: "percent"}), button("+", "Larger (+)", () => this.zoom(1.4)),
                button("Fit", "Whole photo (0)", () => this.fit())),
            button("✕", "Close (Escape)", () => this.close())),
        element("div", {class: "stage"}, this.canvas, this.fault = element("p", {class: "fault", role: "alert"})),
        this.side = element("aside", {"aria-label": "Objects"}));
    this.draw = eachFrame(() => this.paint());
    this.remember = eachFrame(() => this.writeAt());
    dialog.addEventListener("cancel", event => { event.preventDefault(); this.close(); });
    dialog.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.resize()).observe(this.canvas.parentElement);
    this.listen();
  }

  // What the address says: opens, changes or closes.
  async follow() {
    this.controls.update();
    const row = state.photo === "" ? -1 : this.source.row(state.photo);
    if (row < 0) {
      this.row = -1;
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
    if (!this.photo) return;
    const photo = await this.source.photo(this.row);
    if (photo.row !== this.row) return;
    this.photo = photo;
    this.lit = null;
    this.list();
    this.draw();
  }

  async open(row) {
    Object.assign(this, {row, photo: null, lit: null});
    this.title.textContent = this.source.title(row);
    this.fault.textContent = "";
    this.side.replaceChildren(element("p", {class: "rest"}, "Loading …"));
    const photo = await this.source.photo(row);
    if (this.row !== row) return;
    this.photo = photo;
    this.fault.textContent = photo.fault ?? "";
    this.canvas.setAttribute("aria-label", `${this.source.title(row)}: ${plural(photo.objects.length, "object")}`);
    this.list();
    this.view = null;
    this.resize();
  }

  list() {
    const {objects, notes, width, height} = this.photo;
    this.items = new Map();
    const rows = objects.map(object => {
      const row = element("li", {},  element("button", {class: "object", style: {"--colour": object.colour},
        onpointerenter: () => this.light(object), onpointerleave: () => this.light(null),
        onfocus: () => this.light(object), onblur: () => this.light(null), onclick: () => this.center(object)},
          element("strong", {}, object.title), ...object.facts.map(line => element("span", {}, line))));
      this.items.set(object, row.firstChild);
      return row;
    });
    this.side.replaceChildren(
        element("p", {class: "rest"}, `${plural(objects.length, "object")}, ${width} × ${height} pixels`),
        notes.length ? element("ul", {class: "notes"}, ...notes.map(note => element("li", {}, note))) : "",
        element("ul", {class: "objects"}, ...rows));
  }

  light(object) {
    if (this.lit === object) return;
    this.items.get(this.lit)?.classList.remove("lit");
    this.items.get(object)?.classList.add("lit");
    this.lit = object;
    this.draw();
  }

  resize() {
    const {clientWidth, clientHeight} = this.canvas.parentElement;
    if (!clientWidth || !this.photo) return;
    const first = !this.view;
    Object.assign(this, {width: clientWidth, height: clientHeight});
    Object.assign(this.canvas.style, {width: `${clientWidth}px`, height: `${clientHeight}px`});
    if (first) this.readAt();
    else if (state.at === "") this.view = this.whole();
    this.draw();
  }

  whole() { return fitted(this.photo.width, this.photo.height, this.width, this.height); }
  fit() { this.view = this.whole(); change({at: ""}); this.draw(); }

  // Zoom and the photo's point in the middle.
  readAt() {
    const [scale, x, y] = state.at.split(",").map(Number);
    this.view = scale > 0 && scale <= most && Number.isFinite(x) && Number.isFinite(y)
        ? {scale, x: this.width / 2 - x * scale, y: this.height / 2 - y * scale} : this.whole();
  }
  writeAt() {
    if (!this.view) return;
    const {scale, x, y} = this.view;
    change({at: [scale, (this.width / 2 - x) / scale, (this.height / 2 - y) / scale].map(v => +v.toFixed(3)).join(",")});
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.photo || !this.view) return;
    const scale = Math.max(this.whole().scale / 2, Math.min(most, this.view.scale * factor)), real = scale / this.view.scale;
    this.view = {scale, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real};
    this.draw();
    this.remember();
  }

  center(object) {
    const [x, y, w, h] = object.box;
    const scale = Math.min(most, Math.max(this.whole().scale, .6 * Math.min(this.width / Math.max(w, 1), this.height / Math.max(h, 1))));
    this.view = {scale, x: this.width / 2 - (x + w / 2) * scale, y: this.height / 2 - (y + h / 2) * scale};
    this.draw();
    this.remember();
  }

  step(by) {
    const rows = this.source.rows, place = rows.indexOf(this.row);
    const next = rows[place + by];
    if (next !== undefined) change({photo: this.source.name(next), at: ""});
  }

  close() {
    const row = this.row;
    change({photo: "", at: ""});
    this.source.closed(row);
  }

  paint() {
    if (!this.photo || !this.view) return;
    const context = prepared(this.canvas, this.width, this.height);
    this.percent.value = `${Math.round(this.view.scale * 100)} %`;
    if (this.photo.image) drawPhoto(context, this.photo.image, this.photo.width, this.photo.height, this.view);
    this.canvas.view = this.view;
    this.canvas.labels = drawObjects(context, this.photo.objects, this.view, {...look(), lit: this.lit, text: 13});
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
    const pan = (dx, dy) => { this.view.x += dx; this.view.y += dy; this.draw(); this.remember(); };
    const does = {
      ArrowLeft: () => event.shiftKey ? pan(60, 0) : this.step(-1), ArrowRight: () => event.shiftKey ? pan(-60, 0) : this.step(1),
      ArrowUp: () => event.shiftKey && pan(0, 60), ArrowDown: () => event.shiftKey && pan(0, -60),
      "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4), 0: () => this.fit(), 1: () => this.zoom(1 / this.view.scale),
    }[event.key];
    if (does) does();
    else if (!lookKey(event.key)) return;
    event.preventDefault();
  }

  listen() {
    const canvas = this.canvas, at = event => [event.offsetX, event.offsetY];
    const fingers = new Map();
    let spread = 0;
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? .01 : .0015)), ...at(event));
    }, {passive: false});
    canvas.addEventListener("dblclick", event => this.view.scale > this.whole().scale * 1.01 ? this.fit() : this.zoom(2.5, ...at(event)));
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, at(event));
      spread = 0;
    });
    canvas.addEventListener("pointermove", event => {
      const [x, y] = at(event), last = fingers.get(event.pointerId);
      if (!last) return this.hover(x, y);
      fingers.set(event.pointerId, [x, y]);
      if (!this.view) return;
      this.view.x += (x - last[0]) / fingers.size;
      this.view.y += (y - last[1]) / fingers.size;
      if (fingers.size === 2) {
        const [a, b] = [...fingers.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (spread) this.zoom(now / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
        spread = now;
      }
      this.draw();
      this.remember();
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => fingers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.light(null));
  }

  hover(x, y) {
    if (!this.photo || !this.view) return;
    const {scale, x: left, y: top} = this.view;
    const shown = this.photo.objects.filter(o => look().crowds || !o.crowd);
    const object = objectAt(this.canvas.getContext("2d"), shown, (x - left) / scale, (y - top) / scale);
    if (object === this.lit) return;
    this.light(object);
    this.items.get(object)?.scrollIntoView({block: "nearest"});
  }
}
