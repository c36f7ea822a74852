// What is drawn on photos, the same in the grid and in the detail view: switches and opacity.
import {element} from "./dom.js";
import {state, change} from "./state.js";

const switches = [["masks", "Masks", "m"], ["boxes", "Boxes", "b"], ["labels", "Labels", "l"], ["crowds", "Crowds", "c"]];

export const look = () => ({
  masks: state.masks === "1", boxes: state.boxes === "1", labels: state.labels === "1", crowds: state.crowds === "1",
  opacity: Number(state.opacity) / 100,
});
export const lookKeys = ["masks", "boxes", "labels", "crowds", "opacity"];

// True if the key was one of the switches'.
export function lookKey(key) {
  const found = switches.find(([, , letter]) => letter === key);
  if (found) flip(found[0]);
  return Boolean(found);
}
const flip = name => change({[name]: state[name] === "1" ? "" : "1"});

export class LookControls {
  constructor() {
    this.buttons = switches.map(([name, title, letter]) => element("button", {
      class: "switch", title: `${title} (${letter})`, onclick: () => flip(name),
    }, title));
    this.opacity = element("input", {type: "range", min: 5, max: 100, step: 5, oninput: () => change({opacity: this.opacity.value})});
    this.node = element("div", {class: "look", role: "group", "aria-label": "What is drawn"}, ...this.buttons,
        element("label", {}, "Opacity", this.opacity));
    this.update();
  }
  update() {
    switches.forEach(([name], i) => this.buttons[i].setAttribute("aria-pressed", state[name] === "1" ? "true" : "false"));
    this.opacity.value = state.opacity;
  }
}
