"""langchain-openai behind Penstock: what its user sees, one JSON line for each check."""

import json
import sys
from itertools import islice

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import APIError

question = [HumanMessage("Tell me a long story about a lighthouse.")]


@tool
def get_weather(city: str) -> str:
    """Says how warm it is in a city."""
    return "21 degrees"


def llm(model, **more):
    return ChatOpenAI(model=model, temperature=0, max_retries=0, **more)  # OPENAI_BASE_URL is Penstock's address and /v1


def chat(seen, model, **more):
    answer = llm(model, **more).invoke(question)
    seen["text"] = answer.text
    seen["finish"] = answer.response_metadata["finish_reason"]
    seen["tokens"] = answer.usage_metadata["total_tokens"]


def stream(seen, model, **more):
    for chunk in llm(model, stream_usage=True, **more).stream(question):
        seen["text"] = seen.get("text", "") + chunk.text
        seen["finish"] = seen.get("finish") or chunk.response_metadata.get("finish_reason")
        if chunk.usage_metadata:
            seen["tokens"] = chunk.usage_metadata["total_tokens"]


def tools(seen, model):
    model = llm(model).bind_tools([get_weather])
    answer_calls(seen, model, model.invoke(question))


def stream_tools(seen, model):
    model = llm(model).bind_tools([get_weather])
    message = None
    for chunk in model.stream(question):
        message = chunk if message is None else message + chunk
    answer_calls(seen, model, message)


def answer_calls(seen, model, message):
    seen["calls"] = [call["name"] + " " + call["args"]["city"] for call in message.tool_calls]
    results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in message.tool_calls]
    seen["text"] = model.invoke([*question, message, *results]).text


def respond(seen, model):
    answer = llm(model, use_responses_api=True).invoke(question)
    seen["text"] = answer.text
    seen["finish"] = answer.response_metadata["status"]
    seen["tokens"] = answer.usage_metadata["total_tokens"]


def stream_respond(seen, model):
    for chunk in llm(model, use_responses_api=True).stream(question):
        seen["text"] = seen.get("text", "") + chunk.text
        seen["finish"] = seen.get("finish") or chunk.response_metadata.get("status")
        if chunk.usage_metadata:
            seen["tokens"] = chunk.usage_metadata["total_tokens"]


def embed(seen, model):
    embeddings = OpenAIEmbeddings(model=model, check_embedding_ctx_length=False)  # else it sends tokens, not text
    seen["vectors"] = embeddings.embed_documents(["one", "two"])


def abort(seen, model):
    for _ in islice(llm(model).stream(question), 3):
        pass


def timeout(seen, model):
    llm(model, timeout=0.5).invoke(question)


def check(verb, model, **more):
    seen = {"check": f"{verb.__name__} {model}"}
    try:
        verb(seen, model, **more)
    except APIError as e:
        seen["error"] = type(e).__name__
        seen["status"] = getattr(e, "status_code", None)
        seen["code"] = e.code
        if seen["status"] == 429:
            seen["retry_after"] = e.response.headers["Retry-After"]
    except ValueError as e:  # what becomes of an error event among the events of /v1/responses
        seen["error"] = type(e).__name__
        seen["code"] = str(e).partition(":")[0]
    print(json.dumps(seen), flush=True)
    if verb in (abort, timeout):
        sys.stdin.readline()  # until the upstream has noticed: this program's end would end its request too


check(chat, "plain")
check(stream, "plain")
check(stream, "patient")
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
