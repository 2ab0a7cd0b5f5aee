// The conversation with a language model, its tokens shown as they come.

import { explain, Refusal } from "./api.js";
import { fillPicker } from "./models.js";
import { run } from "./stream.js";

const part = document.querySelector("#chat");
const model = part.querySelector("select");
const log = part.querySelector("#log");
const empty = part.querySelector(".empty");
const form = part.querySelector("form");
const input = form.querySelector("textarea");
const send = form.querySelector("#send");
const stop = form.querySelector("#stop");

let conversation = []; // OpenAI's messages, only those that belong to a finished turn
let answering = null; // the AbortController of the answer that is coming

export function start(models) {
  models.onChange((list) => fillPicker(model, list, ({ streaming }) => streaming));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(input.value.trim());
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  stop.addEventListener("click", () => answering?.abort());
  addEventListener("pagehide", () => answering?.abort()); // nobody comes back for the answer
  part.querySelector("#new").addEventListener("click", () => {
    answering?.abort();
    conversation = [];
    for (const turn of log.querySelectorAll(".turn")) turn.remove();
    empty.hidden = false;
    input.focus();
  });
  for (const suggestion of empty.querySelectorAll("button")) {
    suggestion.addEventListener("click", () => ask(suggestion.textContent));
  }
}

async function ask(question) {
  if (question === "" || answering) return;
  answering = new AbortController();
  send.hidden = true;
  stop.hidden = false;
  empty.hidden = true;
  input.value = "";
  log.ariaBusy = "true"; // an answer is read out when it is whole, not token by token
  const turn = new Turn(question);
  const messages = [...conversation, { role: "user", content: question }];
  await answer(turn, messages, answering.signal);
  if (turn.counts) conversation = [...messages, { role: "assistant", content: turn.text }];
  else if (!turn.begun && input.value === "") input.value = question; // to be sent again
  answering = null;
  log.ariaBusy = "false";
  send.hidden = false;
  stop.hidden = true;
  input.focus({ preventScroll: true });
}

// answer runs a turn to its end, whatever that is. Only `done` completes it: a stream that just
// stops was cut off, and is shown so.
async function answer(turn, messages, signal) {
  if (model.value === "") return turn.end("failed", "No language model is configured.");
  try {
    for await (const { type, data } of run(model.value, { messages, ...settings() }, signal)) {
      if (type === "reconnecting") {
        turn.say("reconnecting", "connection lost, reconnecting…");
        continue;
      }
      const value = JSON.parse(data);
      if (type === "message") turn.add(value.text ?? "");
      else if (type === "queued") turn.say("queued", `number ${value.position} in line`);
      else if (type === "started") turn.say("started", "thinking…");
      else if (type === "done") return turn.done(value);
      else if (type === "failed") return turn.end("failed", value.message);
    }
    turn.end("cut", "cut off: the answer is not complete");
  } catch (error) {
    if (signal.aborted) turn.end("stopped", "stopped");
    else if (!turn.begun) turn.end("failed", explain(error));
    else turn.end("cut", "cut off: the answer is not complete" + (error instanceof Refusal ? `. ${explain(error)}` : ""));
  }
}

// settings are what was filled in; what wasn't is the model's to choose.
function settings() {
  const filled = [...part.querySelectorAll("details input")].filter((field) => field.value !== "" && field.validity.valid);
  return Object.fromEntries(filled.map((field) => [field.name, field.valueAsNumber]));
}

/** One question and its answer on the page. Its element's data-state says how far it is. */
class Turn {
  #element = document.querySelector("#turn").content.cloneNode(true).firstElementChild;
  #text = this.#element.querySelector(".answer").appendChild(document.createTextNode(""));
  #state = this.#element.querySelector(".state");
  #asked = performance.now();
  #first = 0; // when the first chunk came
  #last = 0;
  #chunks = 0;

  constructor(question) {
    this.#element.querySelector(".question").textContent = question;
    log.append(this.#element);
    this.say("asking", "asking…");
    this.#element.scrollIntoView({ block: "nearest" });
  }

  /** What has come so far. */
  get text() {
    return this.#text.data;
  }

  /** Whether a chunk has come. */
  get begun() {
    return this.#chunks > 0;
  }

  /** Whether the conversation goes on from here: not from a failure, nor from half an answer. */
  get counts() {
    return ["done", "stopped"].includes(this.#element.dataset.state) && this.text !== "";
  }

  say(state, words) {
    this.#element.dataset.state = state;
    this.#state.textContent = words;
  }

  add(text) {
    const following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    this.#last = performance.now();
    this.#first ||= this.#last;
    this.#chunks++;
    this.#text.appendData(text);
    this.say("streaming", this.#figures(this.#chunks));
    if (following) log.scrollTop = log.scrollHeight;
  }

  done({ reason, usage }) {
    const figures = this.#figures(usage?.completion_tokens ?? this.#chunks);
    this.say("done", reason === "length" ? `${figures} · ended at the token limit` : figures);
  }

  end(state, words) {
    this.say(state, this.begun ? `${words} · ${this.#figures(this.#chunks)}` : words);
  }

  #figures(tokens) {
    const seconds = (this.#last - this.#first) / 1000;
    const speed = seconds > 0.05 ? ` · ${Math.round((tokens - 1) / seconds)} tokens/s` : "";
    return `${tokens} ${tokens === 1 ? "token" : "tokens"}${speed} · first after ${Math.round(this.#first - this.#asked)} ms`;
  }
}
