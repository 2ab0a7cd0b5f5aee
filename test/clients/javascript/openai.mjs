// OpenAI's JavaScript package behind Penstock: what its user sees, one JSON line for each check.
import { once } from "node:events";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 }); // OPENAI_BASE_URL is Penstock's address and /v1
const question = { role: "user", content: "Tell me a long story about a lighthouse." };
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

async function chat(seen, model, more) {
  const answer = await client.chat.completions.create({ model, messages: [question], temperature: 0, ...more });
  seen.text = answer.choices[0].message.content;
  seen.finish = answer.choices[0].finish_reason;
  seen.tokens = answer.usage.total_tokens;
}

async function stream(seen, model, more) {
  const chunks = await client.chat.completions.create({
    model,
    messages: [question],
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    ...more,
  });
  for await (const chunk of chunks) {
    for (const choice of chunk.choices) {
      seen.text = (seen.text ?? "") + (choice.delta.content ?? "");
      seen.finish = choice.finish_reason;
    }
    if (chunk.usage) seen.tokens = chunk.usage.total_tokens;
  }
}

async function think(seen, model) {
  for await (const chunk of await client.chat.completions.create({ model, messages: [question], stream: true })) {
    for (const { delta } of chunk.choices) {
      seen.thought = (seen.thought ?? "") + (delta.reasoning_content ?? ""); // no field of OpenAI's own
      seen.text = (seen.text ?? "") + (delta.content ?? "");
    }
  }
}

async function tools(seen, model) {
  const answer = await client.chat.completions.create({ model, messages: [question], tools: [weather] });
  await answerCalls(seen, model, answer.choices[0].message);
}

async function stream_tools(seen, model) {
  const runner = client.chat.completions.stream({ model, messages: [question], tools: [weather] });
  await answerCalls(seen, model, await runner.finalMessage());
}

async function answerCalls(seen, model, message) {
  seen.calls = message.tool_calls.map((call) => `${call.function.name} ${JSON.parse(call.function.arguments).city}`);
  const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "21 degrees" }));
  const answer = await client.chat.completions.create({ model, messages: [question, message, ...results] });
  seen.text = answer.choices[0].message.content;
}

async function respond(seen, model) {
  const answer = await client.responses.create({ model, input: "Say hello." });
  Object.assign(seen, { text: answer.output_text, finish: answer.status, tokens: answer.usage.total_tokens });
}

async function stream_respond(seen, model) {
  for await (const event of await client.responses.create({ model, input: "Say hello.", stream: true })) {
    if (event.type === "response.output_text.delta") seen.text = (seen.text ?? "") + event.delta;
    if (event.type === "response.completed") {
      Object.assign(seen, { finish: event.response.status, tokens: event.response.usage.total_tokens });
    }
  }
}

async function embed(seen, model) {
  const answer = await client.embeddings.create({ model, input: ["one", "two"] });
  seen.vectors = answer.data.map((row) => row.embedding);
}

async function models(seen, model) {
  seen.text = (await client.models.retrieve(model)).id;
  const names = (await client.models.list()).data.map((m) => m.id);
  if (!names.includes(model)) throw new Error(`no ${model} among ${names}`);
}

async function abort(seen, model) {
  const chunks = await client.chat.completions.create({ model, messages: [question], temperature: 0, stream: true });
  let n = 0;
  for await (const _ of chunks) {
    if (++n === 3) chunks.controller.abort();
  }
}

async function timeout(seen, model) {
  await client.chat.completions.create({ model, messages: [question] }, { timeout: 500 });
}

async function check(verb, model, more) {
  const seen = { check: `${verb.name} ${model}` };
  try {
    await verb(seen, model, more);
  } catch (e) {
    const broken = e instanceof TypeError && e.message === "terminated"; // what fetch says of a body without its end
    if (!(e instanceof OpenAI.APIError) && !broken) throw e;
    Object.assign(seen, { error: e.constructor.name, status: e.status, code: e.code });
    if (e.status === 429) seen.retry_after = e.headers.get("Retry-After");
  }
  console.log(JSON.stringify(seen));
  if (verb === abort || verb === timeout) {
    await once(process.stdin, "data"); // until the upstream has noticed: this program's end would end its request too
  }
}

await check(models, "plain");
await check(chat, "plain");
await check(stream, "plain");
await check(stream, "patient");
await check(think, "thinks");
await check(tools, "tools");
await check(stream_tools, "tools");
await check(respond, "plain");
await check(stream_respond, "plain");
await check(embed, "plain");
for (const model of ["refuses", "missing", "busy", "locked", "broken", "down", "cut", "torn"]) await check(chat, model);
for (const model of ["refuses", "busy", "down", "silent", "late", "cut", "stalls"]) await check(stream, model);
await check(stream_tools, "halts");
await check(stream_respond, "cut");
await check(abort, "endless");
await check(timeout, "slow");
await check(chat, "smollm2", { max_tokens: 16 });
await check(stream, "smollm2", { max_tokens: 16 });
await check(abort, "smollm2");
await check(tools, "smollm2");
process.stdin.destroy();
