// The package eventsource, whose connections are cut: what every stream has said once its EventSource
// has ended by itself, one JSON line for each.
import { EventSource } from "eventsource";

const { STREAMS, AT_ONCE, DIRECT, CUT, TASK } = process.env; // DIRECT and CUT are two ways to one Penstock
const task = JSON.parse(TASK);

// Half the streams are begun by their EventSource, and half have an address of their own.
async function address(number) {
  if (number % 2 === 0) return `${CUT}/v1/models/teller/stream?${new URLSearchParams(task)}`;
  const response = await fetch(`${DIRECT}/v1/streams`, { method: "POST", body: JSON.stringify({ model: "teller", input: task }) });
  return CUT + (await response.json()).url;
}

async function listen(number) {
  const source = new EventSource(await address(number));
  const heard = { text: "", ends: [], opened: 0 };
  source.onopen = () => heard.opened++;
  source.onmessage = (event) => (heard.text += JSON.parse(event.data).text);
  for (const end of ["done", "failed"]) source.addEventListener(end, () => heard.ends.push(end));
  // Nobody calls close(): it is over when the gateway's answer to a reconnection says so.
  await new Promise((resolve) => (source.onerror = () => source.readyState === EventSource.CLOSED && resolve()));
  console.log(JSON.stringify(heard));
}

// An EventSource that waits to reconnect does not keep Node.js running.
const awake = setInterval(() => {}, 1000);
let next = 0;
async function worker() {
  while (next < Number(STREAMS)) await listen(next++);
}
await Promise.all(Array.from({ length: Number(AT_ONCE) }, worker));
clearInterval(awake);
