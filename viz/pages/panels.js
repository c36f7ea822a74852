// The numbers of the Evaluation page, all as eval/ computed them.
import {element, count} from "./dom.js";
import {state, change} from "./state.js";
import {unitPlot, barList} from "./plot.js";

const three = x => x === null || x === undefined || x < 0 ? "–" : x.toFixed(3);
const names = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];

export function metricsTable(results) {
  const types = ["bbox", "segm"].filter(type => results[0].summary.metrics[type]);
  return element("table", {},
      element("thead", {}, element("tr", {}, element("td"), ...results.flatMap(r => types.map(type =>
        element("th", {scope: "col"}, `${results.length > 1 ? `${"AB"[r.place]} ` : ""}${type === "bbox" ? "boxes" : "masks"}`))))),
      element("tbody", {}, ...names.map(name => element("tr", {}, element("th", {scope: "row"}, name),
        ...results.flatMap(r => types.map(type => element("td", {}, three(r.summary.metrics[type][name]))))))));
}

const mostRows = 120;
const includes = (name, find) => name.toLowerCase().includes(find.toLowerCase());

// A row a class, of those with `find` in their name; clicking one shows its curve and its photos.
export function classTable(results, type, find) {
  const rows = results.summary.metrics.per_class.map((c, k) => ({...c, k, best: results.explained[type]?.classes?.[k].best_threshold}));
  const found = rows.filter(c => includes(c.name, find)).sort((a, b) => (a[type]?.AP ?? -1) - (b[type]?.AP ?? -1));
  return element("div", {class: "scrolling", tabindex: 0, role: "region", "aria-label": "Classes"}, element("table", {},
      element("thead", {}, element("tr", {}, ...["Class", "Objects", "AP", "AP50", "AP75", "Best score"].map(t => element("th", {scope: "col"}, t)))),
      element("tbody", {}, ...found.slice(0, mostRows).map(c => element("tr", {},
        element("th", {scope: "row"}, element("button", {class: "link", "aria-pressed": state.class === String(c.category_id) ? "true" : "false",
          onclick: () => change({class: state.class === String(c.category_id) ? "" : c.category_id, cell: ""})}, c.name)),
        element("td", {}, count(c.objects)), ...["AP", "AP50", "AP75"].map(name => element("td", {}, three(c[type]?.[name]))),
        element("td", {title: "The score from which on F1 at IoU .5 is best"}, c.best ? three(c.best.score) : "–"))))),
      found.length > mostRows && element("p", {class: "rest"}, `and ${count(found.length - mostRows)} more, to be found by their name`));
}

// Precision over recall at the ten IoU thresholds: of one class (its place), or the mean over those with objects.
export function curvesPlot(curves, thresholds, k, name) {
  const T = thresholds.length, R = 101, K = curves.length / (T * R);
  const value = (t, r) => {
    if (k >= 0) return curves[(t * R + r) * K + k];
    let sum = 0, n = 0;
    for (let i = 0; i < K; i++) if (curves[(t * R + r) * K + i] >= 0) { sum += curves[(t * R + r) * K + i]; n++; }
    return n ? sum / n : -1;
  };
  const shade = t => `color-mix(in oklch, var(--curve-a), var(--curve-b) ${Math.round(100 * t / (T - 1))}%)`;
  const lines = thresholds.map((iou, t) => ({
    name: t % 5 === 0 || t === T - 1 ? `IoU ${iou.toFixed(2)}` : "", colour: shade(t), wide: t === 0 || t === 5,
    points: Array.from({length: R}, (_, r) => [r / (R - 1), value(t, r)]).filter(([, y]) => y >= 0),
  }));
  return unitPlot(`Precision over recall, ${name}`, "recall", "precision", lines.filter(line => line.points.length));
}

export function errorBars({tide: {dAP, errors, FalsePos, FalseNeg}}) {
  const says = {Cls: "wrong class", Loc: "poorly placed", Both: "both", Dupe: "found twice", Bkg: "nothing there", Miss: "not found"};
  return barList([...Object.keys(dAP).map(key => ({
    name: `${key}: ${says[key]}`, value: dAP[key], text: `${dAP[key]?.toFixed(1)} AP, ${count(errors[key])}`,
  })), {name: "all false positives", value: FalsePos, text: `${FalsePos?.toFixed(1)} AP`}, {name: "all false negatives", value: FalseNeg, text: `${FalseNeg?.toFixed(1)} AP`}]);
}

// The classes that are confused most, background last; every cell opens its photos.  `find`: the classes with that in
// their name, and those that they are confused with most.
export function confusionMatrix({confusion: {matrix}}, classNames, find) {
  const K = matrix.length - 1, most = 11;
  const wrong = k => matrix[k].reduce((sum, n, j) => sum + (j === k || j === K ? 0 : n + matrix[j][k]), 0);
  const total = k => matrix[k].reduce((sum, n) => sum + n, 0);
  const named = [...Array(K).keys()].map(k => Number(find !== "" && includes(classNames[k], find)));
  const near = k => named.reduce((sum, is, j) => is && j !== k ? sum + matrix[k][j] + matrix[j][k] : sum, 0);
  const rank = [...Array(K).keys()].map(k => ({k, named: named[k], near: near(k), wrong: wrong(k), total: total(k)}));
  rank.sort((a, b) => b.named - a.named || b.near - a.near || b.wrong - a.wrong || b.total - a.total);
  const shown = rank.slice(0, most).map(r => r.k).sort((a, b) => a - b);
  const places = [...shown, K], title = k => k === K ? "background" : classNames[k];
  const cell = (t, f) => {
    const n = matrix[t][f], share = n / Math.max(1, total(t)), key = `${t},${f}`;
    return element("td", {}, t === K && f === K ? "" : element("button", {
      class: "heat", style: {"--share": Math.sqrt(share)}, disabled: n === 0, "aria-pressed": state.cell === key ? "true" : "false",
      "aria-label": `${title(t)} taken for ${title(f)}: ${n}`, title: `${title(t)} → ${title(f)}: ${n}`,
      onclick: () => change({cell: state.cell === key ? "" : key}),
    }, n > 999 ? `${Math.round(n / 1000)}k` : n || "·"));
  };
  return element("div", {class: "scrolling", tabindex: 0, role: "region", "aria-label": "Confusion matrix"}, element("table", {class: "matrix"},
      element("thead", {}, element("tr", {}, element("td", {class: "quiet"}, "there ↓ found →"), ...places.map(k => element("th", {scope: "col"}, element("span", {}, title(k)))))),
      element("tbody", {}, ...places.map(t => element("tr", {}, element("th", {scope: "row"}, title(t)), ...places.map(f => cell(t, f)))))));
}
