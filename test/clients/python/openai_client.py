"""OpenAI's Python package behind Penstock: what its user observes, one JSON line for each check."""

import json
from itertools import islice

import httpx
from checks import add, limit, run
from openai import APIError, OpenAI, omit

client = OpenAI(max_retries=0)  # OPENAI_BASE_URL is Penstock's address and /v1
request = [{"role": "user", "content": "Tell me a long story about a lighthouse."}]
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def chat(observation, model):
    tokens = limit(model) or omit
    response = client.chat.completions.create(model=model, messages=request, temperature=0, max_tokens=tokens)
    observation["text"] = response.choices[0].message.content
    observation["finish"] = response.choices[0].finish_reason
    observation["tokens"] = response.usage.total_tokens


def stream(observation, model):
    for chunk in client.chat.completions.create(
        model=model,
        messages=request,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=limit(model) or omit,
    ):
        for choice in chunk.choices:
            add(observation, choice.delta.content)
            observation["finish"] = choice.finish_reason
        if chunk.usage:
            observation["tokens"] = chunk.usage.total_tokens


def think(observation, model):
    for chunk in client.chat.completions.create(model=model, messages=request, stream=True):
        for choice in chunk.choices:
            thought = getattr(choice.delta, "reasoning_content", None)  # no field of OpenAI's own
            observation["thought"] = observation.get("thought", "") + (thought or "")
            add(observation, choice.delta.content)


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
    response = client.responses.create(model=model, input=request, max_output_tokens=limit(model) or omit)
    observation.update(text=response.output_text, finish=response.status, tokens=response.usage.total_tokens)


def stream_respond(observation, model):
    tokens = limit(model) or omit
    for event in client.responses.create(model=model, input=request, max_output_tokens=tokens, stream=True):
        if event.type == "response.output_text.delta":
            add(observation, event.delta)
        if event.type in ("response.completed", "response.incomplete"):
            observation.update(finish=event.response.status, tokens=event.response.usage.total_tokens)
        if event.type == "response.failed":
            observation.update(code=event.response.error.code, message=event.response.error.message)
        if event.type == "error":
            observation.update(code=event.code, message=event.message)


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


def extras(observation, model):
    response = client.chat.completions.with_raw_response.create(
        model=model,
        messages=request,
        max_tokens=16,
        user="someone",
        metadata={"purpose": "test"},
        store=False,
        service_tier="auto",
        prompt_cache_key="lighthouse",
        extra_body={"chat_template_kwargs": {"enable_thinking": False}},
    )
    observation["ignored"] = response.headers.get("X-Penstock-Ignored")
    observation["text"] = response.parse().choices[0].message.content


def describe(observation, e):
    if isinstance(e, httpx.HTTPError):  # raised by 2.30 for a body that was cut
        return None
    if not isinstance(e, APIError):
        return False
    observation["status"] = getattr(e, "status_code", None)
    observation["code"] = e.code or observation.get("code")
    if observation["status"] == 429:
        observation["retry_after"] = e.response.headers["Retry-After"]


verbs = [chat, stream, think, tools, stream_tools, respond, stream_respond, embed, models, abort, timeout, extras]
run(*verbs, describe=describe)
