// The data set in columns, and which photos pass the filters.  Layout of the bytes: Gallery::columns in gallery.h.
import {bytes, json} from "./source.js";
import {Pieces, count, plural} from "./dom.js";

// Sides of objects in pixels; 32 and 96 are where COCO's small and medium end.
const sides = [8, 16, 32, 64, 96, 128, 192, 256, 384, 512];
const ratios = [1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 3, 4];
const counts = [1, 2, 3, 4, 6, 9, 13, 21, 41];

const between = (edges, show, unit) => [...edges, Infinity].map((edge, i) =>
    i === 0 ? `under ${show(edge)}${unit}` : edge === Infinity ? `${show(edges[i - 1])}${unit} or more`
                                           : `${show(edges[i - 1])} to ${show(edge)}${unit}`);
const ratio = x => x < 1 ? `1:${+(1 / x).toFixed(1)}` : `${+x.toFixed(1)}:1`;

// What histograms show: labels of their bins.
export const bins = {
  area: {title: "Object size", labels: between(sides, x => `${x}²`, " px")},
  aspect: {title: "Width to height of the box", labels: between(ratios, ratio, "")},
  count: {title: "Objects in a photo", labels: ["none", ...counts.map((low, i) => {
    const high = counts[i + 1] - 1;
    return low === high ? `${low}` : i + 1 < counts.length ? `${low} to ${high}` : `${low} or more`;
  })]},
};

// How many edges are not above x.
function place(edges, x) {
  let i = 0;
  while (i < edges.length && x >= edges[i]) i++;
  return i;
}

const CLASS = 1, AREA = 2, ASPECT = 4, CROWD = 8;

export class Dataset {
  static async load() {
    const [header, names, buffer] = await Promise.all([json("header"), json("names"), bytes("columns")]);
    const data = new Dataset(header, names, buffer);
    await data.placeObjects();
    return data;
  }

  constructor(header, names, buffer) {
    const P = header.photos, N = header.objects;
    let at = 0;
    const take = (Type, n) => { const out = new Type(buffer, at, n); at += out.byteLength; return out; };
    Object.assign(this, {header, names, photos: P, objects: N, categories: header.categories});
    this.first = take(Uint32Array, P + 1);
    this.width = take(Uint32Array, P);
    this.height = take(Uint32Array, P);
    this.rank = take(Uint32Array, P);
    this.area = take(Float32Array, N);
    this.aspect = take(Float32Array, N);
    this.category = take(Uint16Array, N);
    this.flags = take(Uint8Array, N);
    this.crowd = this.flags.map(flags => flags & 1);
    this.rowOf = null;
  }

  // The bins of all objects.
  async placeObjects() {
    const squares = sides.map(x => x * x), pieces = new Pieces();
    this.areaBin = new Uint8Array(this.objects);
    this.aspectBin = new Uint8Array(this.objects);
    for (let o = 0; o < this.objects; o++) {
      this.areaBin[o] = place(squares, this.area[o]);
      this.aspectBin[o] = place(ratios, this.aspect[o]);
      if (o % 4096 === 0 && pieces.due()) await pieces.pause();
    }
  }

  // How much of the data set this is.
  get share() {
    const all = this.header.all_photos;
    return all > this.photos ? `the first ${count(this.photos)} of ${plural(all, "photo")}` : plural(this.photos, "photo");
  }

  // What an address calls a photo: its file name, with its place if another record has the same.
  addressOf(row) {
    this.byName ??= this.rank.reduce((rows, rank, p) => { rows[rank] = p; return rows; }, new Uint32Array(this.photos));
    const name = this.names[row], rank = this.rank[row];
    const shared = this.names[this.byName[rank - 1]] === name || this.names[this.byName[rank + 1]] === name;
    return shared ? `${name}#${row}` : name;
  }

  // The photo that an address means; -1 if there is none.
  row(address) {
    this.rowOf ??= new Map(this.names.map((n, i) => [n, i]));
    const hash = address.lastIndexOf("#"), place = Number(address.slice(hash + 1));
    if (hash > 0 && this.names[place] === address.slice(0, hash)) return place;
    return this.rowOf.get(address) ?? -1;
  }

  categoryName(k) { return this.categories[k]?.name ?? "unknown class"; }

