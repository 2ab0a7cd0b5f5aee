"""OpenAI's Codex behind Penstock: python codex_exec.py URL CODEX

It ends with an exception if anything is not as it must be.
"""

import json
import os
import subprocess
import sys

url, codex = sys.argv[1:3]
provider = f'{{name="Penstock", base_url="{url}/v1", env_key="OPENAI_API_KEY", wire_api="responses", request_max_retries=0, stream_max_retries=0}}'
os.environ["CODEX_HOME"] = os.path.join(os.getcwd(), "codex")
os.mkdir(os.environ["CODEX_HOME"])


def execute(model):
    settings = ["-c", f"model_providers.penstock={provider}", "-c", "model_provider=penstock", "-m", model]
    command = [codex, "exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only", *settings, "Say hello."]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    print(result.stdout, result.stderr, sep="\n")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def texts(events):
    return [e["item"]["text"] for e in events if e["type"] == "item.completed" and e["item"]["type"] == "agent_message"]


events = execute("plain")
assert texts(events) == ["hello"], events
assert events[-1]["type"] == "turn.completed" and events[-1]["usage"]["output_tokens"] == 1, events

events = execute("refuses")
assert events[-1]["type"] == "turn.failed", events
assert "context" in events[-1]["error"]["message"], events

# Codex shows the message of response.failed only if the connection then ends cleanly, which that of
# an incomplete response never does: its user sees that the stream was cut.
events = execute("cut")
assert events[-1]["type"] == "turn.failed", events
assert "stream disconnected before completion" in events[-1]["error"]["message"], events
print("OK")
