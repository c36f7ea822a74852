// Starts the pages and hands on what changes in the address.
import {element, plural} from "./dom.js";
import {onChange, readAddress} from "./state.js";
import {Dataset} from "./dataset.js";
import {DatasetPage} from "./dataset_page.js";

async function start() {
  const host = document.getElementById("page");
  readAddress();
  try {
    const data = await Dataset.load();
    document.getElementById("source").textContent =
        `${data.header.source}: ${plural(data.photos, "photo")}, ${plural(data.objects, "object")}`;
    document.title = `${data.header.source} · Silhouette`;
    const page = new DatasetPage(data, host, document.getElementById("detail"));
    onChange(keys => page.follow(keys));
    addEventListener("hashchange", readAddress);
    addEventListener("popstate", readAddress);
    document.documentElement.dataset.ready = "";
  } catch (error) {
    host.replaceChildren(element("p", {class: "note", role: "alert"}, `These pages cannot be shown: ${error.message}`));
    throw error;
  }
}

start();
