// What doctor finds: asked for again until all checks are done.
import {json, isExport} from "./source.js";

export class Findings {
  constructor(photos, whenMore) {
    Object.assign(this, {photos, whenMore, kinds: [], done: 0, rows: new Map()});
    this.ask();
  }

  async ask() {
    const {done, kinds} = await json("findings");
    const more = done !== this.done || kinds.length !== this.kinds.length;
    Object.assign(this, {done, kinds});
    if (more) this.rows.clear();
    if (more) this.whenMore();
    if (done < 2 && !isExport) setTimeout(() => this.ask(), 1000);
  }

  // 1 for photos with a finding of this kind.
  async photosOf(kind) {
    if (!this.kinds[kind]) return new Uint8Array(this.photos);
    if (!this.rows.has(kind)) {
      const out = new Uint8Array(this.photos);
      for (const row of await json(`findings/${kind}`)) out[row] = 1;
      this.rows.set(kind, out);
    }
    return this.rows.get(kind);
  }

  // [{annotation, text, kind, severity}]
  async of(row) {
    return (await json(`findings/photo/${row}`)).map(([annotation, kind, text]) => ({annotation, text, ...this.kinds[kind]}));
  }
}
