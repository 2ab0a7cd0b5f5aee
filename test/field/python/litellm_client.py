"""litellm's SDK behind Penstock. It ends with an exception if anything is not as it must be."""

import os

import litellm

litellm.num_retries = 0
litellm.telemetry = False
address = os.environ["OPENAI_BASE_URL"]
messages = [{"role": "user", "content": "Tell me a long story about a lighthouse."}]
weather = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


def complete(model, provider="openai", **more):
    return litellm.completion(f"{provider}/{model}", messages=messages, api_base=address, api_key="unused", **more)


def collect(chunks):
    chunks = list(chunks)
    return litellm.stream_chunk_builder(chunks, messages=messages)


def raises(error, part, act):
    try:
        act()
    except error as e:
        assert part in str(e), e
    else:
        raise AssertionError(f"no {error.__name__}")


# An answer in one piece and in chunks, with its usage.
answer = complete("plain")
assert answer.choices[0].message.content == "hello" and answer.usage.total_tokens > 0, answer
answer = collect(complete("plain", stream=True, stream_options={"include_usage": True}))
assert len(answer.choices[0].message.content.split()) == 60 and answer.usage.total_tokens > 0, answer
for provider in ["hosted_vllm", "litellm_proxy"]:
    assert complete("plain", provider).choices[0].message.content == "hello"

# Calls of tools.
for answer in [complete("tools", tools=[weather]), collect(complete("tools", tools=[weather], stream=True))]:
    calls = answer.choices[0].message.tool_calls
    assert [c.function.arguments for c in calls] == ['{"city":"Paris"}', '{"city":"London"}'], calls

# Errors, with their messages; a stream that was cut is none that has ended.
raises(litellm.BadRequestError, "this is context_length_exceeded", lambda: complete("refuses"))
raises(litellm.BadRequestError, "this is context_length_exceeded", lambda: list(complete("refuses", stream=True)))
raises(litellm.NotFoundError, "there is no model", lambda: complete("missing"))
raises(Exception, "before it was complete", lambda: list(complete("cut", stream=True)))


# /v1/responses.
def respond(model, **more):
    return litellm.responses(model=f"openai/{model}", input="Say hello.", api_base=address, api_key="unused", **more)


assert respond("plain").output_text == "hello"
events = list(respond("plain", stream=True))
assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "hello", events
assert events[-1].type == "response.completed", events
raises(litellm.BadRequestError, "this is context_length_exceeded", lambda: respond("refuses"))

# The local model, with parameters that cannot change its answer.
answer = complete("smollm2", max_tokens=8, user="someone", extra_body={"metadata": {"a": "b"}, "cache_prompt": True})
assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 8, answer
answer = collect(complete("smollm2", max_tokens=8, stream=True, stream_options={"include_usage": True}))
assert answer.usage.completion_tokens == 8, answer
raises(litellm.BadRequestError, "tools", lambda: complete("smollm2", tools=[weather]))
print("OK")
