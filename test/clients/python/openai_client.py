"""OpenAI's Python package behind Penstock: what its user sees, one JSON line for each check."""

import json
import sys
from itertools import islice

from openai import APIError, OpenAI

client = OpenAI(max_retries=0)  # OPENAI_BASE_URL is Penstock's address and /v1
question = [{"role": "user", "content": "Tell me a long story about a lighthouse."}]
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def chat(seen, model, **more):
    answer = client.chat.completions.create(model=model, messages=question, temperature=0, **more)
    seen["text"] = answer.choices[0].message.content
    seen["finish"] = answer.choices[0].finish_reason
    seen["tokens"] = answer.usage.total_tokens


def stream(seen, model, **more):
    for chunk in client.chat.completions.create(
        model=model,
        messages=question,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        **more,
    ):
        for choice in chunk.choices:
            seen["text"] = seen.get("text", "") + (choice.delta.content or "")
            seen["finish"] = choice.finish_reason
        if chunk.usage:
            seen["tokens"] = chunk.usage.total_tokens


def think(seen, model):
    for chunk in client.chat.completions.create(model=model, messages=question, stream=True):
        for choice in chunk.choices:
            thought = getattr(choice.delta, "reasoning_content", None)  # no field of OpenAI's own
            seen["thought"] = seen.get("thought", "") + (thought or "")
            seen["text"] = seen.get("text", "") + (choice.delta.content or "")


def tools(seen, model):
    messages = list(question)
    message = client.chat.completions.create(model=model, messages=messages, tools=[weather]).choices[0].message
    messages.append(message)
    answer_calls(seen, messages, message.tool_calls)
    seen["text"] = client.chat.completions.create(model=model, messages=messages).choices[0].message.content


def stream_tools(seen, model):
    messages = list(question)
    with client.chat.completions.stream(model=model, messages=messages, tools=[weather]) as events:
        message = events.get_final_completion().choices[0].message
    messages.append(message)
    answer_calls(seen, messages, message.tool_calls)
    seen["text"] = client.chat.completions.create(model=model, messages=messages).choices[0].message.content


def answer_calls(seen, messages, calls):
    seen["calls"] = [call.function.name + " " + json.loads(call.function.arguments)["city"] for call in calls]
    for call in calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "21 degrees"})


def respond(seen, model):
    answer = client.responses.create(model=model, input="Say hello.")
    seen.update(text=answer.output_text, finish=answer.status, tokens=answer.usage.total_tokens)


def stream_respond(seen, model):
    for event in client.responses.create(model=model, input="Say hello.", stream=True):
        if event.type == "response.output_text.delta":
            seen["text"] = seen.get("text", "") + event.delta
        if event.type == "response.completed":
            seen.update(finish=event.response.status, tokens=event.response.usage.total_tokens)
        if event.type == "error":
            seen["code"] = event.code


def embed(seen, model):
    answer = client.embeddings.create(model=model, input=["one", "two"])
    seen["vectors"] = [row.embedding for row in answer.data]


def models(seen, model):
    seen["text"] = client.models.retrieve(model).id
    assert model in [m.id for m in client.models.list()]


def abort(seen, model):
    with client.chat.completions.create(model=model, messages=question, temperature=0, stream=True) as chunks:
        for _ in islice(chunks, 3):
            pass


def timeout(seen, model):
    client.with_options(timeout=0.5).chat.completions.create(model=model, messages=question)


def check(verb, model, **more):
    seen = {"check": f"{verb.__name__} {model}"}
    try:
        verb(seen, model, **more)
    except APIError as e:
        seen["error"] = type(e).__name__
        seen["status"] = getattr(e, "status_code", None)
        seen["code"] = e.code or seen.get("code")
        if seen["status"] == 429:
            seen["retry_after"] = e.response.headers["Retry-After"]
    print(json.dumps(seen), flush=True)
    if verb in (abort, timeout):
        sys.stdin.readline()  # until the upstream has noticed: this program's end would end its request too


check(models, "plain")
check(chat, "plain")
check(stream, "plain")
check(stream, "patient")
check(think, "thinks")
check(tools, "tools")
check(stream_tools, "tools")
check(respond, "plain")
check(stream_respond, "plain")
check(embed, "plain")
for model in ["refuses", "missing", "busy", "locked", "broken", "down", "cut", "torn"]:
    check(chat, model)
for model in ["refuses", "busy", "down", "silent", "late", "cut", "stalls"]:
    check(stream, model)
check(stream_tools, "halts")
check(stream_respond, "cut")
check(abort, "endless")
check(timeout, "slow")
check(chat, "smollm2", max_tokens=16)
check(stream, "smollm2", max_tokens=16)
check(abort, "smollm2")
check(tools, "smollm2")
