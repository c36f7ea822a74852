// Starts the pages and hands on what changes in the address.
import {element, plural, trouble} from "./dom.js";
import {state, onChange, readAddress, address} from "./state.js";
import {Dataset} from "./dataset.js";
import {DatasetPage} from "./dataset_page.js";
import {EvaluationPage} from "./evaluation_page.js";
import {TrainingPage} from "./training_page.js";
import {Detail} from "./detail.js";
import {notice, watch} from "./changes.js";

const pages = {};  // by name, made when first looked at: the Evaluation page's promise

// In place of a page that cannot be had; the others can be looked at, and it is asked for again when it is.
const noPage = error => ({node: element("main", {class: "note", id: "content", tabindex: -1}, trouble(error)), rows: [], row: () => -1, follow() {}});

async function pageOf(name, data) {
  if (name === "evaluation" && data.header.results > 0)
    return pages.evaluation ??= EvaluationPage.load(data).catch(error => { delete pages.evaluation; throw error; });
  if (name === "training" && data.header.run) return pages.training ??= new TrainingPage(data);
  return pages.dataset ??= new DatasetPage(data);
}

function drawTabs(data) {
  const names = [["dataset", "Dataset"], ...(data.header.results > 0 ? [["evaluation", "Evaluation"]] : []),
                 ...(data.header.run ? [["training", "Training"]] : [])];
  const current = names.some(([name]) => name === state.page) ? state.page : "dataset";
  document.getElementById("tabs").replaceChildren(...(names.length < 2 ? [] : names.map(([name, title]) => element("a", {
    href: address({page: name, photo: "", at: ""}), "aria-current": current === name ? "page" : null,
  }, title))));
}

async function start() {
  const host = document.getElementById("page");
  document.getElementById("notices").append(notice("notice"));
  try {
    readAddress();
    addEventListener("hashchange", readAddress);
    watch();  // from here on: what is shown must all be of one start of `view`
    const data = await Dataset.load();
    document.getElementById("source").textContent = `${data.header.source}: ${data.share}, ${plural(data.objects, "object")}`;
    document.title = `${data.header.source} · Silhouette`;
    let page = null;
    const detail = new Detail(document.getElementById("detail"), () => page);
    const follow = async keys => {
      drawTabs(data);
      if (!page || keys.has("page")) {
        const wanted = state.page;
        if (wanted === "evaluation") host.replaceChildren(element("p", {class: "note", role: "status"}, "Evaluating …"));
        const made = await pageOf(wanted, data).catch(noPage);
        if (wanted !== state.page) return;  // another has been asked for meanwhile
        page = made;
        host.replaceChildren(page.node);
        page.whenChanged = () => detail.refresh();
      }
      page.follow(keys);
      detail.follow();
    };
    onChange(follow);
    await follow(new Set());
    // The address says what is looked at, so the link must not change it.
    document.querySelector(".skip").addEventListener("click", event => { event.preventDefault(); document.getElementById("content").focus(); });
    document.documentElement.dataset.ready = "";
  } catch (error) {
    host.replaceChildren(element("p", {class: "note", role: "alert"}, `These pages cannot be shown: ${error.message}`));
    throw error;
  }
}

start();
