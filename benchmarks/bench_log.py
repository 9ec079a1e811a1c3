"""What it costs to keep what a session shows: on the engine's thread, and in the background."""

from __future__ import annotations

import asyncio
import base64
import os
import statistics
import tempfile
from time import perf_counter

from benchmarks.rows import Row
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.event_log import EventLog
from neuroworkflow_agent.events import CellOutput, Event, TextDelta, ToolResult, ToolUse, TurnEnd, TurnStart
from neuroworkflow_agent.ids import SessionId, ToolUseId, TurnId
from neuroworkflow_agent.outputs import stream
from neuroworkflow_agent.text import redact

_TURN, _SESSION, _CALL = TurnId("turn"), SessionId("measured"), ToolUseId("call")
_ROUNDS = 7


def rows() -> list[Row]:
    """A turn with much text, a hundred calls with outputs, and a figure in each tenth."""
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(XDG_STATE_HOME=home, ANTHROPIC_API_KEY="sk-measured-0000000000")
        config = AgentConfig.from_env(workspace=home)
        measured = [asyncio.run(_measure(config)) for _ in range(_ROUNDS)]
    added, written = (statistics.median(ms) for ms in zip(*measured, strict=True))
    return [
        Row("event log, an event on the engine's thread", f"{added:.3f} ms", "<= 1 ms", added <= 1),
        Row("  written in the background", f"{written:.3f} ms", "<= 1 ms", written <= 1),
    ]


async def _measure(config: AgentConfig) -> tuple[float, float]:
    """Milliseconds an event takes to be added, and to be written."""
    log, events = EventLog(_SESSION, lambda text: redact(text, config.secrets)), _events()
    started = perf_counter()
    for event in events:
        log.add(_TURN, event)
    added = perf_counter()
    await log.flush()
    return (added - started) * 1000 / len(events), (perf_counter() - added) * 1000 / len(events)


def _events() -> list[Event]:
    figure = base64.b64encode(os.urandom(60_000)).decode()
    drawn = {"output_type": "display_data", "data": {"image/png": figure}, "metadata": {}}
    events: list[Event] = [TurnStart(_TURN, "Measure")]
    for number in range(100):
        events += [TextDelta("some words ") for _ in range(20)]
        events += [ToolUse(_CALL, "run_code", {"code": "x = 1\n" * 30})]
        events += [CellOutput(_CALL, stream("stdout", f"line {line}\n")) for line in range(20)]
        if number % 10 == 0:
            events += [CellOutput(_CALL, {"op": "append", "output": drawn, "display_id": None})]
        events += [ToolResult(_CALL, "line\n" * 20, False)]
    return [*events, TurnEnd(_TURN, "complete", "", _SESSION, 1.0)]
