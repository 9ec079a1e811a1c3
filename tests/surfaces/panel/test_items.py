"""Events become items; patches add up to the items; a patch is as large as what is new."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    CellEnd,
    CellOutput,
    CellStart,
    Event,
    FileChange,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.outputs import stream
from neuroworkflow_agent.render.outputs import ShownPicture
from neuroworkflow_agent.surfaces.panel.items import Transcript
from neuroworkflow_agent.surfaces.panel.outbox import Outbox
from neuroworkflow_agent.surfaces.panel.patches import Op, parts_change

ID = ToolUseId("t1")
TURN = TurnId("turn")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def end(reason: Any = "complete") -> TurnEnd:
    return TurnEnd(TURN, reason, "", None, 1.5, input_tokens=7, output_tokens=3, last_message_id="m1")


class Browser:
    """What the page does with patches, in Python: strings are counted in UTF-16 units there."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def apply(self, ops: list[Op]) -> None:
        for op in json.loads(json.dumps(ops)):
            if op["op"] == "put":
                self.items[op["item"]["id"]] = op["item"]
            elif op["op"] == "set":
                self.items[op["id"]].update(op["fields"])
            else:
                parts = self.items[op["id"]]["parts"]
                self.items[op["id"]]["parts"] = patched(parts, op)


def patched(parts: list[str], op: dict[str, Any]) -> list[str]:
    if op["tail"] is None:
        return parts[: op["start"]]
    before = parts[op["start"]] if op["start"] < len(parts) else ""
    kept = before.encode("utf-16-le")[: 2 * op["keep"]].decode("utf-16-le")
    return [*parts[: op["start"]], kept + op["tail"], *op["more"]]


def shown(*events: Event) -> tuple[Transcript, list[dict[str, Any]]]:
    """The items after each event was sent as a patch of its own."""
    transcript, browser = Transcript(lambda _picture: None), Browser()
    for event in events:
        transcript.handle(event)
        browser.apply(transcript.patch())
    assert list(browser.items.values()) == json.loads(json.dumps(transcript.snapshot()))
    return transcript, list(browser.items.values())


CODE = (TurnStart(TURN, "Go", ("a.csv",)), ThinkingDelta("Hm"), TextDelta("I "), TextDelta("run."), ToolUse(ID, "run_code", {"code": "x"}))  # fmt: skip


def test_a_turn_in_items() -> None:
    _, items = shown(*CODE, CellStart(ID), CellOutput(ID, stream("stdout", "17\n")), CellEnd(ID, "ok", 1, 0.25), ToolResult(ID, "17", False), TextDelta("Done"), end())  # fmt: skip
    assert [item["kind"] for item in items] == ["user", "thinking", "answer", "tool", "answer", "end"]
    user, thinking, answer, tool, _, last = items
    assert (user["text"], user["attached"]) == ("Go", ["a.csv"])
    assert (thinking["text"], thinking["done"]) == ("Hm", True)
    assert (answer["parts"], answer["source"], answer["done"]) == (["<p>I run.</p>\n"], "I run.", True)
    assert (tool["title"], tool["state"], tool["duration"]) == ("Run code", "ok", "0.2 s")
    assert tool["parts"] == ['<pre class="nwa-stdout">17\n</pre>']
    assert (last["end"], last["fork"], last["failed"]) == ("complete", "m1", False)
    assert last["text"] == "complete · 1.5 s · 7 in / 3 out"


def test_code_out_of_time_says_so_below_what_it_printed() -> None:
    _, items = shown(*CODE, CellStart(ID), CellOutput(ID, stream("stdout", "17\n")), ToolResult(ID, "Out of time.", True))  # fmt: skip
    assert items[-1]["parts"] == [
        '<pre class="nwa-stdout">17\n</pre>',
        '<pre class="nwa-result">Out of time.</pre>',
    ]


def test_stopped_code_says_so_by_its_state_alone() -> None:
    _, items = shown(*CODE, CellStart(ID), ToolResult(ID, "Stopped; it did not end.", True, is_stopped=True))
    assert (items[-1]["state"], items[-1]["parts"]) == ("stopped", [])


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), "waiting"),
        ((CellStart(ID),), "running"),
        ((CellStart(ID), CellEnd(ID, "error", 1, 0.1)), "error"),
        ((CellStart(ID), CellEnd(ID, "interrupted", 1, 0.1)), "stopped"),
        ((ToolResult(ID, "no kernel", True),), "error"),
        ((ToolResult(ID, "x", True, is_stopped=True),), "stopped"),
        ((end("interrupted"),), "stopped"),
        ((ApprovalRequest("t1", ID, "run_code", {"code": "x"}, "why"),), "asking"),
        (
            (ApprovalRequest("t1", ID, "run_code", {"code": "x"}, "why"), ApprovalDecision("t1", True)),
            "waiting",
        ),
        (
            (
                ApprovalRequest("t1", ID, "run_code", {"code": "x"}, "why"),
                ApprovalDecision("t1", False, "no"),
            ),
            "denied",
        ),
    ],
)
def test_states_of_a_tool(events: tuple[Event, ...], state: str) -> None:
    _, items = shown(*CODE, *events)
    (tool,) = (item for item in items if item["kind"] == "tool")
    assert tool["state"] == state


