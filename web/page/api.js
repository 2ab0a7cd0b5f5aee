// Speaks to the gateway. Addresses are relative to the page.

import { identity, note } from "./key.js";

/** What the gateway refused: its code, its message, and when to come back, in seconds, if it said. */
export class Refusal extends Error {
  constructor(status, code, message, retryAfter) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** The address of a model, which means nothing to a shell. Its name may hold slashes and colons. */
export function modelPath(name) {
  const escaped = encodeURIComponent(name).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
  return "v1/models/" + escaped.replaceAll("%2F", "/").replaceAll("%3A", ":");
}

/** Posts JSON and returns the response. Throws a Refusal where the gateway refuses. */
export async function post(path, body, { accept = "application/json", signal } = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: accept, ...identity() },
    body: JSON.stringify(body),
    signal,
  });
  if (!note(response).ok) throw await refusal(response);
  return response;
}

/** Gets a response, whatever its status. */
export async function get(path, { signal } = {}) {
  return note(await fetch(path, { cache: "no-store", headers: identity(), signal }));
}

/** Ends a stream, even as the page closes. */
export function end(path) {
  fetch(path, { method: "DELETE", headers: identity(), keepalive: true }).catch(() => {});
}

/** Says an error to the person at the page, in one sentence. */
export function explain(error) {
  if (error instanceof DOMException) return "The file can't be read.";
  if (!(error instanceof Refusal)) return "Penstock can't be reached. Is it still running?";
  if (!error.retryAfter) return error.message;
  return `${error.message} Try again in ${error.retryAfter} s.`;
}

/** Makes a Refusal of a response that is one. */
export async function refusal(response) {
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10) || 0;
  try {
    const { error } = await response.json();
    return new Refusal(response.status, error.code, error.message, retryAfter);
  } catch {
    return new Refusal(response.status, "", `The answer was ${response.status} ${response.statusText}.`, retryAfter);
  }
}
