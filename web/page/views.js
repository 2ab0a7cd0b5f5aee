// The two ways a picture is shown: alone, large, with its bars in the rows of the labels; or as
// one card of several, with bars of its own. Both have the same methods:
//
//	busy(labels)          it is being looked at
//	done(shares, words)   what came of it, a share of one for each label
//	failed(words)         why nothing came of it
//	close()               it goes

import * as labels from "./labels.js";

const part = document.querySelector("#picture");
const preview = part.querySelector(".drop img");
const caption = part.querySelector(".caption");

/** Shows one picture, {name, blob}, or {name, url} where it lies elsewhere and is not loaded. */
export class Alone {
  #release;

  constructor({ name, blob, url }) {
    caption.textContent = blob ? "" : `Penstock fetches ${url}`; // it, not this page: the page loads nothing from elsewhere
    this.#release = load(preview, blob, () => (caption.textContent = name));
  }

  busy() {}

  done(shares) {
    labels.fill(shares);
  }

  failed() {
    labels.fill();
  }

  close() {
    this.#release();
    labels.fill();
  }
}

/** Shows one picture of several in a list. Its element's data-state says how far it is. */
export class Card {
  #element = document.querySelector("#card").content.cloneNode(true).firstElementChild;
  #bars = this.#element.querySelector(".bars");
  #note = this.#element.querySelector(".note");
  #release;

  constructor({ name, blob, url }, list) {
    const title = this.#element.querySelector(".name");
    title.textContent = name;
    title.title = url ?? name;
    this.#release = load(this.#element.querySelector("img"), blob, () => {});
    list.append(this.#element);
  }

  busy(wanted) {
    const bars = wanted.map((label) => {
      const bar = document.createElement("li");
      bar.append(Object.assign(document.createElement("span"), { textContent: label, title: label }), document.createElement("output"));
      return bar;
    });
    this.#bars.replaceChildren(...bars);
    this.#say("busy", "Looking…");
  }

  done(shares, words) {
    [...this.#bars.children].forEach((bar, i) => labels.fillBar(bar, shares[i], Math.max(...shares)));
    this.#say("done", words);
  }

  failed(words) {
    this.#bars.replaceChildren();
    this.#say("failed", words);
  }

  close() {
    this.#release();
    this.#element.remove();
  }

  #say(state, words) {
    this.#element.dataset.state = state;
    this.#note.textContent = words;
  }
}

// load shows a blob in an img, and tells where the browser can't. The returned function lets go of it.
function load(img, blob, broken) {
  img.hidden = !blob;
  if (!blob) return () => {};
  const address = URL.createObjectURL(blob);
  img.onerror = () => {
    img.hidden = true;
    broken();
  };
  img.src = address;
  return () => {
    img.onerror = null;
    img.removeAttribute("src");
    img.hidden = true;
    URL.revokeObjectURL(address);
  };
}
