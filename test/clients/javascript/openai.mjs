// OpenAI's JavaScript package behind Penstock: what its user observes, one JSON line for each check.
import { once } from "node:events";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 }); // OPENAI_BASE_URL is Penstock's address and /v1
const request = { role: "user", content: "Tell me a long story about a lighthouse." };
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

async function chat(observation, model, more) {
  const response = await client.chat.completions.create({ model, messages: [request], temperature: 0, ...more });
  observation.text = response.choices[0].message.content;
  observation.finish = response.choices[0].finish_reason;
  observation.tokens = response.usage.total_tokens;
}

async function stream(observation, model, more) {
  const chunks = await client.chat.completions.create({
    model,
    messages: [request],
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    ...more,
  });
  for await (const chunk of chunks) {
    for (const choice of chunk.choices) {
      observation.text = (observation.text ?? "") + (choice.delta.content ?? "");
      observation.finish = choice.finish_reason;
    }
    if (chunk.usage) observation.tokens = chunk.usage.total_tokens;
  }
}

async function think(observation, model) {
  for await (const chunk of await client.chat.completions.create({ model, messages: [request], stream: true })) {
    for (const { delta } of chunk.choices) {
      observation.thought = (observation.thought ?? "") + (delta.reasoning_content ?? ""); // no field of OpenAI's own
      observation.text = (observation.text ?? "") + (delta.content ?? "");
    }
  }
}

async function tools(observation, model) {
  const response = await client.chat.completions.create({ model, messages: [request], tools: [weather] });
  await sendResults(observation, model, response.choices[0].message);
}

async function stream_tools(observation, model) {
  const runner = client.chat.completions.stream({ model, messages: [request], tools: [weather] });
  await sendResults(observation, model, await runner.finalMessage());
}

async function sendResults(observation, model, message) {
  observation.calls = message.tool_calls.map((call) => `${call.function.name} ${JSON.parse(call.function.arguments).city}`);
  const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "21 degrees" }));
  const response = await client.chat.completions.create({ model, messages: [request, message, ...results] });
  observation.text = response.choices[0].message.content;
}

async function respond(observation, model, more) {
  const response = await client.responses.create({ model, input: [request], ...more });
  Object.assign(observation, { text: response.output_text, finish: response.status, tokens: response.usage.total_tokens });
}

async function stream_respond(observation, model, more) {
  for await (const event of await client.responses.create({ model, input: [request], stream: true, ...more })) {
    if (event.type === "response.output_text.delta") observation.text = (observation.text ?? "") + event.delta;
    if (event.type === "response.completed" || event.type === "response.incomplete") {
      Object.assign(observation, { finish: event.response.status, tokens: event.response.usage.total_tokens });
    }
    if (event.type === "response.failed") {
      Object.assign(observation, { code: event.response.error.code, message: event.response.error.message });
    }
  }
}

async function embed(observation, model) {
  const response = await client.embeddings.create({ model, input: ["one", "two"] });
  observation.vectors = response.data.map((row) => row.embedding);
}

async function models(observation, model) {
  observation.text = (await client.models.retrieve(model)).id;
  const names = (await client.models.list()).data.map((m) => m.id);
  if (!names.includes(model)) throw new Error(`no ${model} among ${names}`);
}

async function extras(observation, model) {
  const { data, response } = await client.chat.completions
    .create({
      model,
      messages: [request],
      max_tokens: 16,
      user: "someone",
      metadata: { purpose: "test" },
      store: false,
      service_tier: "auto",
      prompt_cache_key: "lighthouse",
      chat_template_kwargs: { enable_thinking: false },
    })
    .withResponse();
  Object.assign(observation, { ignored: response.headers.get("X-Penstock-Ignored"), text: data.choices[0].message.content });
}

async function abort(observation, model) {
  const chunks = await client.chat.completions.create({ model, messages: [request], temperature: 0, stream: true });
  let n = 0;
  for await (const _ of chunks) {
    if (++n === 3) chunks.controller.abort();
  }
}

async function timeout(observation, model) {
  await client.chat.completions.create({ model, messages: [request] }, { timeout: 500 });
}

async function check(verb, model, more) {
  const observation = { check: `${verb.name} ${model}` };
  try {
    await verb(observation, model, more);
  } catch (e) {
    const broken = e instanceof TypeError && e.message === "terminated"; // fetch's error for a body that was cut
    if (!(e instanceof OpenAI.APIError) && !broken) throw e;
    Object.assign(observation, {
      error: e.constructor.name,
      message: (observation.message ?? "") + e.message,
      status: e.status,
      code: e.code ?? observation.code,
    });
    if (e.status === 429) observation.retry_after = e.headers.get("Retry-After");
  }
  console.log(JSON.stringify(observation));
  if (verb === abort || verb === timeout) {
    await once(process.stdin, "data"); // until the upstream has noticed the disconnect, which this program's exit would cause too
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
await check(respond, "refuses");
for (const model of ["refuses", "late", "cut"]) await check(stream_respond, model);
await check(abort, "endless");
await check(timeout, "slow");
await check(chat, "smollm2", { max_tokens: 16 });
await check(stream, "smollm2", { max_tokens: 16 });
await check(respond, "smollm2", { max_output_tokens: 16 });
await check(stream_respond, "smollm2", { max_output_tokens: 16 });
await check(extras, "smollm2");
await check(abort, "smollm2");
await check(tools, "smollm2");
process.stdin.destroy();
