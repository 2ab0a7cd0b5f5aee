// The pictures, one or several at once. A change of them or of the labels asks again, for each
// picture by itself, and each is filled in as its answer arrives.

import { explain, modelPath, post } from "./api.js";
import * as labels from "./labels.js";
import { fillPicker } from "./models.js";
import { Alone, Card } from "./views.js";

const part = document.querySelector("#picture");
const model = part.querySelector("select");
const file = part.querySelector("input[type=file]");
const drop = part.querySelector(".drop");
const address = part.querySelector("form");
const cards = part.querySelector(".cards");
const note = part.querySelector(".foot .note");

let pictures = []; // {blob} or {url}, the name to show, and the view
let asking = new AbortController();

export function start(models) {
  models.onChange((list) => fillPicker(model, list, ({ kind }) => kind === "clip"));
  labels.start(["a photo of a cat", "a photo of a dog", "a photo of a bird"], ask);

  model.addEventListener("change", ask);
  file.addEventListener("change", () => {
    showFiles([...file.files]);
    file.value = ""; // so that the same one can be chosen again
  });
  part.querySelector("#cat").addEventListener("click", async () => {
    show([{ name: "cat.jpg", blob: await (await fetch("cat.jpg")).blob() }]);
  });
  part.querySelector("#add").addEventListener("click", labels.add);
  address.addEventListener("submit", (event) => {
    event.preventDefault();
    const urls = address.elements.url.value.split(/\s+/).filter((url) => url !== "");
    if (urls.length > 0) show(urls.map((url) => ({ name: url.replace(/[?#].*/, "").split("/").pop() || url, url })));
  });

  for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault(); // else the browser leaves the page for the picture
      drop.classList.toggle("over", type === "dragenter" || type === "dragover");
    });
  }
  document.addEventListener("drop", (event) => take(event.dataTransfer));
  document.addEventListener("paste", (event) => take(event.clipboardData));
}

// take shows the pictures among what was dropped or pasted; anything else stays where it went.
function take(transfer) {
  showFiles([...transfer.files].filter((candidate) => candidate.type.startsWith("image/")));
}

function showFiles(files) {
  if (files.length === 0) return;
  address.reset();
  show(files.map((blob) => ({ name: blob.name, blob })));
}

// show puts pictures in place of those before.
function show(list) {
  for (const { view } of pictures) view.close();
  const several = list.length > 1;
  drop.classList.toggle("small", several);
  cards.hidden = !several;
  if (several) drop.querySelector(".caption").textContent = "Drop other pictures, or click to choose";
  pictures = list.map((picture) => ({ ...picture, view: several ? new Card(picture, cards) : new Alone(picture) }));
  ask();
}

// ask sends each picture with the labels; requests that are still under way are out of date.
async function ask() {
  asking.abort();
  const { signal } = (asking = new AbortController());
  const wanted = labels.texts();
  if (pictures.length === 0 || wanted.length === 0) return;
  if (model.value === "") return say("failed", "No CLIP model is configured.");
  say("busy", "Looking…");
  const begin = performance.now();
  const failures = (await Promise.all(pictures.map((picture) => look(picture, wanted, signal)))).filter((words) => words);
  if (signal.aborted) return;
  const took = `${Math.round(performance.now() - begin)} ms`;
  if (pictures.length === 1) return failures.length === 0 ? say("done", `${took}, there and back`) : say("failed", failures[0]);
  const all = `${pictures.length} pictures in ${took}`;
  say("done", failures.length === 0 ? all : `${all}, ${failures.length} failed`);
}

// look asks about one picture and fills it in. It returns why it failed, if it did.
async function look({ blob, url, view }, wanted, signal) {
  view.busy(wanted);
  const begin = performance.now();
  try {
    const input = blob ? { image: await dataURL(blob) } : { url };
    const response = await post(modelPath(model.value) + ":predict", { ...input, labels: wanted }, { signal });
    const { probabilities: [shares] } = await response.json();
    view.done(shares, `${Math.round(performance.now() - begin)} ms`);
  } catch (error) {
    if (signal.aborted) return;
    const words = explain(error);
    view.failed(words);
    return words;
  }
}

function dataURL(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function say(state, words) {
  part.dataset.state = state;
  note.textContent = words;
}
