// Vercel's AI SDK behind Penstock: what its user observes, one JSON line for each check.
import { once } from "node:events";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, isStepCount, jsonSchema, StreamProviderError, streamText, tool } from "ai";

const penstock = createOpenAICompatible({ name: "penstock", baseURL: process.env.OPENAI_BASE_URL, includeUsage: true });
const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
const weather = tool({
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
  execute: () => "21 degrees",
});
const ask = (model, more) => ({
  model: penstock(model),
  prompt: "Tell me a long story about a lighthouse.",
  temperature: 0,
  maxRetries: 0,
  onError: () => {}, // the stream has an error part too
  ...more,
});

async function chat(observation, model, more) {
  const response = await generateText(ask(model, more));
  Object.assign(observation, { text: response.text, finish: response.finishReason, tokens: response.usage.totalTokens });
}

async function stream(observation, model, more) {
  await follow(observation, streamText(ask(model, more)).stream);
}

async function respond(observation, model, more) {
  await chat(observation, model, { model: openai.responses(model), temperature: undefined, ...more });
}

async function stream_respond(observation, model, more) {
  await stream(observation, model, { model: openai.responses(model), temperature: undefined, ...more });
}

async function tools(observation, model) {
  const response = await generateText(ask(model, { tools: { get_weather: weather }, stopWhen: isStepCount(2) }));
  observation.calls = response.steps[0].toolCalls.map((call) => `${call.toolName} ${call.input.city}`);
  observation.text = response.text;
}

async function stream_tools(observation, model) {
  const parts = streamText(ask(model, { tools: { get_weather: weather }, stopWhen: isStepCount(2) })).stream;
  await follow(observation, parts);
  delete observation.finish;
  delete observation.tokens;
}

async function follow(observation, parts) {
  for await (const part of parts) {
    switch (part.type) {
      case "text-delta":
        observation.text = (observation.text ?? "") + part.text;
        break;
      case "reasoning-delta":
        observation.thought = (observation.thought ?? "") + part.text;
        break;
      case "tool-call":
        observation.calls = [...(observation.calls ?? []), `${part.toolName} ${part.input.city}`];
        break;
      case "finish":
        observation.finish = part.finishReason;
        observation.tokens = part.totalUsage.totalTokens;
        break;
      case "error":
        throw part.error;
    }
  }
}

async function think(observation, model) {
  await follow(observation, streamText(ask(model)).stream);
  delete observation.finish;
  delete observation.tokens;
}

async function embed(observation, model) {
  observation.vectors = (await embedMany({ model: penstock.embeddingModel(model), values: ["one", "two"] })).embeddings;
}

async function abort(observation, model) {
  const controller = new AbortController();
  let n = 0;
  for await (const part of streamText(ask(model, { abortSignal: controller.signal })).stream) {
    if (part.type === "text-delta" && ++n === 3) controller.abort();
  }
}

async function timeout(observation, model) {
  await generateText(ask(model, { timeout: 500 }));
}

async function check(verb, model, more) {
  const observation = { check: `${verb.name} ${model}` };
  try {
    await verb(observation, model, more);
  } catch (e) {
    Object.assign(observation, { error: e.name, message: e.message });
    if (APICallError.isInstance(e) && e.data?.type === "response.failed") { // an event, of which it derives a status
      observation.code = e.data.response.error.code;
    } else if (APICallError.isInstance(e) && e.statusCode !== 200) { // 200: the body was cut
      Object.assign(observation, { status: e.statusCode, code: e.data?.error.code });
      if (e.statusCode === 429) observation.retry_after = e.responseHeaders["retry-after"];
    }
    if (StreamProviderError.isInstance(e)) observation.code = e.code;
  }
  console.log(JSON.stringify(observation));
  if (verb === abort || verb === timeout) {
    await once(process.stdin, "data"); // until the upstream has noticed the disconnect, which this program's exit would cause too
  }
}

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
await check(chat, "smollm2", { maxOutputTokens: 16 });
await check(stream, "smollm2", { maxOutputTokens: 16 });
await check(respond, "smollm2", { maxOutputTokens: 16 });
await check(stream_respond, "smollm2", { maxOutputTokens: 16 });
await check(abort, "smollm2");
await check(tools, "smollm2");
process.stdin.destroy();
