"""OpenAI's Agents SDK behind Penstock: what its user observes, one JSON line for each check."""

import asyncio
import json
import re

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from agents.exceptions import ModelBehaviorError
from checks import add, limit, run
from openai import APIError, AsyncOpenAI

set_tracing_disabled(True)
request = "Tell me a long story about a lighthouse."


@function_tool
def get_weather(city: str) -> str:
    """Returns the temperature in a city."""
    return "21 degrees"


def agent(model, kind=OpenAIChatCompletionsModel, tools=(), timeout=None):
    client = AsyncOpenAI(max_retries=0, timeout=timeout)  # OPENAI_BASE_URL is Penstock's address and /v1
    settings = ModelSettings(max_tokens=limit(model), include_usage=True)
    return Agent(name="storyteller", model=kind(model, openai_client=client), tools=list(tools), model_settings=settings)


def keep(observation, result):
    observation["text"] = result.final_output
    observation["tokens"] = sum(response.usage.total_tokens for response in result.raw_responses)


def chat(observation, model):
    keep(observation, Runner.run_sync(agent(model), request))


async def follow(observation, agent, stop=None):
    result = Runner.run_streamed(agent, request)
    n = 0
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            add(observation, event.data.delta)
            n += 1
            if n == stop:
                result.cancel()
    return result


def stream(observation, model):
    keep(observation, asyncio.run(follow(observation, agent(model))))


def keep_calls(observation, result):
    calls = [item.raw_item for item in result.new_items if item.type == "tool_call_item"]
    observation["calls"] = [call.name + " " + json.loads(call.arguments)["city"] for call in calls]


def tools(observation, model):
    result = Runner.run_sync(agent(model, tools=[get_weather]), request)
    keep_calls(observation, result)
    observation["text"] = result.final_output


def stream_tools(observation, model):
    keep_calls(observation, asyncio.run(follow(observation, agent(model, tools=[get_weather]))))


def respond(observation, model):
    keep(observation, Runner.run_sync(agent(model, OpenAIResponsesModel), request))


def stream_respond(observation, model):
    keep(observation, asyncio.run(follow(observation, agent(model, OpenAIResponsesModel))))


def abort(observation, model):
    asyncio.run(follow({}, agent(model), stop=3))


def timeout(observation, model):
    Runner.run_sync(agent(model, timeout=0.5), request)


def describe(observation, e):
    if isinstance(e, APIError):
        observation["status"] = getattr(e, "status_code", None)
        observation["code"] = e.code
        if observation["status"] == 429:
            observation["retry_after"] = e.response.headers["Retry-After"]
        return None
    if not isinstance(e, ModelBehaviorError):
        return False
    observation["code"] = re.search("code='?(\\w+)", str(e))[1]  # of a failed stream of /v1/responses


lacks = ["respond smollm2", "stream_respond smollm2"]  # a response that ends at max_tokens is an error for it
run(chat, stream, tools, stream_tools, respond, stream_respond, abort, timeout, describe=describe, lacks=lacks)
