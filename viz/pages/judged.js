// What becomes of predictions and annotations at the present thresholds: its colours and signs, and what of a photo is
// drawn.
import {WRONG, RIGHT, IGNORED, MISSED, FOUND} from "./matcher.js";

// Okabe and Ito's colours, which the colour-blind tell apart; and a sign, a fill and a line of their own each.
export const colours = {right: "#56b4e9", wrong: "#d55e00", missed: "#f0e442", ignored: "#b4b4b4"};
export const signs = {right: "✓", wrong: "✗", missed: "?", ignored: "–"};
const predicted = {[RIGHT]: "right", [WRONG]: "wrong", [IGNORED]: "ignored"};
const annotated = {[FOUND]: "right", [MISSED]: "missed", [IGNORED]: "ignored"};

export const shapeOf = (box, path) => ({box: box.map(v => v ?? 0), path: path ? new Path2D(path) : null});

// Objects for draw.js: predictions `d` below annotations `o`, which both count from 0 over all photos.  `truths`, `found`:
// the shapes of the photo's annotations and of its predictions.
export function judged(data, matcher, row, truths, found) {
  const {results} = matcher, out = [];
  found.forEach((shape, i) => {
    const d = results.first[row] + i, status = predicted[matcher.status[d]];
    if (status) out.push({...shape, d, status, colour: colours[status], hatched: status === "wrong",
                          label: `${signs[status]} ${data.categoryName(results.category[d])} ${results.score[d].toFixed(2)}`});
  });
  truths.forEach((shape, i) => {
    const o = data.first[row] + i, status = annotated[matcher.found[o]];
    out.push({...shape, o, status, colour: colours[status], dashed: true, crowd: data.crowd[o] === 1,
              label: status === "missed" ? `${signs.missed} ${data.categoryName(data.category[o])}` : ""});
  });
  return out;
}
