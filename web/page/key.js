// The API key for a gateway that needs one. It is kept for this tab only, and only if it can be.

const form = document.querySelector("#key");
const field = form.querySelector("input");
const name = "penstock-key";
let key = stored();

/** The headers that identify this page to the gateway. */
export function identity() {
  return key ? { Authorization: "Bearer " + key } : {};
}

/** Shows the field once the gateway has refused a request for lack of a valid key. */
export function note(response) {
  if (response.status === 401) form.hidden = false;
  return response;
}

/** Calls changed whenever the reader has given a key. */
export function start(changed) {
  field.value = key;
  form.hidden = !key;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    key = field.value.trim();
    try {
      sessionStorage.setItem(name, key);
    } catch {} // the key counts until the page is left
    changed();
  });
}

function stored() {
  try {
    return sessionStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}
