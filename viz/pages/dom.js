// Elements made from data.  Text is always text: nothing that a data set says is ever read as HTML.

// element("button", {class: "x", onclick: f, "aria-label": "..."}, "text", child, ...)
export function element(tag, properties = {}, ...children) {
  return dress(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function dress(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, v] of Object.entries(value)) node.style.setProperty(key, v);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(child => child !== undefined && child !== null && child !== false));
  return node;
}

export const trouble = error => element("p", {class: "trouble-note", role: "alert"}, error.message);

// A part of a page by itself: where it cannot be made it says why, and the other parts stay as they are.  make() -> its
// nodes, or a promise of them.
export async function fill(host, make) {
  try {
    const made = make();
    host.replaceChildren(...(made instanceof Promise ? await made : made).filter(Boolean));
  } catch (error) {
    host.replaceChildren(trouble(error));
  }
}

const whole = new Intl.NumberFormat("en");
export const count = n => whole.format(n);
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

// Sliders, keys and the wheel say more than a screen can show: only the last call before a frame counts.
export function eachFrame(f) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; f(); });
  };
}

// Lets the browser draw and hear its user between two pieces of long work.  A timer would wait four milliseconds each time.
const resumed = [], channel = new MessageChannel();
channel.port1.onmessage = () => resumed.shift()();
export const breathe = () => new Promise(resume => { resumed.push(resume); channel.port2.postMessage(null); });

// Long work in pieces of about twelve milliseconds: `if (pieces.due()) await pieces.pause();`, now and then.
export class Pieces {
  constructor() { this.begin(); }
  begin() { this.end = performance.now() + 12; }
  due() { return performance.now() > this.end; }
  async pause() { await breathe(); this.begin(); }
}
