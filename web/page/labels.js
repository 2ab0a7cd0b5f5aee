// The labels that a picture may have, each in a row that can be changed and can show a share.

const list = document.querySelector("#picture .labels");
let changed = () => {};

/** Fills in the first labels, and calls listener whenever one is changed or removed. */
export function start(first, listener) {
  changed = listener;
  list.append(...first.map(row));
}

/** Adds an empty row and puts the cursor in it. */
export function add() {
  const added = row("");
  list.append(added);
  added.querySelector("input").focus();
}

/** The labels as they are now, without empty ones. */
export function texts() {
  return rows().map(text);
}

/** Shows a share of one in each label's row, in the order of texts(); without shares, none. */
export function fill(shares) {
  const filled = rows();
  for (const item of list.children) fillBar(item, shares?.[filled.indexOf(item)], shares && Math.max(...shares));
}

/** Shows a share in an element that is a bar and has an output; undefined empties it. */
export function fillBar(item, share, best) {
  const known = share !== undefined;
  item.style.setProperty("--share", known ? share : 0);
  item.classList.toggle("best", known && share === best);
  item.querySelector("output").textContent = known ? (share * 100).toFixed(1) + " %" : "";
}

function rows() {
  return [...list.children].filter((item) => text(item) !== "");
}

function text(item) {
  return item.querySelector("input").value.trim();
}

function row(label) {
  const item = document.querySelector("#label-row").content.cloneNode(true).firstElementChild;
  const input = item.querySelector("input");
  input.value = label;
  input.addEventListener("change", () => changed());
  item.querySelector("button").addEventListener("click", () => {
    item.remove();
    changed();
  });
  return item;
}
