"""instructor behind Penstock: what its user observes, one JSON line for each check."""

from collections.abc import Iterable

import instructor
from checks import run
from instructor.core.exceptions import InstructorError
from openai import OpenAI
from pydantic import BaseModel

request = [{"role": "user", "content": "Tell me a long story about a lighthouse."}]


class get_weather(BaseModel):  # noqa: N801: a call has this name
    city: str


def client(mode=instructor.Mode.TOOLS, **more):  # OPENAI_BASE_URL is Penstock's address and /v1
    return instructor.from_openai(OpenAI(max_retries=0, **more), mode=mode)


def extract(observation, model):
    result = client(instructor.Mode.JSON).create(model=model, messages=request, response_model=get_weather, max_retries=0)
    observation["text"] = result.city


def stream_extract(observation, model):
    parts = client(instructor.Mode.JSON).create_partial(model=model, messages=request, response_model=get_weather, max_retries=0)
    for part in parts:
        observation["text"] = part.city


def calls(observation, model):
    parallel = client(instructor.Mode.PARALLEL_TOOLS)
    made = parallel.create(model=model, messages=request, response_model=Iterable[get_weather], max_retries=0)
    observation["calls"] = ["get_weather " + call.city for call in made]


def timeout(observation, model):
    client(timeout=0.5).create(model=model, messages=request, response_model=get_weather, max_retries=0)


def describe(observation, e):
    if not isinstance(e, InstructorError) and not hasattr(e, "code"):
        return False
    cause = e
    while cause is not None:
        if hasattr(cause, "code"):
            observation["status"] = getattr(cause, "status_code", None)
            observation["code"] = cause.code
        cause = cause.__cause__


run(calls, extract, stream_extract, timeout, describe=describe)
