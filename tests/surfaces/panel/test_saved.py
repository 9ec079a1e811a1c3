"""What a saved notebook shows of a panel, without a page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neuroworkflow_agent.events import (
    CellEnd,
    CellOutput,
    Event,
    FileChange,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.outputs import stream
from neuroworkflow_agent.surfaces.panel import saved as saved_module
from neuroworkflow_agent.surfaces.panel.saved import SavedTranscript
from neuroworkflow_agent.surfaces.turn_view import TurnView

TURN, CODE = TurnId("turn"), ToolUseId("code")
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Cell:
    """The outputs of the cell that shows the panel."""

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, str]] = {}

    def publish(
        self, data: dict[str, str], _metadata: Any, *, transient: dict[str, str], update: bool
    ) -> None:
        assert update is (transient["display_id"] in self.shown)
        self.shown[transient["display_id"]] = data

    @property
    def bundle(self) -> dict[str, str]:
        (bundle,) = self.shown.values()
        return bundle


def picture(data: str) -> CellOutput:
    output: Any = {"output_type": "display_data", "data": {"image/png": data}, "metadata": {}}
    return CellOutput(CODE, {"op": "append", "output": output, "display_id": None})


def turn(prompt: str, answer: str, *between: Event) -> list[Event]:
    return [TurnStart(TURN, prompt), *between, TextDelta(answer), TurnEnd(TURN, "complete", "", None, 1.5)]


def saved(*events: Event, hide: Any = str, link_to: Any = lambda _path: "") -> dict[str, str]:
    cell, view = Cell(), TurnView()
    transcript = SavedTranscript("abc", cell.publish, hide, link_to)
    transcript.show()
    for event in events:
        view.handle(event)
        if isinstance(event, TurnEnd):
            transcript.update(view.items)
    transcript.flush()
    return cell.bundle


def test_it_begins_with_what_to_do() -> None:
    bundle = saved()
    assert "Run this cell to open the panel" in bundle["text/plain"]
    assert 'class="nwa-saved-abc"' in bundle["text/html"]


def test_it_has_every_turn_with_its_code_outputs_and_pictures() -> None:
    code: list[Event] = [
        ThinkingDelta("Hm."),
        ToolUse(CODE, "run_code", {"code": "print(17)"}),
        CellOutput(CODE, stream("stdout", "17\n")),
        picture(DOT),
        CellEnd(CODE, "ok", 1, 0.1),
        ToolResult(CODE, "17", False),
    ]
    bundle = saved(*turn("First?", "One **is**.", *code), *turn("<b>Second</b>", "Two."))
    text = bundle["text/plain"]
    places = [text.index(part) for part in ("> First?", "print(17)", "\n17", "One **is**.", "> <b>", "Two.")]
    assert places == sorted(places)
    assert text.endswith("Two.\n\ncomplete · 1.5 s")
    assert "<strong>is</strong>" in bundle["text/html"]
    assert f'src="data:image/png;base64,{DOT}"' in bundle["text/html"]
    assert "&lt;b&gt;Second" in bundle["text/html"]
    assert "Hm." not in bundle["text/html"]


async def test_it_is_bounded_and_keeps_the_newest() -> None:
    events = [event for number in range(40) for event in turn(f"ask {number}", "x" * 100_000)]
    text = saved(*events)["text/plain"]
    assert len(text) < 3_100_000
    assert "What was said before is left out here." in text
    assert "> ask 39" in text
    assert "> ask 2\n" not in text


async def test_a_long_one_is_sent_when_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_module, "_CHARS_A_SECOND", 10_000_000)
    cell, view, sent = Cell(), TurnView(), []

    def publish(data: dict[str, str], *rest: Any, **named: Any) -> None:
        cell.publish(data, *rest, **named)
        sent.append(len(data["text/html"]) + len(data["text/plain"]))

    transcript = SavedTranscript("abc", publish, str)
    transcript.show()
    for number in range(20):
        for event in turn(f"ask {number}", "x" * 50_000):
            view.handle(event)
        transcript.update(view.items)
    # As ever, and once for every eight that follow at once; all of it would be 21 million.
    assert len(sent) == 1 + 1 + 2
    assert sum(sent) < 3_100_000
    assert "ask 19" not in cell.bundle["text/plain"]
    await asyncio.sleep(0.5)
    assert "ask 19" in cell.bundle["text/plain"]
    count = len(sent)
    transcript.update(view.items)
    transcript.flush()
    assert len(sent) == count


@pytest.mark.parametrize(("tool", "place"), [("Edit", "a.py"), ("cell_edit", "a.ipynb, cell 3 (c)")])
def test_a_changed_file_is_linked_and_a_changed_cell_is_not(tool: str, place: str) -> None:
    change = FileChange(CODE, place, "@@ -1 +1 @@\n-a\n+b")
    between = ToolUse(CODE, tool, {}), change, ToolResult(CODE, "Done.", False)
    shown = saved(*turn("Go", "Done.", *between), link_to=lambda path: f"to/{path}")["text/html"]
    assert place in shown
    assert ("href" in shown) == (tool == "Edit")


def test_known_secrets_are_not_kept() -> None:
    bundle = saved(
        *turn("key?", "It is sk-secret-123."), hide=lambda text: text.replace("sk-secret-123", "…")
    )
    assert "sk-secret-123" not in str(bundle)
