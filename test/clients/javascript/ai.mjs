// Vercel's AI SDK behind Penstock: what its user sees, one JSON line for each check.
import { once } from "node:events";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, isStepCount, jsonSchema, StreamProviderError, streamText, tool } from "ai";

const penstock = createOpenAICompatible({ name: "penstock", baseURL: process.env.OPENAI_BASE_URL, includeUsage: true });
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

async function chat(seen, model, more) {
  const answer = await generateText(ask(model, more));
  Object.assign(seen, { text: answer.text, finish: answer.finishReason, tokens: answer.usage.totalTokens });
}

async function stream(seen, model, more) {
  await follow(seen, streamText(ask(model, more)).stream);
}

async function tools(seen, model) {
  const answer = await generateText(ask(model, { tools: { get_weather: weather }, stopWhen: isStepCount(2) }));
  seen.calls = answer.steps[0].toolCalls.map((call) => `${call.toolName} ${call.input.city}`);
  seen.text = answer.text;
}

async function stream_tools(seen, model) {
  const parts = streamText(ask(model, { tools: { get_weather: weather }, stopWhen: isStepCount(2) })).stream;
  await follow(seen, parts);
  delete seen.finish;
  delete seen.tokens;
}

async function follow(seen, parts) {
  for await (const part of parts) {
    switch (part.type) {
      case "text-delta":
        seen.text = (seen.text ?? "") + part.text;
        break;
      case "reasoning-delta":
        seen.thought = (seen.thought ?? "") + part.text;
        break;
      case "tool-call":
        seen.calls = [...(seen.calls ?? []), `${part.toolName} ${part.input.city}`];
        break;
      case "finish":
        seen.finish = part.finishReason;
        seen.tokens = part.totalUsage.totalTokens;
        break;
      case "error":
        throw part.error;
    }
  }
}

async function think(seen, model) {
  await follow(seen, streamText(ask(model)).stream);
  delete seen.finish;
  delete seen.tokens;
}

async function embed(seen, model) {
  seen.vectors = (await embedMany({ model: penstock.embeddingModel(model), values: ["one", "two"] })).embeddings;
}

async function abort(seen, model) {
  const controller = new AbortController();
  let n = 0;
  for await (const part of streamText(ask(model, { abortSignal: controller.signal })).stream) {
    if (part.type === "text-delta" && ++n === 3) controller.abort();
  }
}

async function timeout(seen, model) {
  await generateText(ask(model, { timeout: 500 }));
}

async function check(verb, model, more) {
  const seen = { check: `${verb.name} ${model}` };
  try {
    await verb(seen, model, more);
  } catch (e) {
    seen.error = e.name;
    if (APICallError.isInstance(e) && e.statusCode !== 200) { // 200: the body broke off
      Object.assign(seen, { status: e.statusCode, code: e.data?.error.code });
      if (e.statusCode === 429) seen.retry_after = e.responseHeaders["retry-after"];
    }
    if (StreamProviderError.isInstance(e)) seen.code = e.code;
  }
  console.log(JSON.stringify(seen));
  if (verb === abort || verb === timeout) {
    await once(process.stdin, "data"); // until the upstream has noticed: this program's end would end its request too
  }
}

await check(chat, "plain");
await check(stream, "plain");
await check(stream, "patient");
await check(think, "thinks");
await check(tools, "tools");
await check(stream_tools, "tools");
await check(embed, "plain");
for (const model of ["refuses", "missing", "busy", "locked", "broken", "down", "cut", "torn"]) await check(chat, model);
for (const model of ["refuses", "busy", "down", "silent", "late", "cut", "stalls"]) await check(stream, model);
await check(stream_tools, "halts");
await check(abort, "endless");
await check(timeout, "slow");
await check(chat, "smollm2", { maxOutputTokens: 16 });
await check(stream, "smollm2", { maxOutputTokens: 16 });
await check(abort, "smollm2");
await check(tools, "smollm2");
process.stdin.destroy();
