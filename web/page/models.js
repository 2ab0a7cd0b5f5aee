// Which models there are and how they are: the pills in the head, and the pickers of the parts.

import { get } from "./api.js";

/**
 * Asks for the models now and then, and tells each picker and listener what came back.
 */
export class Models {
  #list = [];
  #listeners = [];
  #pills = document.querySelector("#models");

  /** Calls listener with the list of models, now and whenever it changes. */
  onChange(listener) {
    this.#listeners.push(listener);
    listener(this.#list);
  }

  /** Whether a model is still loading, so that it is worth asking again soon. */
  get loading() {
    return this.#list.length === 0 || this.#list.some((model) => model.state === "loading");
  }

  /** Asks once. Throws where the gateway can't be reached. */
  async refresh() {
    const response = await get("v1/models");
    if (!response.ok) return;
    const { data } = await response.json();
    const list = data.map(({ id, penstock }) => ({ name: id, ...penstock }));
    if (JSON.stringify(list) === JSON.stringify(this.#list)) return;
    this.#list = list;
    const reasons = list.some((model) => ["failed", "unhealthy"].includes(model.state)) ? await failures() : {};
    this.#pills.replaceChildren(...pills(list, reasons));
    for (const listener of this.#listeners) listener(list);
  }
}

/**
 * Fills a select with the models that suit it, keeps what was chosen, and hides it where there is
 * nothing to choose. wanted tells whether a model suits.
 */
export function fillPicker(select, list, wanted) {
  const names = list.filter(wanted).map((model) => model.name);
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
  select.hidden = names.length < 2;
}

const mostPills = 12;

// A provider may have hundreds of models: the first have a pill, and before them those that are not
// ready. The pickers have all.
function pills(list, reasons) {
  const notable = [...list.filter(({ state }) => state !== "ready"), ...list.filter(({ state }) => state === "ready")];
  const shown = (list.length > mostPills ? notable.slice(0, mostPills) : list).map((model) => pill(model, reasons[model.name]));
  if (list.length > mostPills) {
    shown.push(Object.assign(document.createElement("li"), { className: "more", textContent: `and ${list.length - mostPills} more` }));
  }
  return shown;
}

function pill({ name, state }, reason) {
  const item = document.createElement("li");
  item.className = "pill";
  item.dataset.state = state;
  item.append(name, " ", Object.assign(document.createElement("span"), { textContent: state }));
  if (reason) item.title = reason;
  return item;
}

// Only /readyz knows why a model failed or is unhealthy.
async function failures() {
  const { models } = await (await get("readyz")).json();
  return Object.fromEntries(models.map(({ name, reason }) => [name, reason]));
}
