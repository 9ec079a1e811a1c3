"""A run's answers as a script."""

from __future__ import annotations

import json

import pytest

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.events import Event, TextDelta, ThinkingDelta, ToolResult, ToolUse
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.models.scripted.replies import Reply, Text, Thinking, ToolCall, replies_from_json
from neuroworkflow_agent.runs.replaying import script_of


def test_messages_end_where_tools_are_answered() -> None:
    one, two, three = ToolUseId("1"), ToolUseId("2"), ToolUseId("3")
    events: list[Event] = [
        ThinkingDelta("Hm"), ThinkingDelta("m."), TextDelta("I "), TextDelta("look."),
        ToolUse(one, "run_code", {"code": "x"}), ToolUse(two, "Read", {"file_path": "a"}),
        ToolResult(one, "1", is_error=False), ToolResult(two, "a", is_error=False),
        ToolUse(three, "atlas:find", {}), ToolResult(three, "", is_error=True), TextDelta("Done."),
    ]  # fmt: skip
    assert replies_from_json(json.dumps(script_of(events))) == [
        Reply((Thinking("Hmm."), Text("I look."), ToolCall("mcp__neuroworkflow__run_code", {"code": "x"}), ToolCall("Read", {"file_path": "a"}))),
        Reply((ToolCall("mcp__atlas__find"),)),
        Reply((Text("Done."),)),
    ]  # fmt: skip


def test_answer_that_was_cut_gets_an_end() -> None:
    assert script_of([ToolUse(ToolUseId("1"), "run_code", {"code": "x"})])[-1] == [
        {"text": "The recording ends here."}
    ]
    with pytest.raises(RunError, match="no answer"):
        script_of([])
