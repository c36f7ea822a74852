// Where a photo lies on its canvases, and what wheel, pointers and fingers do to that.  Several canvases of one size show
// the same part of the photo.
import {fitted} from "./draw.js";

const most = 64;  // screen pixels a photo's pixel, at the largest zoom

export class PanZoom {
  // whenMoved(): the view is another; whenHovered(canvas, x, y): the pointer is over that point of the photo; (null): it
  // has left.
  constructor(whenMoved, whenHovered) {
    Object.assign(this, {whenMoved, whenHovered, view: null, width: 0, height: 0, photo: null});
  }

  // A photo {width, height}, `width` x `height` CSS pixels for it.
  place(photo, width, height) { Object.assign(this, {photo, width, height}); }
  // Until another is placed there is nothing to move.
  leave() { Object.assign(this, {photo: null, view: null}); }

  whole() { return fitted(this.photo.width, this.photo.height, this.width, this.height); }
  fit() { this.view = this.whole(); }

  // "zoom,x,y" with the photo's point in the middle; what cannot be read is the whole photo.
  read(text) {
    const [scale, x, y] = text.split(",").map(Number);
    this.view = scale > 0 && scale <= most && Number.isFinite(x) && Number.isFinite(y)
        ? {scale, x: this.width / 2 - x * scale, y: this.height / 2 - y * scale} : this.whole();
  }
  write() {
    const {scale, x, y} = this.view;
    return [scale, (this.width / 2 - x) / scale, (this.height / 2 - y) / scale].map(v => +v.toFixed(3)).join(",");
  }

  zoomTo(scale) { if (this.view) this.zoom(scale / this.view.scale); }
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.view) return;
    const scale = Math.max(Math.min(1, this.whole().scale / 2), Math.min(most, this.view.scale * factor)), real = scale / this.view.scale;
    this.view = {scale, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real};
    this.whenMoved();
  }

  pan(dx, dy) {
    if (!this.view) return;
    this.view = {...this.view, x: this.view.x + dx, y: this.view.y + dy};
    this.whenMoved();
  }

  center([x, y, w, h]) {
    const room = .6 * Math.min(this.width / Math.max(w, 1), this.height / Math.max(h, 1));
    const scale = Math.min(most, Math.max(this.whole().scale, room));
    this.view = {scale, x: this.width / 2 - (x + w / 2) * scale, y: this.height / 2 - (y + h / 2) * scale};
    this.whenMoved();
  }

  listen(canvas) {
    const at = event => [event.offsetX, event.offsetY], fingers = new Map();
    let spread = 0;
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? .01 : .0015)), ...at(event));
    }, {passive: false});
    canvas.addEventListener("dblclick", event => {
      if (!this.view) return;
      if (this.view.scale <= this.whole().scale * 1.01) return this.zoom(2.5, ...at(event));
      this.fit();
      this.whenMoved();
    });
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, at(event));
      spread = 0;
    });
    canvas.addEventListener("pointermove", event => {
      const [x, y] = at(event), last = fingers.get(event.pointerId);
      if (!last) return this.hover(canvas, x, y);
      fingers.set(event.pointerId, [x, y]);
      this.pan((x - last[0]) / fingers.size, (y - last[1]) / fingers.size);
      if (fingers.size !== 2) return;
      const [a, b] = [...fingers.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread) this.zoom(now / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      spread = now;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => fingers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.whenHovered(null));
  }

  hover(canvas, x, y) {
    if (this.view) this.whenHovered(canvas, (x - this.view.x) / this.view.scale, (y - this.view.y) / this.view.scale);
  }
}
