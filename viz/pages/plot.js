// Small charts in SVG, in the page's own colours.
import {element, svg} from "./dom.js";

const width = 360, height = 220, left = 42, bottom = 30, top = 8, right = 14;
const px = x => left + x * (width - left - right), py = y => height - bottom - y * (height - bottom - top);

// lines: [{name, points: [[x, y], ...] in the unit square, colour, wide}]
export function unitPlot(title, xTitle, yTitle, lines) {
  const ticks = [0, .25, .5, .75, 1];
  const names = lines.filter(line => line.name);
  return element("figure", {},
      svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title},
          ...ticks.flatMap(t => [
            svg("path", {class: "grid-line", d: `M${px(t)} ${py(0)}V${py(1)}M${px(0)} ${py(t)}H${px(1)}`}),
            svg("text", {x: px(t), y: height - bottom + 14, "text-anchor": "middle"}, String(t)),
            svg("text", {x: left - 6, y: py(t) + 4, "text-anchor": "end"}, String(t))]),
          svg("text", {x: px(.5), y: height - 3, "text-anchor": "middle"}, xTitle),
          svg("text", {x: 10, y: py(.5), "text-anchor": "middle", transform: `rotate(-90 10 ${py(.5)})`}, yTitle),
          ...lines.map(line => svg("path", {
            class: "curve", stroke: line.colour, "stroke-width": line.wide ? 3 : 1.5,
            d: line.points.map(([x, y], i) => `${i ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join(""),
          }))),
      element("figcaption", {class: "legend"}, ...names.map(line => element("span", {style: {"--colour": line.colour}}, line.name))));
}

// Bars from the left: [{name, value, text, colour, onclick}]
export function barList(rows) {
  const most = Math.max(1e-9, ...rows.map(row => row.value));
  return element("div", {class: "bars"}, ...rows.map(row => element(row.onclick ? "button" : "div", {
    class: "bar", style: {"--share": Math.max(0, row.value) / most, ...(row.colour ? {"--colour": row.colour} : {})}, onclick: row.onclick, title: row.title,
  }, element("span", {}, row.name), element("span", {}, row.text))));
}

// Two counts a bin, one on the other.
export function stackedColumns(title, bins, colours, ends) {
  const most = Math.max(1, ...bins.map(([a, b]) => a + b));
  return element("figure", {"aria-label": title, role: "img"},
      element("div", {class: "columns stacked"}, ...bins.map(([a, b], i) => element("div", {class: "column", title: `${ends[i]}: ${a} right, ${b} wrong`,
        style: {"--right": a / most, "--wrong": b / most, "--c1": colours[0], "--c2": colours[1]}}))),
      element("div", {class: "ends"}, element("span", {}, "score 0"), element("span", {}, "1")));
}

// A value over steps.  lines: [{name, points: [[x, y], ...] by x, colour, wide, faint}]; what the pointer is over is read out.
export function linePlot(title, xTitle, lines, {fromZero = false, digits = 3} = {}) {
  const all = lines.flatMap(line => line.points), out = element("output", {class: "reading"});
  if (!all.length) return element("figure", {}, element("h2", {}, title), element("p", {class: "rest"}, "nothing yet"));
  const [x0, x1] = extent(all.map(p => p[0])), [low, y1] = extent(all.map(p => p[1])), y0 = fromZero ? 0 : low;
  const x = v => left + (v - x0) / (x1 - x0 || 1) * (width - left - right), y = v => height - bottom - (v - y0) / (y1 - y0 || 1) * (height - bottom - top);
  const cursor = svg("path", {class: "cursor"});
  const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title} over ${xTitle}`},
      ...ticks(y0, y1).flatMap(v => [svg("path", {class: "grid-line", d: `M${left} ${y(v)}H${width - right}`}), svg("text", {x: left - 4, y: y(v) + 4, "text-anchor": "end"}, short(v))]),
      ...ticks(x0, x1).map(v => svg("text", {x: x(v), y: height - bottom + 14, "text-anchor": "middle"}, short(v))),
      svg("text", {x: (left + width - right) / 2, y: height - 3, "text-anchor": "middle"}, xTitle),
      ...lines.map(line => svg("path", {class: line.faint ? "curve faint" : "curve", stroke: line.colour, "stroke-width": line.wide ? 2.5 : 1.2,
        d: thinned(line.points).map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("")})), cursor);
  const say = at => {
    out.textContent = `${xTitle} ${short(at)}: ` + lines.filter(l => l.points.length).map(line => `${line.name} ${nearest(line.points, at)[1].toPrecision(digits)}`).join(", ");
  };
  picture.addEventListener("pointermove", event => {
    const box = picture.getBoundingClientRect(), at = x0 + ((event.clientX - box.x) / box.width * width - left) / (width - left - right) * (x1 - x0);
    const inside = Math.max(x0, Math.min(x1, at));
    cursor.setAttribute("d", `M${x(inside)} ${top}V${height - bottom}`);
    say(inside);
  });
  say(x1);
  return element("figure", {}, element("h2", {}, title), picture,
      element("figcaption", {class: "legend"}, ...lines.map(line => element("span", {class: line.faint ? "faint" : null, style: {"--colour": line.colour}}, line.name))), out);
}

const extent = values => values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
const short = v => Math.abs(v) >= 1000 ? `${+(v / 1000).toPrecision(3)}k` : Math.abs(v) < .001 && v ? Number(v.toPrecision(3)).toExponential() : `${+v.toPrecision(3)}`;

function ticks(low, high) {
  const rough = (high - low) / 4 || 1, unit = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 2.5, 5, 10].find(k => k * unit >= rough) * unit;
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) out.push(v);
  return out;
}

function nearest(points, at) {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = low + high >> 1;
    if (points[middle][0] < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - points[low - 1][0] < points[low][0] - at ? points[low - 1] : points[low];
}

// Of many points the smallest and the largest of each stretch, so that no peak is lost.
function thinned(points, most = 600) {
  if (points.length <= most) return points;
  const out = [], size = points.length / (most / 2);
  for (let i = 0; i < most / 2; i++) {
    const part = points.slice(Math.floor(i * size), Math.floor((i + 1) * size));
    const least = part.reduce((a, b) => b[1] < a[1] ? b : a), best = part.reduce((a, b) => b[1] > a[1] ? b : a);
    out.push(...(least === best ? [least] : least[0] < best[0] ? [least, best] : [best, least]));
  }
  return out;
}
