"""A `claude` executable that misbehaves on purpose; for faults the real CLI cannot be made to have.

`write_fake_claude` writes a Python script that speaks just enough of the CLI's control protocol. POSIX
only: it is started through its shebang line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Literal, TypeAlias

Fault: TypeAlias = Literal["die", "hang", "garbage", "broken_json", "die_at_start", "no_initialize", "ok"]

_SCRIPT = r"""
import json, os, signal, sys, time
HERE = os.path.dirname(os.path.abspath(__file__))
STARTS = os.path.join(HERE, "starts.jsonl")
FAULTS = json.loads(@FAULTS@)
with open(STARTS, "a") as starts:
    starts.write(json.dumps(sys.argv[1:]) + "\n")
with open(STARTS) as starts:
    number = sum(1 for _ in starts)
fault = FAULTS[min(number, len(FAULTS)) - 1]

def out(**message):
    sys.stdout.write(json.dumps({"session_id": "s", "uuid": "u", **message}) + "\n")
    sys.stdout.flush()

def delta(text):
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    out(type="stream_event", event=event)

if fault == "die_at_start":
    sys.stderr.write("cannot start today\n")
    sys.exit(3)
if fault == "hang":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "control_request":
        if fault in ("no_initialize", "hang") and (fault != "hang" or message["request"]["subtype"] != "initialize"):
            continue
        response = {"subtype": "success", "request_id": message["request_id"],
                    "response": {"commands": [], "hook_on_failure_supported": True}}
        out(type="control_response", response=response)
    elif message["type"] == "user":
        out(type="system", subtype="init")
        delta("begun ")
        if fault == "die":
            sys.stderr.write("something broke\n")
            sys.exit(7)
        if fault == "hang":
            time.sleep(3600)
        if fault == "garbage":
            sys.stdout.write("[debug] not a message\n\x00\xff not one either\n")
        if fault == "broken_json":
            sys.stdout.write('{"type": "assistant", broken\n')
            sys.stdout.flush()
            continue
        delta("fine")
        out(type="result", subtype="success", duration_ms=1, duration_api_ms=1, is_error=False, num_turns=1,
            result="fine", total_cost_usd=0.0, usage={})
"""


def write_fake_claude(directory: Path, *faults: Fault) -> Path:
    """Write the executable; its first start has the first fault, and so on, the last one for all after.

    Parameters
    ----------
    directory
        Where to write it; also holds what `starts_of` reads.
    *faults
        `die` mid-turn; `hang` mid-turn, deaf to everything but SIGKILL; `garbage` lines between messages;
        `broken_json`, a message that is none; `die_at_start`; `no_initialize`, deaf from the beginning;
        `ok`.
    """
    path = directory / "claude"
    script = _SCRIPT.replace("@FAULTS@", repr(json.dumps(faults)))
    path.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


def starts_of(fake_claude: Path) -> list[list[str]]:
    """The arguments of each start so far."""
    log = fake_claude.with_name("starts.jsonl")
    lines: list[Any] = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [json.loads(line) for line in lines]
