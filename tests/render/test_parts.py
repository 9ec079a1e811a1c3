"""Headings of tool cards, and the closing line."""

from __future__ import annotations

from typing import Any

import pytest

from neuroworkflow_agent.events import TurnEnd
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.render.parts import tool_card, turn_end


@pytest.mark.parametrize(
    ("name", "given", "title"),
    [
        ("check_node", {"paths": ["nodes", "X.py"]}, "Check nodes nodes X.py"),
        ("check_node", {"paths": ["X.py"], "run": True}, "Check and run nodes X.py"),
        ("check_node", {}, "Check nodes"),
        ("list_nodes", {"paths": "nodes"}, "List nodes nodes"),
        ("check_connection", {"output": "A.x", "input": "B.y"}, "Check A.x → B.y"),
        ("check_workflow", {"path": "flow.py"}, "Check workflow flow.py"),
        ("check_workflow", {"path": "a\x1b[31m\nb"}, "Check workflow a b"),
        ("Read", {"file_path": "notes.md"}, "Read notes.md"),
    ],
)
def test_heading_says_what_happens(name: str, given: dict[str, Any], title: str) -> None:
    card = tool_card(name, given)
    assert (card.title, card.html) == (title, "")


def test_closing_line_names_the_check() -> None:
    end = TurnEnd(TurnId("t"), "complete", "", None, 2.0, checked="checked: 0 errors, 1 warning")
    assert turn_end(end).text == "complete · 2.0 s · checked: 0 errors, 1 warning"


@pytest.mark.parametrize(
    ("tokens", "window", "line"),
    [
        (24_000, 200_000, "complete · 2.0 s · context 12 %"),
        (900, 200_000, "complete · 2.0 s"),
        (24_000, None, "complete · 2.0 s"),
    ],
)
def test_closing_line_says_how_full_the_context_is(tokens: int, window: int | None, line: str) -> None:
    end = TurnEnd(TurnId("t"), "complete", "", None, 2.0, context_tokens=tokens, context_window=window)
    assert turn_end(end).text == line


def test_closing_line_leaves_it_to_the_error_below_that_the_turn_was_stopped() -> None:
    end = TurnEnd(TurnId("t"), "interrupted", "Stopped.", None, 2.0)
    assert turn_end(end).text == "interrupted · 2.0 s"
    assert turn_end(end, error_follows=True).text == "2.0 s"
    failed = TurnEnd(TurnId("t"), "limit", "Too long.", None, 2.0)
    assert turn_end(failed, error_follows=True).text == "Too long. (limit · 2.0 s)"


def test_closing_line_says_what_stands_behind_a_small_model_s_answer() -> None:
    end = TurnEnd(TurnId("t"), "complete", "", None, 2.0, provenance="embedded 0.5B · code was run")
    assert turn_end(end).text == "complete · 2.0 s · embedded 0.5B · code was run"
