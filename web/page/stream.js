// Streams of a model's events that survive a lost connection.

import { end, get, modelPath, post, Refusal, refusal } from "./api.js";
import { events } from "./sse.js";

const kinds = ["message", "queued", "started", "done", "failed"];
const closed = [403, 404, 405]; // statuses with which a gateway says that it hands out no streams

/**
 * Starts a model on an input and yields its events as {type, data}, data being JSON's text, up to
 * `done` or `failed`; and {type: "reconnecting"} whenever the connection was lost and is sought
 * anew. Ends early where the stream was cut off for good. Throws a Refusal where the gateway
 * refuses. Aborting the signal stops the model too.
 */
export async function* run(model, input, signal) {
  let id;
  try {
    id = (await (await post("v1/streams", { model, input })).json()).id;
  } catch (error) {
    if (!(error instanceof Refusal && closed.includes(error.status))) throw error;
    const response = await post(modelPath(model) + "/stream", input, { accept: "text/event-stream", signal });
    return yield* events(response.body);
  }
  yield* follow("v1/streams/" + id, signal);
}

// follow reads a stream by EventSource, which reconnects and goes on after the last event it had.
async function* follow(url, signal) {
  const source = new EventSource(url);
  const reader = queue(source, signal).getReader();
  const leave = () => end(url);
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
      if (value.type === "done" || value.type === "failed") return;
    }
  } finally {
    signal.removeEventListener("abort", leave);
    source.close();
  }
  // Any status but 200 ends an EventSource for good, and only a request of our own learns why.
  const response = await get(url, { signal });
  if (!response.ok) throw await refusal(response);
  await response.body?.cancel();
}

// queue keeps a source's events until they are read. It ends when the source has given up.
function queue(source, signal) {
  return new ReadableStream({
    start(controller) {
      for (const kind of kinds) {
        source.addEventListener(kind, ({ type, data }) => {
          if (type === "done" || type === "failed") source.close(); // the end of the connection is no loss now
          controller.enqueue({ type, data });
        });
      }
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) controller.close();
        else controller.enqueue({ type: "reconnecting" });
      });
      const stop = () => controller.error(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    },
  });
}
