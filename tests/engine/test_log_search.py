"""Words found in what sessions showed."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroworkflow_agent.engine.event_log import EventLog, log_path
from neuroworkflow_agent.engine.log_search import search_logs
from neuroworkflow_agent.events import TextDelta, TurnStart
from neuroworkflow_agent.ids import SessionId, TurnId


async def write(name: str, prompt: str, *pieces: str) -> None:
    log = EventLog(SessionId(name), str)
    log.add(TurnId("1"), TurnStart(TurnId("1"), prompt))
    for piece in pieces:
        log.add(TurnId("1"), TextDelta(piece))
        await log.flush()


async def test_messages_and_answers_are_found_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    await write("one", "What is the Firing Rate?", "It is the fir", "ing rate in Hz.")
    await write("two", "Nothing of that.", "x" * 200 + " a firing\u202e rate")
    await write("three", "Other.")
    with log_path("three").open("ab") as file:
        file.write(b"\xff{broken\n")
    found = search_logs(["one", "two", "three", "gone", "../etc"], "FIRING rate")
    assert found == {"one": "It is the firing rate in Hz."}
    assert search_logs(["two"], "a firing")["two"] == "…" + "x" * 59 + " a firing\\u202e rate"
    assert search_logs(["one"], "hz", time_s=-1) == {}
