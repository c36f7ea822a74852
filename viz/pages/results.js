// One results file: its columns, numbers and matches.  Layout of the bytes: viz/evaluated.h.
import {bytes, json} from "./source.js";
import {Pieces} from "./dom.js";
import {Matcher} from "./matcher.js";

export class Results {
  static async load(data, place) {
    const [summary, buffer] = await Promise.all([json(`results/${place}/summary`), bytes(`results/${place}/detections`)]);
    const D = summary.detections, P = data.photos;
    const out = new Results();
    Object.assign(out, {data, place, summary, name: summary.name});
    out.columns = {
      score: new Float64Array(buffer, 0, D), first: new Uint32Array(buffer, 8 * D, P + 1),
      category: new Uint16Array(buffer, 8 * D + 4 * (P + 1), D), outside: new Uint8Array(buffer, 10 * D + 4 * (P + 1), D),
    };
    out.parts = new Map();
    out.explained = {};
    return out;
  }

  // Asked for once: "overlaps/segm", ...
  part(name, make) {
    if (!this.parts.has(name)) {
      const made = make(`results/${this.place}/${name}`);
      this.parts.set(name, made);
      made.catch(() => this.parts.delete(name));  // to be asked for again
    }
    return this.parts.get(name);
  }

  matcher(type) {
    return this.part(`overlaps/${type}`, async name => {
      const buffer = await bytes(name), D = this.summary.detections, M = (buffer.byteLength - 4 * (D + 1)) / 12;
      const areas = type === "bbox" || this.summary.area_of_box;  // else of masks, which are inside
      const columns = areas ? this.columns : {...this.columns, outside: new Uint8Array(D)};
      return new Matcher(this.data, columns, {
        iou: new Float64Array(buffer, 0, M), firstPair: new Uint32Array(buffer, 8 * M, D + 1),
        object: new Uint32Array(buffer, 8 * M + 4 * (D + 1), M),
      });
    });
  }

  // {row, truth, found}: the photos of the confusion matrix' cells.
  confusion(type) {
    return this.part(`confusion/${type}`, async name => {
      const buffer = await bytes(name), M = buffer.byteLength / 8;
      return {row: new Uint32Array(buffer, 0, M), truth: new Uint16Array(buffer, 4 * M, M), found: new Uint16Array(buffer, 6 * M, M)};
    });
  }

  // Precision [T, R, K], -1 for classes without objects.
  curves(type) { return this.part(`curves/${type}`, async name => new Float32Array(await bytes(name))); }
  // Sets explained[type], to the reason if it cannot be had.
  async explain(type) {
    this.explained[type] = await this.part(`explanation/${type}`, async name => (await json(name))[type]).catch(error => error);
  }

  losses(type) { return this.part(`losses/${type}`, json); }
}

// All photos at these thresholds; false if `stale` said so in between.
export async function matchAll(matcher, threshold, least, stale) {
  const pieces = new Pieces();
  for (let row = 0; row < matcher.data.photos; row++) {
    matcher.matchPhoto(row, threshold, least);
    if (!pieces.due()) continue;
    await pieces.pause();
    if (stale()) return false;
  }
  return true;
}
