"""The agent as acplint 0.1.0 can read it: a process between the two, which says the protocol's words otherwise.

The linter has other words for some things than the protocol's schema (https://agentclientprotocol.com/protocol/schema, version 1), where
`protocolVersion` is an integer, an update's `sessionUpdate` is in snake case, an option has a `name` and no `label`, and what is
said in `session/prompt` is its `prompt`.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from typing import Any


def to_linter(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("method") == "session/update":
        update = message["params"]["update"]
        update["sessionUpdate"] = re.sub("_(.)", lambda found: found[1].upper(), update["sessionUpdate"])
    if isinstance(result := message.get("result"), dict):
        if "protocolVersion" in result:
            result["protocolVersion"] = str(result["protocolVersion"])
        for option in result.get("configOptions") or ():
            option["label"] = option["name"]
    return message


def to_agent(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("method") == "initialize":
        message["params"]["protocolVersion"] = int(message["params"]["protocolVersion"])
    if message.get("method") == "session/prompt" and "content" in message["params"]:
        message["params"]["prompt"] = message["params"].pop("content")
    return message


def main() -> None:
    command = [sys.executable, "-m", "neuroworkflow_agent", "acp"]
    agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert agent.stdin is not None
    assert agent.stdout is not None
    signal.signal(signal.SIGTERM, lambda *_: agent.terminate())
    threading.Thread(target=hand_on_input, args=(agent.stdin,), daemon=True).start()
    for line in agent.stdout:
        print(json.dumps(to_linter(json.loads(line))), flush=True)
    sys.exit(agent.wait())


def hand_on_input(agent: Any) -> None:
    with agent:
        for line in sys.stdin:
            print(json.dumps(to_agent(json.loads(line))), file=agent, flush=True)


if __name__ == "__main__":
    main()