def test_an_approval_that_comes_before_its_tool_use_makes_one_card() -> None:
    _, items = shown(ApprovalRequest("t1", ID, "Edit", {"file_path": "a", "old_string": "1", "new_string": "2"}, ""), ToolUse(ID, "Edit", {}))  # fmt: skip
    assert [(item["kind"], item["title"], item["request"]) for item in items] == [("tool", "Edit a", "t1")]


def test_a_question_has_its_answers() -> None:
    asked = {
        "questions": [{"question": "Which?", "options": [{"label": "V1"}, "odd"], "multiSelect": 1}, "odd"]
    }
    transcript, _ = shown(ToolUse(ID, "AskUserQuestion", asked), ApprovalRequest("t1", ID, "AskUserQuestion", asked, ""))  # fmt: skip
    transcript.handle(ApprovalDecision("t1", True, answers={"Which?": "V1"}))
    transcript.patch()
    (item,) = transcript.snapshot()
    assert item["questions"] == [{"question": "Which?", "header": "", "multiple": True, "options": [{"label": "V1", "description": ""}]}]  # fmt: skip
    assert (item["state"], item["answers"]) == ("running", {"Which?": "V1"})


def test_pictures_go_apart_and_once() -> None:
    pictures: list[ShownPicture] = []
    transcript = Transcript(pictures.append)
    for event in CODE:
        transcript.handle(event)
    for _ in range(2):
        output = {
            "output_type": "display_data",
            "data": {"image/png": PIXEL, "text/plain": "<Figure>"},
            "metadata": {},
        }
        transcript.handle(CellOutput(ID, {"op": "append", "output": output, "display_id": None}))
        transcript.patch()
    assert [picture.media_type for picture in pictures] == ["image/png", "image/png"]
    assert len({picture.key for picture in pictures}) == 1
    assert (
        transcript.snapshot()[-1]["parts"][0]
        == f'<img data-picture="{pictures[0].key}" alt="&lt;Figure&gt;">'
    )
    assert PIXEL not in json.dumps(transcript.snapshot())


def test_a_long_answer_costs_what_is_new() -> None:
    transcript, browser, sent = Transcript(lambda _picture: None), Browser(), 0
    text = "".join(f"Paragraph {n} with `code` and **bold**.\n\n" for n in range(500))
    for start in range(0, len(text), 200):
        transcript.handle(TextDelta(text[start : start + 200]))
        ops = transcript.patch()
        sent += len(json.dumps(ops))
        browser.apply(ops)
    transcript.handle(Notice("end of it"))
    browser.apply(transcript.patch())
    answer = next(iter(browser.items.values()))
    html = "".join(answer["parts"])
    assert html.count("<p>") == 500
    assert sent < 2.5 * len(html)


def test_endless_output_is_bounded() -> None:
    transcript = Transcript(lambda _picture: None)
    for event in CODE:
        transcript.handle(event)
    for number in range(200):
        output = {"output_type": "display_data", "data": {"text/plain": f"row {number}"}, "metadata": {}}
        transcript.handle(CellOutput(ID, {"op": "append", "output": output, "display_id": None}))
    transcript.handle(CellOutput(ID, stream("stdout", "x" * 1_000_000)))
    transcript.patch()
    parts = transcript.snapshot()[-1]["parts"]
    assert len(parts) == 61
    assert "141 earlier outputs left out" in parts[0]
    assert len("".join(parts)) < 30_000


@given(st.lists(st.text("ab\U0001f600<"), max_size=4), st.lists(st.text("ab\U0001f600<"), max_size=4))
def test_any_change_of_parts_adds_up(before: list[str], after: list[str]) -> None:
    if before == after:
        return
    assert patched(before, json.loads(json.dumps(parts_change(before, after)))) == after


