// The side of a page, which on a narrow screen lies over it when a button is pressed.
import {element} from "./dom.js";

// The button, for the page's toolbar; `side` gets one to close it.
export function drawerButton(side, text) {
  const show = open => {
    side.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
    (open ? close : button).focus();
  };
  const close = element("button", {class: "plain only-narrow close-filters", onclick: () => show(false)}, "Close");
  const button = element("button", {class: "plain only-narrow", "aria-controls": side.id, "aria-expanded": "false",
    onclick: () => show(!side.classList.contains("open"))}, text);
  side.prepend(close);
  side.addEventListener("keydown", event => { if (event.key === "Escape" && side.classList.contains("open")) show(false); });
  return button;
}
