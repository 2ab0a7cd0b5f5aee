// The predict gate as it is now, read from /metrics.

import { get } from "./api.js";

const local = 'gate="local"'; // the gate that all models of this machine share

export class Gate {
  #slots = document.querySelector("#slots");
  #words = document.querySelector("#gate-words");
  #waiting = document.querySelector("#waiting");
  #streams = document.querySelector("#streams");

  /** Asks once and shows what came back. Throws where the gateway can't be reached. */
  async refresh() {
    const response = await get("metrics");
    if (!response.ok) return;
    const metrics = parse(await response.text());
    const permits = total(metrics, "penstock_gate_permits", local);
    const used = total(metrics, "penstock_gate_permits_in_use", local);
    while (this.#slots.children.length > permits) this.#slots.lastChild.remove();
    while (this.#slots.children.length < permits) this.#slots.append(document.createElement("i"));
    [...this.#slots.children].forEach((slot, i) => slot.classList.toggle("used", i < used));
    this.#words.textContent = `${used} of ${permits} permits in use`;
    this.#waiting.textContent = total(metrics, "penstock_gate_queue_depth", local);
    this.#streams.textContent = total(metrics, "penstock_streams_open", "");
  }
}

// Prometheus's text format, as far as it is needed: [name, labels, value] for each sample.
function parse(text) {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)/gm)].map(([, name, labels = "", value]) => [name, labels, Number(value)]);
}

function total(metrics, wanted, label) {
  return metrics.reduce((sum, [name, labels, value]) => (name === wanted && labels.includes(label) ? sum + value : sum), 0);
}
