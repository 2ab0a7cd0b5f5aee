"""langchain-openai behind Penstock: what its user observes, one JSON line for each check."""

import re
from itertools import islice

from checks import add, limit, run
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import APIError

request = [HumanMessage("Tell me a long story about a lighthouse.")]


@tool
def get_weather(city: str) -> str:
    """Returns the temperature in a city."""
    return "21 degrees"


def llm(model, **more):  # OPENAI_BASE_URL is Penstock's address and /v1
    return ChatOpenAI(model=model, temperature=0, max_retries=0, max_tokens=limit(model), **more)


def chat(observation, model):
    response = llm(model).invoke(request)
    observation["text"] = response.text
    observation["finish"] = response.response_metadata["finish_reason"]
    observation["tokens"] = response.usage_metadata["total_tokens"]


def stream(observation, model):
    for chunk in llm(model, stream_usage=True).stream(request):
        add(observation, chunk.text)
        observation["finish"] = observation.get("finish") or chunk.response_metadata.get("finish_reason")
        if chunk.usage_metadata:
            observation["tokens"] = chunk.usage_metadata["total_tokens"]


def tools(observation, model):
    model = llm(model).bind_tools([get_weather])
    send_results(observation, model, model.invoke(request))


def stream_tools(observation, model):
    model = llm(model).bind_tools([get_weather])
    message = None
    for chunk in model.stream(request):
        message = chunk if message is None else message + chunk
    send_results(observation, model, message)


def send_results(observation, model, message):
    observation["calls"] = [call["name"] + " " + call["args"]["city"] for call in message.tool_calls]
    results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in message.tool_calls]
    observation["text"] = model.invoke([*request, message, *results]).text


def respond(observation, model):
    response = llm(model, use_responses_api=True).invoke(request)
    observation["text"] = response.text
    observation["finish"] = response.response_metadata["status"]
    observation["tokens"] = response.usage_metadata["total_tokens"]


def stream_respond(observation, model):
    for chunk in llm(model, use_responses_api=True).stream(request):
        add(observation, chunk.text)
        observation["finish"] = observation.get("finish") or chunk.response_metadata.get("status")
        if chunk.usage_metadata:
            observation["tokens"] = chunk.usage_metadata["total_tokens"]


def embed(observation, model):
    embeddings = OpenAIEmbeddings(model=model, check_embedding_ctx_length=False)  # else it sends tokens, not text
    observation["vectors"] = embeddings.embed_documents(["one", "two"])


def abort(observation, model):
    for _ in islice(llm(model).stream(request), 3):
        pass


def timeout(observation, model):
    llm(model, timeout=0.5).invoke(request)


def describe(observation, e):
    if isinstance(e, ValueError):  # raised for a failed stream of /v1/responses
        observation["code"] = re.search("code='(\\w+)", str(e))[1]
        return None
    if not isinstance(e, APIError):
        return False
    observation["status"] = getattr(e, "status_code", None)
    observation["code"] = e.code
    if observation["status"] == 429:
        observation["retry_after"] = e.response.headers["Retry-After"]


run(chat, stream, tools, stream_tools, respond, stream_respond, embed, abort, timeout, describe=describe)
