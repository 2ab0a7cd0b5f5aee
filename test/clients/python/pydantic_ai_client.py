"""pydantic-ai behind Penstock: what its user observes, one JSON line for each check."""

import asyncio

from checks import add, limit, run
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError
from pydantic_ai.messages import ThinkingPart, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

request = "Tell me a long story about a lighthouse."


def get_weather(city: str) -> str:
    """Returns the temperature in a city."""
    return "21 degrees"


def agent(model, kind=OpenAIChatModel, tools=(), **settings):
    provider = OpenAIProvider(openai_client=AsyncOpenAI(max_retries=0))  # OPENAI_BASE_URL is Penstock's address and /v1
    if limit(model):
        settings["max_tokens"] = limit(model)
    return Agent(kind(model, provider=provider), tools=tools, model_settings=settings)


def keep(observation, result):
    observation["text"] = getattr(result, "output", observation.get("text"))
    observation["finish"] = result.response.finish_reason
    observation["tokens"] = result.usage.total_tokens


def chat(observation, model):
    keep(observation, agent(model, temperature=0).run_sync(request))


async def follow(observation, agent, stop=None):
    async with agent.run_stream(request) as result:
        n = 0
        async for text in result.stream_text(delta=True, debounce_by=None):
            add(observation, text)
            n += 1
            if n == stop:
                return None
    return result


def stream(observation, model):
    keep(observation, asyncio.run(follow(observation, agent(model))))


def think(observation, model):
    for part in asyncio.run(follow({}, agent(model))).response.parts:
        observation["thought" if isinstance(part, ThinkingPart) else "text"] = part.content


def keep_calls(observation, messages):
    parts = [part for message in messages for part in message.parts if isinstance(part, ToolCallPart)]
    observation["calls"] = [part.tool_name + " " + part.args_as_dict()["city"] for part in parts]


def tools(observation, model):
    result = agent(model, tools=[get_weather]).run_sync(request)
    keep_calls(observation, result.new_messages())
    observation["text"] = result.output


def stream_tools(observation, model):
    result = asyncio.run(follow(observation, agent(model, tools=[get_weather])))
    keep_calls(observation, result.new_messages())


def respond(observation, model):
    keep(observation, agent(model, OpenAIResponsesModel).run_sync(request))


def stream_respond(observation, model):
    keep(observation, asyncio.run(follow(observation, agent(model, OpenAIResponsesModel))))


def abort(observation, model):
    asyncio.run(follow({}, agent(model), stop=3))


def timeout(observation, model):
    agent(model, timeout=0.5).run_sync(request)


def describe(observation, e):
    if isinstance(e, ModelHTTPError):
        observation["status"] = None if e.in_stream else e.status_code
        observation["code"] = (e.body or {}).get("code")
        if e.status_code == 429:
            observation["retry_after"] = e.headers["retry-after"]
    elif isinstance(e, ModelAPIError):
        code, found, _ = str(e).partition(": ")  # of an error event in a stream of /v1/responses
        observation["code"] = code if found else None
    else:
        return False


run(chat, stream, think, tools, stream_tools, respond, stream_respond, abort, timeout, describe=describe)
