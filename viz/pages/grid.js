// Photos in rows, as many as fit.  However long the list, only what is on the screen has elements: cells are taken from
// one row and given to the next while it scrolls.
import {element, eachFrame} from "./dom.js";
import {fitted, prepared, drawPhoto, drawObjects} from "./draw.js";

const gap = 10, caption = 30;
const tallest = 8e6;     // browsers lose precision in elements of some ten million pixels
const frameBudget = 6;   // milliseconds of drawing
const frameShapes = 50;  // objects after which no photo is begun
const remembered = 300;  // pictures kept for scrolling back

export class Grid {
  // source: {picture(row) -> Promise of {image or null, fault or null, width, height, ...}, objects(row, picture), title(row),
  // note(row), label(row) for screen readers, href(row), look() -> see drawObjects, nothing() -> what stands where no photo is}
  constructor(host, source) {
    this.host = host;
    this.source = source;
    this.rows = new Uint32Array(0);
    this.cells = new Map();   // place in `rows` -> cell
    this.free = [];
    this.pictures = new Map();
    this.waiting = new Set();
    this.field = element("div", {class: "field", role: "list"});
    this.nothing = element("div", {class: "nothing", role: "status"});
    host.append(this.field, this.nothing);
    host.tabIndex = -1;
    const layout = eachFrame(() => this.layout());
    host.addEventListener("scroll", layout, {passive: true});
    new ResizeObserver(layout).observe(host);
    host.addEventListener("keydown", event => this.key(event));
  }

  show(rows) {
    this.rows = rows;
    this.nothing.replaceChildren(...(rows.length ? [] : this.source.nothing()));
    this.host.scrollTop = 0;
    this.releaseAll();
    this.layout();
  }

  // Draws what is on the screen again: switches, colours or objects are others.  `anew`: ask the source again.
  redraw(anew = false) {
    if (anew) this.pictures.clear();
    for (const cell of this.cells.values()) {
      this.label(cell);
      if (anew) this.load(cell);
      else this.enqueue(cell);
    }
  }

  layout() {
    const width = this.host.clientWidth - 2 * gap, height = this.host.clientHeight;
    if (width <= 0 || height <= 0) return;
    const columns = Math.max(1, Math.round(width / (Number(this.source.cellWidth()) + gap)));
    const cellWidth = Math.floor((width - gap * (columns - 1)) / columns), rowHeight = Math.round(cellWidth * .75) + caption + gap;
    const total = Math.ceil(this.rows.length / columns) * rowHeight + gap, shown = Math.min(total, tallest);
    this.field.style.height = `${shown}px`;
    // Of more than `tallest` the scroll bar gives the share.
    const scroll = this.host.scrollTop, range = Math.max(shown - height, 1);
    const top = total > shown ? Math.min(scroll / range, 1) * (total - height) : scroll;
    // Who drags the scroll bar passes by thousands of photos: only where they stop are pictures asked for.
    const passing = Math.abs(top - (this.top ?? top)) > height / 2;
    Object.assign(this, {columns, cellWidth, rowHeight, top});
    const begin = Math.max(0, Math.floor(top / rowHeight) - 1) * columns;
    const end = Math.min(this.rows.length, (Math.ceil((top + height) / rowHeight) + 1) * columns);
    for (const [place, cell] of this.cells) if (place < begin || place >= end) this.release(place, cell);
    for (let place = begin; place < end; place++) {
      const cell = this.cells.get(place) ?? this.fill(place, passing);
      const x = gap + place % columns * (cellWidth + gap), y = gap + Math.floor(place / columns) * rowHeight - top + scroll;
      cell.node.style.transform = `translate(${x}px, ${Math.round(y)}px)`;
      if (cell.width !== cellWidth) {
        cell.width = cellWidth;
        cell.node.style.width = `${cellWidth}px`;
        cell.canvas.style.height = `${Math.round(cellWidth * .75)}px`;
        this.enqueue(cell);
      }
    }
  }

  fill(place, passing) {
    const cell = this.free.pop() ?? this.make();
    cell.place = place;
    cell.row = this.rows[place];
    cell.node.classList.add("loading");  // until it is drawn
    this.cells.set(place, cell);
    cell.item.setAttribute("aria-setsize", this.rows.length);
    cell.item.setAttribute("aria-posinset", place + 1);
    this.label(cell);
    this.field.append(cell.node);
    cell.asked = false;
    if (passing) this.loadSoon();
    else this.load(cell);
    return cell;
  }

  loadSoon() {
    clearTimeout(this.stopped);
    this.stopped = setTimeout(() => { for (const cell of this.cells.values()) if (!cell.asked) this.load(cell); }, 80);
  }

