// Which detection finds which object at an IoU and a score threshold: pycocotools' evaluateImg for objects of all sizes.
// eval/matching.cpp is what it is held against, detection by detection.

// Of detections; of objects MISSED, FOUND and IGNORED.
export const WRONG = 0;
export const RIGHT = 1;
export const IGNORED = 2;
export const HIDDEN = 3;
export const MISSED = 0;
export const FOUND = 1;

const limit = 100;  // detections of a class in a photo that count

export class Matcher {
  // data: the Dataset; results: {score, first, category, outside}, iou, firstPair, object: Evaluated::overlaps.
  constructor(data, results, {iou, firstPair, object}) {
    Object.assign(this, {data, results, iou, firstPair, object});
    this.status = new Uint8Array(results.score.length).fill(HIDDEN);
    this.mate = new Int32Array(results.score.length).fill(-1);
    this.found = new Uint8Array(data.objects);
    this.right = new Uint16Array(data.photos);
    this.wrong = new Uint16Array(data.photos);
    this.missed = new Uint16Array(data.photos);
    this.ofClass = new Uint16Array(data.categories.length);
    this.ignored = new Uint8Array(data.objects);
    for (let o = 0; o < data.objects; o++) this.ignored[o] = (data.flags[o] & 1) || data.area[o] < 0 || data.area[o] > 1e10 ? 1 : 0;
  }

  matchPhoto(row, threshold, least) {
    const {data, results, status, mate, found, ofClass} = this;
    const begin = results.first[row], end = results.first[row + 1];
    let right = 0, wrong = 0, missed = 0;
    for (let o = data.first[row]; o < data.first[row + 1]; o++) found[o] = this.ignored[o] ? IGNORED : MISSED;
    const taken = new Set();
    for (let d = begin; d < end; d++) {
      const k = results.category[d];
      mate[d] = -1;
      status[d] = HIDDEN;
      if (k >= ofClass.length || ++ofClass[k] > limit || results.score[d] < least) continue;
      const o = this.best(d, Math.min(threshold, 1 - 1e-10), taken);
      if (o >= 0) taken.add(o);
      mate[d] = o;
      const counts = o >= 0 && (data.flags[o] & 2) === 0;  // an id of 0 is no match to pycocotools
      if (o >= 0 && this.ignored[o] || !counts && results.outside[d]) status[d] = IGNORED;
      else if (counts) { status[d] = RIGHT; found[o] = FOUND; right++; }
      else { status[d] = WRONG; wrong++; }
    }
    for (let d = begin; d < end; d++) if (results.category[d] < ofClass.length) ofClass[results.category[d]] = 0;
    for (let o = data.first[row]; o < data.first[row + 1]; o++) if (found[o] === MISSED) missed++;
    this.right[row] = right;
    this.wrong[row] = wrong;
    this.missed[row] = missed;
  }

  // The object of the largest IoU that is free, of equals the last; those that are ignored if there is no other.
  best(d, threshold, taken) {
    for (const ignored of [0, 1]) {
      let best = -1, most = threshold;
      for (let i = this.firstPair[d]; i < this.firstPair[d + 1]; i++) {
        const o = this.object[i];
        if (this.ignored[o] !== ignored || this.iou[i] < most) continue;
        if (taken.has(o) && (this.data.flags[o] & 1) === 0) continue;  // a crowd can be found again
        most = this.iou[i];
        best = o;
      }
      if (best >= 0) return best;
    }
    return -1;
  }

  // The IoU of a detection with its object.
  overlap(d) {
    for (let i = this.firstPair[d]; i < this.firstPair[d + 1]; i++) if (this.object[i] === this.mate[d]) return this.iou[i];
    return 0;
  }
}
