// What doctor finds: asked for again until all checks are done.
import {json, isExport} from "./source.js";

export class Findings {
  constructor(photos, whenMore) {
    Object.assign(this, {photos, whenMore, kinds: [], done: 0, rows: new Map(), fault: "", unread: new Map()});
    this.ask();
  }

  async ask() {
    const before = this.fault;
    let found = this;  // if they cannot be had, what was known before stays
    try {
      found = await json("findings");
      this.fault = "";
    } catch (error) {
      this.fault = error.message;
    }
    const {done, kinds} = found;
    const more = done !== this.done || kinds.length !== this.kinds.length;
    Object.assign(this, {done, kinds});
    if (more) this.rows.clear();
    if (more || this.fault !== before) this.whenMore();
    if (done < 2 && !isExport) setTimeout(() => this.ask(), 1000);
  }

  // 1 for photos with a finding of this kind; null if no photo has one, or it cannot be had: `unread` has why.
  async photosOf(kind) {
    if (!this.kinds[kind]) return new Uint8Array(this.photos);
    if (!this.kinds[kind].photos) return null;
    if (!this.rows.has(kind)) {
      const out = new Uint8Array(this.photos);
      try {
        for (const row of await json(`findings/${kind}`)) out[row] = 1;
      } catch (error) {
        this.unread.set(kind, error.message);
        return null;
      }
      this.unread.delete(kind);
      this.rows.set(kind, out);
    }
    return this.rows.get(kind);
  }

  // [{annotation, text, kind, severity}]
  async of(row) {
    return (await json(`findings/photo/${row}`)).map(([annotation, kind, text]) => ({annotation, text, ...this.kinds[kind]}));
  }
}
