// The package eventsource, with connections that are cut: one JSON line for each stream, with what its
// EventSource has received when it has ended by itself.
import { EventSource } from "eventsource";

const { STREAMS, AT_ONCE, DIRECT, CUT, TASK } = process.env; // DIRECT is Penstock's URL, CUT the proxy's
const task = JSON.parse(TASK);

// Half of the streams are created by their EventSource, and half before, with a URL of their own.
async function address(number) {
  if (number % 2 === 0) return `${CUT}/v1/models/testmodel/stream?${new URLSearchParams(task)}`;
  const response = await fetch(`${DIRECT}/v1/streams`, { method: "POST", body: JSON.stringify({ model: "testmodel", input: task }) });
  return CUT + (await response.json()).url;
}

async function read(number) {
  const source = new EventSource(await address(number));
  const received = { text: "", ends: [], opened: 0 };
  source.onopen = () => received.opened++;
  source.onmessage = (event) => (received.text += JSON.parse(event.data).text);
  for (const end of ["done", "failed"]) source.addEventListener(end, () => received.ends.push(end));
  // Nothing calls close(): the gateway's response to a reconnection ends it.
  await new Promise((resolve) => (source.onerror = () => source.readyState === EventSource.CLOSED && resolve()));
  console.log(JSON.stringify(received));
}

// An EventSource that waits to reconnect does not keep Node.js running.
const awake = setInterval(() => {}, 1000);
let next = 0;
async function worker() {
  while (next < Number(STREAMS)) await read(next++);
}
await Promise.all(Array.from({ length: Number(AT_ONCE) }, worker));
clearInterval(awake);