  make() {
    const cell = {};
    cell.canvas = element("canvas", {"aria-hidden": "true"});
    cell.name = element("span", {class: "name"});
    cell.note = element("span", {class: "note"});
    cell.trouble = element("span", {class: "trouble", hidden: true});
    cell.node = cell.item = element("div", {class: "cell", role: "listitem"},
        cell.link = element("a", {}, cell.canvas, cell.trouble, element("span", {class: "caption"}, cell.name, cell.note)));
    return cell;
  }

  label(cell) {
    cell.name.textContent = this.source.title(cell.row);
    cell.note.textContent = this.source.note(cell.row);
    const fault = cell.picture?.fault;
    cell.link.setAttribute("aria-label", this.source.label(cell.row) + (fault ? `: ${fault}` : ""));
    cell.link.href = this.source.href(cell.row);
  }

  // Links lead to what is set now.
  relink() { for (const cell of this.cells.values()) cell.link.href = this.source.href(cell.row); }

  release(place, cell) {
    this.cells.delete(place);
    this.waiting.delete(cell);
    cell.node.remove();
    cell.row = cell.picture = cell.width = null;
    this.free.push(cell);
  }
  releaseAll() { for (const [place, cell] of this.cells) this.release(place, cell); }

  load(cell) {
    const row = cell.row;
    cell.asked = true;
    cell.picture = this.pictures.get(row) ?? null;
    this.enqueue(cell);
    if (cell.picture) return;
    this.source.picture(row).catch(error => ({fault: error.message})).then(picture => {
      if (!picture.fault) this.pictures.set(row, picture);  // a fault may have passed when it is asked for again
      if (this.pictures.size > remembered) this.pictures.delete(this.pictures.keys().next().value);
      if (cell.row === row) { cell.picture = picture; this.enqueue(cell); }
    });
  }

  enqueue(cell) {
    this.waiting.add(cell);
    this.drawing ??= requestAnimationFrame(() => this.drawWaiting());
  }

  drawWaiting() {
    const start = performance.now();
    let shapes = 0;  // the browser colours their pixels later, and in the same frame
    for (const cell of this.waiting) {
      if (performance.now() - start > frameBudget || shapes > frameShapes) break;
      this.waiting.delete(cell);
      shapes += this.draw(cell);
    }
    this.drawing = this.waiting.size ? requestAnimationFrame(() => this.drawWaiting()) : undefined;
  }

  // Returns how many objects were drawn.
  draw(cell) {
    const width = this.cellWidth, height = Math.round(width * .75), picture = cell.picture;
    const context = prepared(cell.canvas, width, height);
    cell.node.classList.toggle("loading", !picture);
    const fault = picture?.fault ?? "";
    if (cell.trouble.textContent !== fault) this.label(cell);
    cell.trouble.textContent = fault;
    cell.trouble.hidden = !fault;
    cell.trouble.classList.toggle("over", Boolean(picture?.image));
    cell.canvas.labels = [];
    if (!picture?.image) return 0;
    const view = fitted(picture.width, picture.height, width, height);
    cell.canvas.view = view;
    drawPhoto(context, picture.image, picture.width, picture.height, view);
    const objects = this.source.objects(cell.row, picture);
    cell.canvas.labels = drawObjects(context, objects, view, {...this.source.look(), text: 11, cover: .25});
    return objects.length;
  }

  key(event) {
    const steps = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns,
                   Home: -Infinity, End: Infinity}[event.key];
    if (steps === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const current = [...this.cells.values()].find(cell => cell.link === document.activeElement);
    if (!current && document.activeElement !== this.host) return;
    event.preventDefault();
    if (!current) return this.focus(Math.min(Math.ceil(this.top / this.rowHeight) * this.columns, this.rows.length - 1));
    this.focus(Math.max(0, Math.min(this.rows.length - 1, current.place + steps)));
  }

  focus(place) {
    this.reveal(place);
    this.cells.get(place)?.link.focus({preventScroll: true});
  }

  reveal(place) {
    const total = Math.ceil(this.rows.length / this.columns) * this.rowHeight + gap, height = this.host.clientHeight;
    const row = Math.floor(place / this.columns) * this.rowHeight;
    const scaled = total > tallest ? (tallest - height) / (total - height) : 1;
    const top = this.host.scrollTop / scaled;
    if (row < top) this.host.scrollTop = row * scaled;
    else if (row + this.rowHeight > top + height) this.host.scrollTop = (row + this.rowHeight + gap - height) * scaled;
    this.layout();
  }
}
