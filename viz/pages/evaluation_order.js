// Which photos of the Evaluation page are shown and what they are sorted by.  A page has data, current, results, matcher,
// type and differences.
import {state, thresholds} from "./state.js";
import {matchAll} from "./results.js";

// By photo, if the view asks for it: objects that one file finds and the other does not, and unmatched predictions that one
// has more.
export async function differences({data, results, matcher, type}, stale) {
  if (results.length < 2 || state.sort_results !== "difference" && state.only !== "differ") return null;
  const [a, b] = await Promise.all(results.map(r => r.matcher(type)));
  for (const other of [a, b]) if (other !== matcher && !await matchAll(other, ...thresholds(), stale)) return null;
  return Uint16Array.from({length: data.photos}, (_, p) => {
    let n = Math.abs(a.wrong[p] - b.wrong[p]);
    for (let o = data.first[p]; o < data.first[p + 1]; o++) if (a.found[o] !== b.found[o]) n++;
    return n;
  });
}

// photo -> whether it is shown.
export async function photoFilter({data, current, matcher, type, differences}) {
  const tests = {missed: p => matcher.missed[p] > 0, wrong: p => matcher.wrong[p] > 0, clean: p => matcher.missed[p] + matcher.wrong[p] === 0,
                 differ: p => !differences || differences[p] > 0};
  const all = tests[state.only] ? [tests[state.only]] : [];
  if (state.class) {
    const k = data.categories.findIndex(c => String(c.id) === state.class), {first, category} = matcher.results;
    const some = (column, begin, end) => { for (let i = begin; i < end; i++) if (column[i] === k) return true; return false; };
    all.push(p => some(data.category, data.first[p], data.first[p + 1]) || some(category, first[p], first[p + 1]));
  }
  if (state.cell) {
    const [t, f] = state.cell.split(",").map(Number), cells = await current.confusion(type), rows = new Set();
    cells.row.forEach((row, i) => { if (cells.truth[i] === t && cells.found[i] === f) rows.add(row); });
    all.push(p => rows.has(p));
  }
  return p => all.every(test => test(p));
}

// photo -> the number that it is sorted by, the largest first.
export async function photoKey({data, current, matcher, type, differences}) {
  const key = state.sort_results;
  if (key === "missed" || key === "wrong") return p => matcher[key][p];
  if (key === "difference" && differences) return p => differences[p];
  if (key === "loss") {
    const losses = await current.losses(type);
    return p => losses[p] ?? -1;
  }
  if (key === "confused") {
    const cells = await current.confusion(type), K = data.categories.length, n = new Uint16Array(data.photos);
    cells.row.forEach((row, i) => { if (cells.truth[i] !== cells.found[i] && cells.truth[i] < K && cells.found[i] < K) n[row]++; });
    return p => n[p];
  }
  return p => -p;  // the file's order
}
