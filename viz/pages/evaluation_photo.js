// One photo of the Evaluation page in detail: one file's predictions with the annotations, or two files' side by side.
import {count, plural} from "./dom.js";
import {json, wholePhoto, arrivals} from "./source.js";
import {onePane} from "./detail.js";
import {judged, shapeOf, signs, colours} from "./judged.js";

let last = {};  // what the photo looked at last is drawn from: sliders move the matches alone

function loaded(row, opened, places) {
  const key = `${row} of ${places}`;
  if (opened || last.key !== key) last = {key, parts: arrivals([wholePhoto(row), json(`objects/${row}`), ...places.map(place => json(`results/${place}/objects/${row}`))])};
  return last.parts;
}

// `opened`: just now, so what could not be had before is asked for again.  files: [{place, name, matcher}], one or two,
// matched on this photo.
export async function evaluatedPhoto(data, row, opened, files) {
  const {values: [whole, given, ...found], fault} = await loaded(row, opened, files.map(f => f.place));
  const told = given ?? {objects: []};
  const shapes = objects => objects.map(object => shapeOf(object.bbox, object.path));
  const truths = shapes(told.objects);
  const panes = files.map(({name, matcher}, i) => ({title: files.length > 1 ? name : "", matcher, found: found[i] ?? [],
                                                   objects: judged(data, matcher, row, truths, shapes(found[i] ?? []))}));
  const photo = new Told(data, row, told);
  return {row, image: whole.image, fault: whole.fault ?? fault, width: data.width[row], height: data.height[row], notes: [],
          ...(files.length > 1 ? sideBySide(photo, panes) : alone(photo, panes[0]))};
}

// What is wrong first.
function alone(photo, pane) {
  const rank = object => ["wrong", "missed", "right", "ignored"].indexOf(object.status) + (object.dashed && object.status !== "missed" ? 4 : 0);
  const objects = [...pane.objects].sort((a, b) => rank(a) - rank(b));
  return onePane(objects.map(object => Object.assign(object, object.d === undefined ? photo.ofTruth(object) : photo.ofPrediction(object, pane))));
}

// An entry an annotation, with what each file makes of it, and one a prediction that finds none; what differs first.
function sideBySide(photo, panes) {
  const entries = [];
  for (const truth of panes[0].objects.filter(object => object.o !== undefined)) {
    const sides = panes.map(pane => {
      const mine = pane.objects.find(object => object.o === truth.o), finder = pane.objects.find(object => object.d !== undefined && pane.matcher.mate[object.d] === truth.o);
      return {pane, objects: finder ? [mine, finder] : [mine], status: mine.status, finder};
    });
    const [a, b] = sides, differs = a.status !== b.status;
    entries.push({differs, title: photo.nameOf(truth.o), colour: (differs && a.status !== "missed" ? b : a).objects[0].colour, parts: sides.map(side => side.objects),
      facts: [...sides.map((side, i) => `${"AB"[i]} ${signs[side.status]} ${side.finder ? `${photo.scoreOf(side.finder, side.pane)}, IoU ${side.pane.matcher.overlap(side.finder.d).toFixed(3)}` : side.status}`),
              ...photo.ofTruth(truth).facts]});
  }
  panes.forEach((pane, i) => {
    for (const object of pane.objects.filter(object => object.d !== undefined && pane.matcher.mate[object.d] < 0))
      entries.push({differs: object.status === "wrong", colour: colours[object.status], parts: panes.map(p => p === pane ? [object] : []),
                    ...photo.ofPrediction(object, pane), title: `${"AB"[i]} ${photo.ofPrediction(object, pane).title}`});
  });
  entries.sort((a, b) => b.differs - a.differs);
  return {panes: panes.map(({title, objects}) => ({title, objects})), entries};
}

// Titles and facts of what lies in a photo; `told`: its annotations, as Gallery::objects writes them.
class Told {
  constructor(data, row, told) { Object.assign(this, {data, row, first: data.first[row], objects: told.objects}); }

  nameOf(o) { return this.data.categoryName(this.data.category[o]); }
  scoreOf({d}, {matcher}) { return matcher.results.score[d].toFixed(3); }

  ofTruth({o, status}) {
    const from = this.objects[o - this.first];
    return {title: `${signs[status]} ${this.nameOf(o)}: annotated, ${status === "right" ? "found" : status}`,
            facts: [`annotation ${from.id}${from.crowd ? ", a crowd" : ""}`, ...placed(from)]};
  }

  ofPrediction(object, pane) {
    const {matcher, found} = pane, {d, status} = object, mate = matcher.mate[d];
    return {title: `${signs[status]} ${this.data.categoryName(matcher.results.category[d])} ${this.scoreOf(object, pane)}: ${status}`,
            facts: [...(mate < 0 ? [] : [`IoU ${matcher.overlap(d).toFixed(3)} with annotation ${this.objects[mate - this.first]?.id ?? "?"}`]),
                    ...placed(found[d - matcher.results.first[this.row]])]};
  }
}

function placed(from) {
  const [x, y, w, h] = from.bbox.map(v => v === null ? "?" : +v.toFixed(1));
  return [`box ${x}, ${y}, ${w} × ${h}`, from.fault ?? `${count(from.area)} px, ${plural(from.parts, "part")}, ${plural(from.holes, "hole")}`];
}
