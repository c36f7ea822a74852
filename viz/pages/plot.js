// Small charts in SVG, in the page's own colours.
import {element, svg} from "./dom.js";

const width = 360, height = 220, left = 34, bottom = 30, top = 8, right = 8;
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
