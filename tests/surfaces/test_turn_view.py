"""Events become items and activities; every surface draws the same ones, live and from a log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nbformat.v4 import new_notebook

from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    CellEnd,
    CellOutput,
    CellStart,
    Event,
    FileChange,
    FollowUp,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
    Waiting,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.outputs import stream
from neuroworkflow_agent.surfaces.cell_view import CellView
from neuroworkflow_agent.surfaces.panel.items import Transcript
from neuroworkflow_agent.surfaces.plan import Plan
from neuroworkflow_agent.surfaces.terminal_view import TerminalView
from neuroworkflow_agent.surfaces.turn_cells import TurnCells
from neuroworkflow_agent.surfaces.turn_items import Activity, Card, Text
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.conftest import SessionMaker

TURN = TurnId("turn")
CODE, READ = ToolUseId("code"), ToolUseId("read")
RUN = ToolUse(CODE, "run_code", {"code": "x = 1"})
EDIT = {"file_path": "a.py", "old_string": "1", "new_string": "2"}
QUESTIONS = {"questions": [{"question": "Which area?", "options": [{"label": "V1"}, {"label": "MT"}]}]}


def end(reason: Any = "complete") -> TurnEnd:
    return TurnEnd(TURN, reason, "", None, 1.5)


def asked(request_id: str, name: str = "Edit", given: dict[str, Any] | None = None) -> ApprovalRequest:
    return ApprovalRequest(request_id, ToolUseId(request_id), name, given or EDIT, "It changes a file.")


TURN_EVENTS: tuple[Event, ...] = (
    TurnStart(TURN, "Go"),
    Notice("Model: sonnet", is_introduction=True),
    Waiting("model"),
    ThinkingDelta("Hm."),
    TextDelta("I "),
    TextDelta("run."),
    Waiting("call", "run_code"),
    RUN,
    CellStart(CODE),
    CellOutput(CODE, stream("stdout", "17\n")),
    CellEnd(CODE, "ok", 3, 0.25),
    ToolResult(CODE, "17", False),
    Waiting("retry", "2 of 9"),
    Waiting("call", "Edit"),
    ToolUse(ToolUseId("e"), "Edit", EDIT),
    FileChange(ToolUseId("e"), "sub/a.py", "@@ -12 +12 @@\n-1\n+2"),
    asked("e"),
    ApprovalDecision("e", False, "Not that file."),
    ToolResult(ToolUseId("e"), "denied", True),
    ToolUse(READ, "Read", {"file_path": "b.py"}),
    ToolResult(READ, "…", False),
    asked("q", "AskUserQuestion", QUESTIONS),
    ApprovalDecision("q", True, answers={"Which area?": "MT"}),
    ToolResult(ToolUseId("q"), "User has answered your questions: …", False),
    TextDelta("Done."),
    end(),
)


class Clock:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def activities(events: tuple[Event, ...]) -> Iterator[str]:
    view = TurnView()
    for event in events:
        view.handle(event)
        yield view.activity.text if view.activity is not None else ""


def test_there_is_no_moment_of_a_turn_without_an_activity() -> None:
    seen = list(activities(TURN_EVENTS))
    assert all(seen[:-1])
    assert seen[-1] == ""
    assert list(dict.fromkeys(seen)) == [
        "Starting the agent", "Waiting for the model", "Thinking", "Writing", "Writing code", "Waiting for the kernel",
        "Running", "Trying again (2 of 9)", "Writing a change", "Working", "Waiting for your answer", "Reading", "",
    ]  # fmt: skip


def test_an_activity_keeps_its_clock_until_another_one_begins() -> None:
    clock = Clock()
    view = TurnView(clock)
    view.handle(TurnStart(TURN, "Go"))
    view.handle(Waiting("model"))
    clock.now += 4
    view.handle(Notice("The model did not answer."))
    assert view.activity == Activity("Waiting for the model", 100.0)
    view.handle(RUN)
    view.handle(CellStart(CODE))
    assert view.activity is not None
    assert (view.activity.since, view.activity.card) == (104.0, view.items[-1])


@pytest.mark.parametrize(
    ("seconds", "line"),
    [(0.4, "Running …"), (7.9, "Running … 7 s"), (58, "Running … 55 s"), (125, "Running … 2 min 00 s")],
)
def test_the_clock_of_an_activity_moves_ever_slower(seconds: float, line: str) -> None:
    assert Activity("Running", 10.0).line(10.0 + seconds) == line


def test_what_runs_and_what_asks_come_before_what_waits() -> None:
    first = (TurnStart(TURN, "Go"), RUN, ToolUse(READ, "Read", {}), CellStart(CODE))
    assert list(activities((*first, asked("a"), ApprovalDecision("a", True), ToolResult(CODE, "", False))))[1:] == [
        "Waiting for the kernel", "Reading", "Running", "Waiting for your answer", "Running", "Reading",
    ]  # fmt: skip


def test_code_that_runs_on_is_running_after_its_answer_until_it_ends() -> None:
    view = TurnView()
    told = ToolResult(CODE, "The code still runs, after 30 s, as code-1.", False)
    for event in (TurnStart(TURN, "Go"), RUN, CellStart(CODE), told, Waiting("code")):
        view.handle(event)
    (card,) = [item for item in view.items if isinstance(item, Card)]
    assert (card.state, view.activity and view.activity.text) == ("running", "Running")
    view.handle(CellEnd(CODE, "ok", 1, 93.0))
    assert (card.state, card.duration_s, view.activity and view.activity.text) == ("ok", 93.0, "Running on")


def test_only_what_changed_is_handed_out() -> None:
    view = TurnView()
    for event in TURN_EVENTS:
        view.handle(event)
    view.take_changed()
    view.handle(CellOutput(CODE, stream("stdout", "late\n")))
    (card,) = view.take_changed()
    assert isinstance(card, Card)
    assert card.outputs.outputs[0]["text"] == "17\nlate\n"
    assert view.take_changed() == []


def test_text_that_goes_on_after_a_call_that_came_to_nothing_is_one_text() -> None:
    view = TurnView()
    for event in (TurnStart(TURN, "Go"), TextDelta("a"), Waiting("call", "run_code"), TextDelta("b")):
        view.handle(event)
    assert [item.text for item in view.items if isinstance(item, Text)] == ["ab"]


def test_a_change_belongs_to_its_call_whichever_comes_first() -> None:
    use, change = ToolUse(ToolUseId("e"), "Edit", EDIT), FileChange(ToolUseId("e"), "a.py", "@@ -12 +12 @@")
    for events in ((use, change), (change, use)):
        view = TurnView()
        for event in (TurnStart(TURN, "Go"), *events):
            view.handle(event)
        assert [item.change for item in view.items if isinstance(item, Card)] == [change]


# -- in a cell ----------------------------------------------------------------------------------------


class Cell:
    """The outputs of a cell, as a front end keeps them."""

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, str]] = {}
        self.sent = 0

    def publish(self, data: dict[str, str], _metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:  # fmt: skip
        display_id = transient["display_id"] if transient else f"output {len(self.shown)}"
        assert update is (display_id in self.shown)
        self.shown[display_id] = data
        self.sent += 1

    @property
    def texts(self) -> list[str]:
        return [data["text/plain"] for data in self.shown.values()]

    @property
    def html(self) -> str:
        return "".join(data.get("text/html", "").rpartition("</style>")[2] for data in self.shown.values())


def in_a_cell(*events: Event) -> Cell:
    cell = Cell()
    view = CellView(cell.publish, lambda **_: None)
    for event in events:
        view.handle(event)
        view.tick()
    return cell


def test_a_cell_says_at_once_what_is_being_waited_for_and_keeps_none_of_it() -> None:
    cell = in_a_cell(TURN_EVENTS[0])
    assert cell.texts == ["Starting the agent …"]
    assert in_a_cell(*TURN_EVENTS[:3]).texts == ["Model: sonnet", "Waiting for the model …"]
    assert "Running …" in in_a_cell(*TURN_EVENTS[:9]).html
    assert in_a_cell(*TURN_EVENTS[:12]).texts[-1] == "Waiting for the model …"
    last = in_a_cell(*TURN_EVENTS)
    assert "…" not in last.html
    assert last.texts == [
        "Model: sonnet",
        "I run.",
        "Run code\n    x = 1",
        "Edit sub/a.py\n    @@ -12 +12 @@\n    -1\n    +2\nNot allowed. Not that file.",
        "Read b.py",
        "Which area?\n  1. V1\n  2. MT\n→ MT",
        "Done.",
        "complete · 1.5 s",
    ]


def test_a_call_that_asks_is_shown_whole_in_its_own_place() -> None:
    waits = in_a_cell(TurnStart(TURN, "Go"), ToolUse(ToolUseId("e"), "Edit", EDIT), asked("e"))
    assert len(waits.texts) == 1
    assert "The agent asks to change a file" in waits.texts[0]
    assert "It changes a file." in waits.html


def test_a_clock_costs_a_message_a_second() -> None:
    cell = in_a_cell(*TURN_EVENTS[:9])
    view = CellView(cell.publish, lambda **_: None)
    cell.shown.clear()
    clock = view._view.clock = Clock()
    for event in TURN_EVENTS[:9]:
        view.handle(event)
    before = cell.sent
    for _ in range(40):
        clock.now += 0.125
        view.tick()
    assert cell.sent - before == 5


def test_turns_of_the_past_are_shown_with_prompts_and_outputs() -> None:
    cell = Cell()
    CellView(cell.publish, lambda **_: None).show(TURN_EVENTS)
    assert cell.texts[0] == "> Go"
    assert cell.texts[3:5] == ["Run code\n    x = 1", "17\n"]
    assert cell.texts[-1] == "complete · 1.5 s"
    live = in_a_cell(*TURN_EVENTS).texts
    assert [text for text in cell.texts if text not in ("> Go", "17\n")] == live


def test_a_file_that_was_changed_is_linked_in_its_heading() -> None:
    use = ToolUseId("e")
    events = (
        TurnStart(TURN, "Go"),
        ToolUse(use, "Edit", EDIT),
        FileChange(use, "sub/a&b.py", "@@ -12 +12 @@\n-1\n+2"),
    )
    cell = Cell()
    view = CellView(cell.publish, lambda **_: None, lambda path: f"up/{path}")
    for event in events:
        view.handle(event)
    assert "<a " not in cell.html
    view.handle(ToolResult(use, "", False))
    assert 'Edit <a href="up/sub/a&amp;b.py"' in cell.html
    assert ">sub/a&amp;b.py</a></summary>" in cell.html
    assert cell.texts[0] == "Edit sub/a&b.py\n    @@ -12 +12 @@\n    -1\n    +2"


# -- in a terminal ------------------------------------------------------------------------------------


def in_a_terminal(*events: Event, is_live: bool = False) -> str:
    written: list[str] = []
    view = TerminalView(written.append, is_live=is_live)
    for event in events:
        view.handle(event)
    return "".join(written)


def screen(written: str) -> list[str]:
    """The lines that a terminal is left with."""
    return [line.rpartition("\r\x1b[K")[2] for line in written.split("\n")]


def test_a_terminal_is_left_with_what_was_said_and_nothing_twice() -> None:
    expected = [
        "Model: sonnet", "I run.", "Run code", "    x = 1",
        "The agent asks to change a file. It changes a file.", "    file_path: a.py", "    @@ -12 +12 @@", "    -1", "    +2",
        "Not allowed. Not that file.", "Read b.py", "Which area?", "  1. V1", "  2. MT", "→ MT", "Done.", "complete · 1.5 s", "",
    ]  # fmt: skip
    assert in_a_terminal(*TURN_EVENTS).split("\n") == expected
    assert screen(in_a_terminal(*TURN_EVENTS, is_live=True)) == expected


def test_a_terminal_says_what_is_being_waited_for_but_not_where_code_prints() -> None:
    assert screen(in_a_terminal(*TURN_EVENTS[:1], is_live=True)) == ["Starting the agent …"]
    assert screen(in_a_terminal(*TURN_EVENTS[:3], is_live=True))[-1] == "Waiting for the model …"
    assert screen(in_a_terminal(*TURN_EVENTS[:9], is_live=True))[-1] == ""
    assert "…" not in in_a_terminal(*TURN_EVENTS, is_live=False)


@pytest.mark.parametrize("printed", ["result: 42", "10%\r100%"])
def test_what_code_printed_without_a_line_end_stays(printed: str) -> None:
    """Code prints by itself; the view must not write over its line."""
    written: list[str] = []
    view = TerminalView(written.append, is_live=True)
    before: list[Event] = [TurnStart(TURN, "Go"), RUN, CellStart(CODE)]
    output = CellOutput(CODE, stream("stdout", printed))
    later: list[Event] = [
        output,
        CellEnd(CODE, "ok", 1, 0.1),
        ToolResult(CODE, printed, False),
        Waiting("model"),
    ]
    for event in before:
        view.handle(event)
    written.append(printed)
    for event in later:
        view.handle(event)
    after = "".join(written).partition(printed)[2]
    assert after.startswith("\n")
    assert after.endswith("Waiting for the model …")


def test_ids_that_come_again_in_a_later_turn_are_other_calls() -> None:
    view = TurnView()
    for event in (TurnStart(TURN, "1"), RUN, end(), TurnStart(TURN, "2"), RUN, CellOutput(CODE, stream("stdout", "2")), end()):  # fmt: skip
        view.handle(event)
    first, second = (item for item in view.items if isinstance(item, Card))
    assert (first.outputs.outputs, len(second.outputs.outputs)) == ((), 1)


# -- everywhere ---------------------------------------------------------------------------------------


def test_a_notebook_file_has_what_a_cell_has() -> None:
    notebook = new_notebook()
    cells = TurnCells(notebook)
    for event in TURN_EVENTS:
        cells.handle(event)
    assert [cell.source for cell in notebook.cells] == [
        "**Prompt**\n\n> Go",
        "I run.",
        "x = 1",
        "*Edit sub/a.py*\n\n\n\n*Read b.py*\n\n\n\n*Ask: Which area?*\n\nDone.",
    ]


def test_a_message_that_the_turn_took_in_stands_where_it_did_in_every_surface() -> None:
    said = FollowUp("m1", "Only *MT*", ("a.py",))
    events = (TurnStart(TURN, "Go"), TextDelta("I run."), RUN, ToolResult(CODE, "", False), said, TextDelta("Only MT."), end())  # fmt: skip
    assert in_a_cell(*events).texts == [
        "I run.",
        "Run code\n    x = 1",
        "> Only *MT*",
        "Only MT.",
        "complete · 1.5 s",
    ]
    assert in_a_terminal(*events).splitlines()[-3:] == ["> Only *MT*", "Only MT.", "complete · 1.5 s"]
    transcript = Transcript(lambda _picture: None)
    notebook = new_notebook()
    cells = TurnCells(notebook)
    for event in events:
        transcript.handle(event)
        cells.handle(event)
    transcript.patch()
    kinds = [item["kind"] for item in transcript.snapshot()]
    assert kinds == ["user", "answer", "tool", "user", "answer", "end"]
    assert transcript.snapshot()[3]["text"] == "Only *MT*"
    assert transcript.snapshot()[3]["attached"] == ["a.py"]
    assert [cell.source for cell in notebook.cells] == [
        "**Prompt**\n\n> Go",
        "I run.",
        "x = 1",
        "**Prompt**\n\n> Only *MT*",
        "Only MT.",
    ]
    assert {cell.metadata["neuroworkflow_agent"]["turn"] for cell in notebook.cells} == {TURN}


# -- a plan -------------------------------------------------------------------------------------------


def _planned(number: int, name: str, given: dict[str, Any], answer: str) -> tuple[Event, Event]:
    use = ToolUseId(f"plan {number}")
    return ToolUse(use, name, given), ToolResult(use, answer, False)


PLAN_EVENTS: tuple[Event, ...] = (
    TurnStart(TURN, "Go"),
    *_planned(1, "TaskCreate", {"subject": "Load the data"}, "Task #1 created successfully: Load the data"),
    *_planned(2, "TaskCreate", {"subject": "Plot *it*"}, "Task #2 created successfully: Plot"),
    *_planned(3, "TaskUpdate", {"taskId": "1", "status": "in_progress"}, "Updated task #1 status"),
    RUN,
    ToolResult(CODE, "", False),
    *_planned(4, "TaskUpdate", {"taskId": "9", "status": "completed"}, "Task not found"),
    *_planned(5, "TaskList", {}, "#1 …"),
    *_planned(6, "TaskUpdate", {"taskId": "1", "status": "completed"}, "Updated task #1 status"),
    TextDelta("Done."),
    end(),
)


def test_a_plan_is_one_item_that_changes_and_its_calls_are_none() -> None:
    view = TurnView()
    for event in PLAN_EVENTS:
        view.handle(event)
    plan = view.items[1]
    assert isinstance(plan, Plan)
    assert plan.rows == [("completed", "Load the data"), ("pending", "Plot *it*")]
    assert [type(item).__name__ for item in view.items] == ["Prompt", "Plan", "Card", "Text", "End"]
    for event in (
        TurnStart(TURN, "On"),
        *_planned(7, "TaskUpdate", {"taskId": "2", "status": "deleted"}, "Updated"),
        end(),
    ):
        view.handle(event)
    second = view.items[-2]
    assert isinstance(second, Plan)
    assert second.rows == [("completed", "Load the data")]
    assert len(plan.rows) == 2


def test_a_plan_shows_in_every_surface() -> None:
    assert in_a_cell(*PLAN_EVENTS).texts[0] == "Plan · 1 of 2 done\n    ☑ Load the data\n    ☐ Plot *it*"
    assert in_a_terminal(*PLAN_EVENTS).split("\n")[:4] == [
        "☐ Load the data", "☐ Plot *it*", "▸ Load the data", "Run code",
    ]  # fmt: skip
    transcript = Transcript(lambda _picture: None)
    notebook = new_notebook()
    cells = TurnCells(notebook)
    for event in PLAN_EVENTS:
        transcript.handle(event)
        cells.handle(event)
    transcript.patch()
    sent = transcript.snapshot()[1]
    assert sent["kind"] == "plan"
    assert "☑ Load the data" in sent["parts"][0]
    assert notebook.cells[1].source.splitlines() == ["- ☑ Load the data", "- ☐ Plot \\*it\\*"]
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "markdown", "code", "markdown"]


@pytest.mark.claude
def test_the_model_can_keep_a_plan_in_every_mode(
    scripted_model: ScriptedModel, make_session: SessionMaker
) -> None:
    scripted_model.extend(
        Reply.tool("TaskCreate", subject="Look", description="Look around."),
        Reply.tool("TaskUpdate", taskId="1", status="completed"),
        Reply.text("Done."),
    )
    view = TurnView()
    for event in make_session(mode="read-only").start("plan it"):
        view.handle(event)
    (plan,) = (item for item in view.items if isinstance(item, Plan))
    assert plan.rows == [("completed", "Look")]
