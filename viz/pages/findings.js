// What doctor finds: asked for again until all checks are done.
import {json, isExport} from "./source.js";

export class Findings {
  constructor(photos, whenMore) {
    Object.assign(this, {photos, whenMore, kinds: [], items: [], byPhoto: new Map(), done: 0});
    this.ask();
  }

  async ask() {
    const {done, kinds, items} = await json("findings");
    this.done = done;
    this.kinds = kinds.map(kind => ({...kind, count: 0}));
    this.items = items;
    this.byPhoto = new Map();
    for (const item of items) {
      const [row, , kind] = item;
      this.kinds[kind].count++;
      if (!this.byPhoto.has(row)) this.byPhoto.set(row, []);
      this.byPhoto.get(row).push(item);
    }
    this.whenMore();
    if (done < 2 && !isExport) setTimeout(() => this.ask(), 1000);
  }

  // 1 for photos with a finding of this kind.
  photosOf(kind) {
    const out = new Uint8Array(this.photos);
    for (const [row, , k] of this.items) if (k === kind && row >= 0) out[row] = 1;
    return out;
  }

  // [{annotation, kind, severity, text}]
  of(row) {
    return (this.byPhoto.get(row) ?? []).map(([, annotation, kind, text]) => ({annotation, text, ...this.kinds[kind]}));
  }
}
