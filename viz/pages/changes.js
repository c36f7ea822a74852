// What changes on the disk while the pages show what was read at the start, and a server that has ended: said in
// notices, one above the pages and one in the dialog, which covers the first.  Another server in its place: its pages.
import {element, count} from "./dom.js";
import {json, isExport} from "./source.js";

const pause = 3000;  // milliseconds
const notices = [];
let said = "", start = null;  // when `view` read what these pages show

export function notice(id) {
  const node = element("p", {class: "notice", role: "status", id});
  node.textContent = said;
  notices.push(node);
  return node;
}

function say(text) {
  if (text !== said) for (const node of notices) node.textContent = text;
  said = text;
}

function told({read, count: n, files}) {
  if (!n) return "";
  const one = ([name, gone]) => gone ? `${name} is gone from the disk` : `${name} has changed on the disk`;
  const rest = n > files.length ? ` and ${count(n - files.length)} more` : "";
  return `${files.map(one).join(", ")}${rest}: shown is what was read at ${new Date(read).toLocaleTimeString([], {timeStyle: "short"})}; to see the new state, start view again.`;
}

export async function watch() {
  if (isExport) return;
  try {
    const changes = await json("changes");
    start ??= changes.read;
    if (changes.read !== start) return location.reload();  // it has started again, perhaps with another data set
    say(told(changes));
  } catch {
    say("view does not answer: what is not here yet cannot be shown until it runs again.");
  }
  setTimeout(watch, pause);
}
