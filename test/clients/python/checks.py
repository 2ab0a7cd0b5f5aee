"""What the programs of this folder share: the checks in their order, and one JSON line for each."""

import json
import sys

plan = [
    ("models", "plain"),
    ("chat", "plain"),
    ("stream", "plain"),
    ("stream", "patient"),
    ("think", "thinks"),
    ("tools", "tools"),
    ("stream_tools", "tools"),
    ("respond", "plain"),
    ("stream_respond", "plain"),
    ("embed", "plain"),
    ("calls", "tools"),
    ("extract", "forms"),
    ("stream_extract", "forms"),
    *[("chat", model) for model in ["refuses", "missing", "busy", "locked", "broken", "down", "cut", "torn"]],
    *[("stream", model) for model in ["refuses", "busy", "down", "silent", "late", "cut", "stalls"]],
    ("stream_tools", "halts"),
    ("respond", "refuses"),
    *[("stream_respond", model) for model in ["refuses", "late", "cut"]],
    ("extract", "refuses"),
    ("extract", "cut"),
    ("stream_extract", "refuses"),
    ("stream_extract", "halfform"),
    ("abort", "endless"),
    ("timeout", "slow"),
    ("chat", "smollm2"),
    ("stream", "smollm2"),
    ("respond", "smollm2"),
    ("stream_respond", "smollm2"),
    ("extras", "smollm2"),
    ("abort", "smollm2"),
    ("tools", "smollm2"),
    ("calls", "smollm2"),
]


def run(*verbs, describe, lacks=()):
    """Runs each check that has its verb, but those it lacks. A verb gets the observation that it completes, and the model;
    describe completes that of an error, which the client has raised, and returns False for another's."""
    by_name = {verb.__name__: verb for verb in verbs}
    for name, model in plan:
        if name in by_name and f"{name} {model}" not in lacks:
            check(by_name[name], model, describe)


def check(verb, model, describe):
    observation = {"check": f"{verb.__name__} {model}"}
    try:
        verb(observation, model)
    except Exception as e:
        observation["error"] = type(e).__name__
        observation["message"] = observation.get("message", "") + str(e)
        if describe(observation, e) is False:
            raise
    print(json.dumps(observation), flush=True)
    if verb.__name__ in ("abort", "timeout"):
        sys.stdin.readline()  # until the upstream has noticed the disconnect, which this program's exit would cause too


def limit(model):
    """Returns how many tokens a check requests: few of the local model, which is slow."""
    return 16 if model == "smollm2" else None


def add(observation, text):
    observation["text"] = observation.get("text", "") + (text or "")
