// The Training page: a run's log, asked for again while it grows.
import {element, count} from "./dom.js";
import {json, isExport} from "./source.js";
import {linePlot} from "./plot.js";

const pause = 2000;  // milliseconds
const shades = ["#4c8dff", "#e07a2f", "#2fa36b", "#c252c9"];

export class TrainingPage {
  constructor(data) {
    Object.assign(this, {data, rows: [], steps: [], validations: [], offset: 0, whenChanged: () => {}});
    this.status = element("p", {role: "status"});
    this.charts = element("div", {class: "charts"});
    this.facts = element("div", {class: "facts"});
    this.node = element("main", {class: "training", id: "content", tabindex: -1}, this.status, this.charts, this.facts);
    this.ask();
  }

  follow() {}
  row() { return -1; }

  async ask() {
    try {
      let more = false;
      do {
        const {next, anew, lines} = await json(`run/log/${this.offset}`);
        if (anew) this.steps = [], this.validations = [];
        this.offset = next;
        lines.forEach(line => this.take(line));
        more = lines.length > 0;
        this.changed ||= more || anew;
      } while (more);
      const state = await json("run/state");
      if (this.changed || !this.state) this.draw(state);
      this.state = state;
      this.changed = false;
    } catch (error) {
      this.status.textContent = `The run cannot be read: ${error.message}`;
    }
    if (!isExport) setTimeout(() => this.ask(), pause);
  }

  // A run that was resumed repeats steps: what it says later holds.
  take(line) {
    let record;
    try { record = JSON.parse(line); } catch { return; }
    if (!Number.isFinite(record?.step)) return;
    const list = record.validation ? this.validations : this.steps;
    while (list.length && list.at(-1).step >= record.step) list.pop();
    list.push(record);
  }

  draw(state) {
    const {steps, validations} = this, last = steps.at(-1);
    const of = (records, value) => records.map(r => [r.step, value(r)]).filter(([, y]) => Number.isFinite(y));
    const epochs = value => validations.map(r => [r.epoch, value(r.validation)]).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && y >= 0);
    const losses = Object.keys(last?.losses ?? {});
    const plots = [
      linePlot("Loss", "step", [{name: "training", colour: shades[0], faint: true, points: of(steps, r => r.loss)},
                                {name: "training, averaged", colour: shades[0], wide: true, points: averaged(of(steps, r => r.loss))},
                                {name: "validation", colour: shades[1], wide: true, points: of(validations, r => r.validation.loss)}], {fromZero: true}),
      linePlot("AP on the validation photos", "epoch", [
        {name: "masks AP", colour: shades[0], wide: true, points: epochs(v => v.segm?.AP)}, {name: "masks AP50", colour: shades[2], points: epochs(v => v.segm?.AP50)},
        {name: "boxes AP", colour: shades[1], wide: true, points: epochs(v => v.bbox?.AP)}, {name: "boxes AP50", colour: shades[3], points: epochs(v => v.bbox?.AP50)}], {fromZero: true}),
      linePlot("Learning rate", "step", [{name: "rate", colour: shades[0], points: of(steps, r => r.rate)}], {fromZero: true}),
      linePlot("Images per second", "step", [{name: "images/s", colour: shades[2], faint: true, points: of(steps, r => r.images_per_second)},
                                               {name: "averaged", colour: shades[2], wide: true, points: averaged(of(steps, r => r.images_per_second))}], {fromZero: true}),
      ...losses.map(name => linePlot(name.replaceAll("_", " "), "step", [{name: "training", colour: shades[0], points: averaged(of(steps, r => r.losses?.[name]))},
        {name: "validation", colour: shades[1], wide: true, points: of(validations, r => r.validation.losses?.[name])}], {fromZero: true})),
    ];
    this.charts.replaceChildren(...plots);
    this.status.textContent = last ? `${state.name}: step ${count(last.step)}, epoch ${shown(last.epoch, 2)}, loss ${shown(last.loss)}` : `${state.name}: no step is logged yet`;
    this.facts.replaceChildren(this.best(state), filesTable(state), element("details", {}, element("summary", {}, "Configuration"), element("pre", {tabindex: 0}, state.config)));
  }

  // train keeps the best mask AP50, of equals the first.
  best(state) {
    const best = this.validations.reduce((a, b) => (b.validation.segm?.AP50 ?? -1) > (a?.validation.segm?.AP50 ?? 0) ? b : a, null);
    const file = state.files.find(f => f.name === "best.safetensors");
    if (!best || !file) return element("p", {}, "No best checkpoint yet.");
    const {segm, bbox} = best.validation;
    return element("p", {}, element("strong", {}, "Best checkpoint: "), `best.safetensors of step ${count(best.step)}, epoch ${shown(best.epoch, 2)}: masks AP50 ${shown(segm.AP50)}, AP ${shown(segm.AP)}`,
        bbox ? `; boxes AP50 ${shown(bbox.AP50)}` : "");
  }
}

// A record may lack what most have.
const shown = (value, digits = 3) => Number.isFinite(value) ? value.toFixed(digits) : "?";

// Exponential, over some twenty steps; the first ones count as if they had gone on before.
function averaged(points) {
  let sum = 0, weight = 0;
  return points.map(([x, y]) => {
    sum = .95 * sum + .05 * y;
    weight = .95 * weight + .05;
    return [x, sum / weight];
  });
}

function filesTable(state) {
  return element("table", {}, element("thead", {}, element("tr", {}, ...["File", "MB"].map(t => element("th", {scope: "col"}, t)))),
      element("tbody", {}, ...state.files.map(f => element("tr", {}, element("th", {scope: "row"}, f.name), element("td", {}, String(+(f.size / 1e6).toPrecision(3)))))));
}