async def test_the_first_change_goes_at_once_and_a_burst_goes_together() -> None:
    sent: list[dict[str, Any]] = []
    pending: list[Op] = []

    def take() -> list[Op]:
        taken, pending[:] = list(pending), []
        return taken

    outbox = Outbox(lambda message, _buffers: sent.append(message), take)
    started = asyncio.get_running_loop().time()
    while (now := asyncio.get_running_loop().time()) < started + 0.5:
        pending.append({"op": "set", "id": "x", "fields": {"at": now}})
        outbox.touch()
        await asyncio.sleep(0.001)
        if not sent:
            continue
    await asyncio.sleep(0.1)
    assert 5 <= len(sent) <= 14
    assert [message["seq"] for message in sent] == list(range(1, len(sent) + 1))
    assert not pending
    outbox.set_state(busy=True, title="a")
    outbox.flush()
    outbox.set_state(busy=True)
    outbox.flush()
    assert sent[-1]["state"] == {"busy": True, "title": "a"}
    outbox.close()


async def test_a_long_transcript_is_sent_in_parts() -> None:
    sent: list[dict[str, Any]] = []
    outbox = Outbox(lambda message, _buffers: sent.append(message), list)
    items = [{"id": f"i{n}", "kind": "answer", "parts": ["x" * 150_000]} for n in range(5)]
    outbox.post_snapshot(lambda: items, "v1")
    while len(sent) < 3:
        await asyncio.sleep(0.05)
    assert [(m["part"], m["of"], len(m["items"])) for m in sent] == [(0, 3, 2), (1, 3, 2), (2, 3, 1)]
    outbox.close()


def test_leave_for_the_session_is_offered_where_it_can_be_given() -> None:
    for can_remember in (True, False):
        _, items = shown(ApprovalRequest("t1", ID, "Bash", {"command": "ls"}, "why", can_remember))
        assert items[-1]["remember"] is can_remember


def test_an_approval_shows_in_the_panel_what_the_card_cut() -> None:
    code = "a = 1\n" * 10_000 + "os.remove('thesis') # \u202e\n" + "b = 2\n" * 10_000
    _, items = shown(ToolUse(ID, "run_code", {"code": code}))
    assert "thesis" not in items[-1]["input"]
    _, items = shown(
        ToolUse(ID, "run_code", {"code": code}), ApprovalRequest("t1", ID, "run_code", {"code": code}, "why")
    )
    assert "thesis" in items[-1]["input"]
    assert "\\u202e" in items[-1]["input"]


def test_a_file_is_linked_once_it_is_written() -> None:
    links: list[str] = []

    def link_to(path: str) -> str:
        links.append(path)
        return "model.py"

    transcript = Transcript(lambda _picture: None, link_to=link_to)
    edit = {"file_path": "/w/nodes/model.py"}
    for event in (
        TurnStart(TURN, "Go"),
        ToolUse(ID, "Edit", edit),
        FileChange(ID, "nodes/model.py", "@@ -1 +1 @@\n-a\n+b"),
    ):
        transcript.handle(event)
        transcript.patch()
    assert "link" not in transcript.snapshot()[-1]
    transcript.handle(ToolResult(ID, "", False))
    assert [op["fields"]["link"] for op in transcript.patch() if op["op"] == "set"] == ["model.py"]
    assert links == ["nodes/model.py"]


def test_a_cell_that_was_changed_is_no_file_to_be_linked() -> None:
    transcript = Transcript(lambda _picture: None, link_to=lambda path: path)
    for event in (
        TurnStart(TURN, "Go"),
        ToolUse(ID, "cell_edit", {"cell": "c", "old": "a", "new": "b"}),
        FileChange(ID, "a.ipynb, cell 3 (c)", "-a\n+b"),
        ToolResult(ID, "Done.", False),
    ):
        transcript.handle(event)
        transcript.patch()
    assert "link" not in transcript.snapshot()[-1]


@pytest.mark.parametrize(("name", "is_open"), [("cell_execute", False), ("cell_edit", True)])
def test_what_the_model_is_told_of_a_change_that_the_notebook_shows_is_not_shown(
    name: str, is_open: bool
) -> None:
    for is_error, parts in ((False, 0), (True, 1)):
        transcript = Transcript(lambda _picture: None)
        for event in (
            TurnStart(TURN, "go"),
            ToolUse(ID, name, {"cell": "c", "old": "a", "new": "b"}),
            FileChange(ID, "a.ipynb, cell 2 of 3 (c)", " a"),
            ToolResult(ID, "Cell 2 · c · code · run 3 hash 43ec", is_error=is_error),
        ):
            transcript.handle(event)
            transcript.patch()
        card = transcript.snapshot()[-1]
        assert (len(card["parts"]), card["open"]) == (parts, is_open)
