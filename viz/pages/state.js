// What is looked at, all of it, kept in the address: a link shows this very view.

const defaults = {
  page: "dataset",
  search: "", classes: "", area: "", aspect: "", count: "", crowd: "", finding: "",  // filters: places, "2,3"
  sort: "file", down: "",
  photo: "", at: "",  // a file name; zoom and middle, "2,100,80"
  results: "0", type: "segm", iou: "0.5", score: "0.5", sort_results: "loss", only: "", cell: "", class: "", find: "", side: "1",  // Evaluation
  masks: "1", boxes: "", labels: "1", crowds: "1", opacity: "45", size: "220",
};

// Of numbers; what an address says beyond is as if it said nothing.
const ranges = {iou: [.05, 1], score: [0, 1], opacity: [5, 100], size: [120, 480]};
const sound = (key, value) => !ranges[key] || value !== "" && Number(value) >= ranges[key][0] && Number(value) <= ranges[key][1];

export const state = {...defaults};
const listeners = [];

// IoU and score from which on detections count.  From 0 on means all: some models' scores are logits.
export const thresholds = () => [Number(state.iou), Number(state.score) || -Infinity];

export const isDefault = key => state[key] === defaults[key];
export const onChange = listener => listeners.push(listener);

export function address(changes = {}) {
  const out = new URLSearchParams();
  for (const [key, value] of Object.entries({...state, ...changes}))
    if (value !== defaults[key]) out.set(key, value);
  return `#${out}`;
}

// `push`: the way back leads to what was before.
export function change(changes, push = false) {
  const keys = Object.keys(changes).filter(key => state[key] !== String(changes[key]));
  if (!keys.length) return;
  for (const key of keys) state[key] = String(changes[key]);
  history[push ? "pushState" : "replaceState"](null, "", address());
  for (const listener of listeners) listener(new Set(keys));
}

export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const changes = {};
  for (const [key, usual] of Object.entries(defaults)) changes[key] = given.has(key) && sound(key, given.get(key)) ? given.get(key) : usual;
  const keys = Object.keys(changes).filter(key => state[key] !== changes[key]);
  Object.assign(state, changes);
  for (const listener of listeners) listener(new Set(keys));
}

// "2,3" as a set of numbers, and one of them taken in or out.
export const chosen = key => new Set(state[key] === "" ? [] : state[key].split(",").map(Number));
export function toggle(key, place) {
  const set = chosen(key);
  if (!set.delete(place)) set.add(place);
  change({[key]: [...set].sort((a, b) => a - b).join(",")});
}
