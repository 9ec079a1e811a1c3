"""Events become cells, and the notebook is valid after each of them."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_notebook

from neuroworkflow_agent.events import (
    CellEnd,
    CellOutput,
    Event,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.notebooks.reading import summarise
from neuroworkflow_agent.outputs import error, stream
from neuroworkflow_agent.surfaces.turn_cells import TurnCells
from tests import tiers

TURN = TurnId("turn_1")


def end(reason: Any = "complete", message: str = "") -> TurnEnd:
    return TurnEnd(TURN, reason, message, None, 1.0)


def code(number: int, source: str) -> ToolUse:
    return ToolUse(ToolUseId(f"t{number}"), "run_code", {"code": source})


def write(*events: Event, minor: int = 5) -> Any:
    notebook = new_notebook()
    notebook.nbformat_minor = minor
    transcript = TurnCells(notebook)
    for event in events:
        transcript.handle(event)
        nbformat.validate(notebook)
    return notebook


@pytest.mark.parametrize("minor", [0, 4, 5])
def test_turn_becomes_cells_in_order(minor: int) -> None:
    notebook = write(
        TurnStart(TURN, "two\nlines"),
        TextDelta("I "),
        TextDelta("look."),
        code(1, "1 + 1"),
        CellOutput(ToolUseId("t1"), stream("stdout", "a")),
        CellOutput(ToolUseId("t1"), stream("stdout", "b")),
        CellEnd(ToolUseId("t1"), "ok", 7, 0.1),
        ToolResult(ToolUseId("t1"), "ab", False),
        ToolUse(ToolUseId("t2"), "Read", {"file_path": "a*b.txt"}),
        ToolResult(ToolUseId("t2"), "…", False),
        TextDelta("Done."),
        end(),
        minor=minor,
    )
    kinds = [(cell.cell_type, cell.metadata["neuroworkflow_agent"]["role"]) for cell in notebook.cells]
    assert kinds == [("markdown", "prompt"), ("markdown", "answer"), ("code", "code"), ("markdown", "answer")]
    prompt, intro, cell, answer = notebook.cells
    assert prompt.source == "**Prompt**\n\n> two\n> lines"
    assert intro.source == "I look."
    assert (cell.outputs[0].text, cell.execution_count) == ("ab", 7)
    assert answer.source == "*Read a\\*b.txt*\n\nDone."
    assert answer.metadata["neuroworkflow_agent"] == {"turn": TURN, "role": "answer", "end": "complete"}


def test_stopped_turn_keeps_what_ran_and_says_so() -> None:
    notebook = write(
        TurnStart(TURN, "go"),
        code(1, "while True: pass"),
        CellOutput(ToolUseId("t1"), error("KeyboardInterrupt", "", [])),
        end("interrupted", "Stopped."),
    )
    assert notebook.cells[1].outputs[0].ename == "KeyboardInterrupt"
    assert notebook.cells[-1].source == "*The turn ended as interrupted.*"


def test_blank_answers_leave_no_cell() -> None:
    assert (
        len(write(TurnStart(TURN, "go"), TextDelta("\n\n"), code(1, "1"), TextDelta(" "), end()).cells) == 2
    )


IDS = st.sampled_from(["t1", "t2", "t3"]).map(ToolUseId)
CHANGES = st.one_of(
    st.builds(stream, st.sampled_from(["stdout", "stderr"]), st.text(min_size=1)),
    st.builds(error, st.just("E"), st.text(), st.lists(st.text())),
    st.builds(lambda wait: {"op": "clear", "wait": wait}, st.booleans()),
    st.builds(lambda t: {"op": "append", "output": {"output_type": "display_data", "data": {"text/plain": t}, "metadata": {}}, "display_id": "d"}, st.text()),
    st.builds(lambda t: {"op": "update", "display_id": "d", "data": {"text/plain": t}, "metadata": {}}, st.text()),
)  # fmt: skip
EVENTS = st.lists(
    st.one_of(
        st.builds(TextDelta, st.text()),
        st.builds(lambda i, c: ToolUse(i, "run_code", {"code": c}), IDS, st.text()),
        st.builds(
            lambda i, n, p: ToolUse(i, n, {"file_path": p}),
            IDS,
            st.sampled_from(["Read", "Write", "?"]),
            st.text(),
        ),
        st.builds(CellOutput, IDS, CHANGES),
        st.builds(
            CellEnd, IDS, st.sampled_from(["ok", "error"]), st.none() | st.integers(0, 9), st.just(0.1)
        ),
        st.builds(ToolResult, IDS, st.text(), st.booleans()),
    ),
    max_size=20,
)


@settings(max_examples=tiers.count(150))
@given(prompt=st.text(min_size=1).filter(str.strip), events=EVENTS, minor=st.sampled_from([2, 5]))
def test_any_sequence_of_events_gives_a_valid_notebook(prompt: str, events: list[Event], minor: int) -> None:
    notebook = write(TurnStart(TURN, prompt), *events, end(), minor=minor)
    text = nbformat.writes(notebook)
    again = nbformat.reads(text, as_version=4)
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]
    assert len(summarise(notebook, 500)) <= 700


@pytest.mark.parametrize("offset", [0, 3, 6])
def test_secret_is_kept_back_where_what_a_notebook_says_is_cut(offset: int) -> None:
    secret = "s3cret-key"
    long = "y" * offset + f"{secret} " * 1000
    output = nbformat.v4.new_output("stream", text=long)
    cells = [nbformat.v4.new_code_cell(long, outputs=[output]), nbformat.v4.new_markdown_cell(long)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    told = summarise(notebook, 4000, lambda text: text.replace(secret, "[redacted]"))
    assert "redacted" in told
    assert not any(secret[at : at + 4] in told for at in range(len(secret) - 3))