  // Rows of the photos that pass, unsorted, and what the histograms show: each counts what passes all filters but its
  // own.  `query`: sets of bins (classes, area, aspect, count), crowd ("", "only", "none"), search, photoPasses or null.
  // Null if `stale` said so meanwhile.
  async filter(query, stale) {
    const K = this.categories.length;
    const fails = (set, size, bit) => Uint8Array.from({length: size}, (_, i) => set.size && !set.has(i) ? bit : 0);
    const classFails = fails(query.classes, K + 1, CLASS);
    const areaFails = fails(query.area, bins.area.labels.length, AREA);
    const aspectFails = fails(query.aspect, bins.aspect.labels.length, ASPECT);
    const countFails = fails(query.count, bins.count.labels.length, 1);
    const crowdFails = [query.crowd === "only" ? CROWD : 0, query.crowd === "none" ? CROWD : 0];
    const onObjects = query.classes.size + query.area.size + query.aspect.size > 0 || query.crowd === "only";
    const search = query.search.toLowerCase();
    const of = {
      classes: new Uint32Array(K + 1), area: new Uint32Array(areaFails.length),
      aspect: new Uint32Array(aspectFails.length), count: new Uint32Array(countFails.length),
    };
    const rows = new Uint32Array(this.photos);
    let kept = 0, objects = 0;
    const failsOf = o => classFails[Math.min(this.category[o], K)] | areaFails[this.areaBin[o]] |
                         aspectFails[this.aspectBin[o]] | crowdFails[this.crowd[o]];
    const pieces = new Pieces();
    for (let p = 0; p < this.photos; p++) {
      if (p % 512 === 0 && pieces.due()) {
        await pieces.pause();
        if (stale()) return null;
      }
      if (query.photoPasses && !query.photoPasses[p]) continue;
      if (search && !this.names[p].toLowerCase().includes(search)) continue;
      let n = 0;
      for (let o = this.first[p]; o < this.first[p + 1]; o++) if (failsOf(o) === 0) n++;
      const bin = place(counts, n);
      if (n > 0 || !onObjects) of.count[bin]++;
      if (countFails[bin]) continue;
      for (let o = this.first[p]; o < this.first[p + 1]; o++) {
        const f = failsOf(o);
        if ((f & ~CLASS) === 0) of.classes[Math.min(this.category[o], K)]++;
        if ((f & ~AREA) === 0) of.area[this.areaBin[o]]++;
        if ((f & ~ASPECT) === 0) of.aspect[this.aspectBin[o]]++;
      }
      if (n === 0 && onObjects) continue;
      rows[kept++] = p;
      objects += n;
    }
    return {rows: rows.slice(0, kept), objects, histograms: of, passes: o => failsOf(o) === 0};
  }

  // What photos are sorted by: a number each, small first.
  sortKeys() {
    const extreme = (start, pick) => p => {
      let x = start;
      for (let o = this.first[p]; o < this.first[p + 1]; o++) x = pick(x, this.area[o]);
      return x;
    };
    return {
      file: {title: "Order of the file", key: p => p},
      name: {title: "File name", key: p => this.rank[p]},
      objects: {title: "Objects", key: p => this.first[p + 1] - this.first[p]},
      largest: {title: "Largest object", key: extreme(0, Math.max)},
      smallest: {title: "Smallest object", key: extreme(Infinity, Math.min)},
      pixels: {title: "Size of the photo", key: p => this.width[p] * this.height[p]},
    };
  }
}

// Rows by a key, equal ones in their order.  Calling a comparison a million times takes too long where there are 118,000
// photos: the keys alone are sorted, and rows are dealt to the places of their key.
export async function sorted(rows, key, down) {
  const keys = Float64Array.from(rows, key), pieces = new Pieces();
  if (!down && keys.every((k, i) => i === 0 || keys[i - 1] <= k)) return rows;
  if (pieces.due()) await pieces.pause();
  const values = keys.slice().sort();
  const firstWhere = after => {
    let low = 0, high = values.length;
    while (low < high) {
      const middle = low + high >> 1;
      if (after(values[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const dealt = new Uint32Array(rows.length), out = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const first = firstWhere(v => v >= keys[i]), start = down ? rows.length - firstWhere(v => v > keys[i]) : first;
    out[start + dealt[first]++] = rows[i];
    if (i % 1024 === 0 && pieces.due()) await pieces.pause();
  }
  return out;
}
