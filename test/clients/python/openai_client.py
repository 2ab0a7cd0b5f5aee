"""OpenAI's Python package behind Penstock: what its user observes, one JSON line for each check."""

import json
import sys
from itertools import islice

from openai import APIError, OpenAI

client = OpenAI(max_retries=0)  # OPENAI_BASE_URL is Penstock's address and /v1
request = [{"role": "user", "content": "Tell me a long story about a lighthouse."}]
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def chat(observation, model, **more):
    response = client.chat.completions.create(model=model, messages=request, temperature=0, **more)
    observation["text"] = response.choices[0].message.content
    observation["finish"] = response.choices[0].finish_reason
    observation["tokens"] = response.usage.total_tokens


def stream(observation, model, **more):
    for chunk in client.chat.completions.create(
        model=model,
        messages=request,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        **more,
    ):
        for choice in chunk.choices:
            observation["text"] = observation.get("text", "") + (choice.delta.content or "")
            observation["finish"] = choice.finish_reason
        if chunk.usage:
            observation["tokens"] = chunk.usage.total_tokens


def think(observation, model):
    for chunk in client.chat.completions.create(model=model, messages=request, stream=True):
        for choice in chunk.choices:
            thought = getattr(choice.delta, "reasoning_content", None)  # no field of OpenAI's own
            observation["thought"] = observation.get("thought", "") + (thought or "")
            observation["text"] = observation.get("text", "") + (choice.delta.content or "")


def tools(observation, model):
    messages = list(request)
    message = client.chat.completions.create(model=model, messages=messages, tools=[weather]).choices[0].message
    messages.append(message)
    send_results(observation, messages, message.tool_calls)
    observation["text"] = client.chat.completions.create(model=model, messages=messages).choices[0].message.content


def stream_tools(observation, model):
    messages = list(request)
    with client.chat.completions.stream(model=model, messages=messages, tools=[weather]) as events:
        message = events.get_final_completion().choices[0].message
    messages.append(message)
    send_results(observation, messages, message.tool_calls)
    observation["text"] = client.chat.completions.create(model=model, messages=messages).choices[0].message.content


def send_results(observation, messages, calls):
    observation["calls"] = [call.function.name + " " + json.loads(call.function.arguments)["city"] for call in calls]
    for call in calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "21 degrees"})


def respond(observation, model):
    response = client.responses.create(model=model, input="Say hello.")
    observation.update(text=response.output_text, finish=response.status, tokens=response.usage.total_tokens)


def stream_respond(observation, model):
    for event in client.responses.create(model=model, input="Say hello.", stream=True):
        if event.type == "response.output_text.delta":
            observation["text"] = observation.get("text", "") + event.delta
        if event.type == "response.completed":
            observation.update(finish=event.response.status, tokens=event.response.usage.total_tokens)
        if event.type == "error":
            observation["code"] = event.code


def embed(observation, model):
    response = client.embeddings.create(model=model, input=["one", "two"])
    observation["vectors"] = [row.embedding for row in response.data]


def models(observation, model):
    observation["text"] = client.models.retrieve(model).id
    assert model in [m.id for m in client.models.list()]


def abort(observation, model):
    with client.chat.completions.create(model=model, messages=request, temperature=0, stream=True) as chunks:
        for _ in islice(chunks, 3):
            pass


def timeout(observation, model):
    client.with_options(timeout=0.5).chat.completions.create(model=model, messages=request)


def check(verb, model, **more):
    observation = {"check": f"{verb.__name__} {model}"}
    try:
        verb(observation, model, **more)
    except APIError as e:
        observation["error"] = type(e).__name__
        observation["status"] = getattr(e, "status_code", None)
        observation["code"] = e.code or observation.get("code")
        if observation["status"] == 429:
            observation["retry_after"] = e.response.headers["Retry-After"]
    print(json.dumps(observation), flush=True)
    if verb in (abort, timeout):
        sys.stdin.readline()  # until the upstream has noticed the disconnect, which this program's exit would cause too


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
