"""Edits as changes of a room's document, without a room."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial

import pytest
from jupyter_ydoc import YNotebook

from neuroworkflow_agent.notebooks.cells import digest
from neuroworkflow_agent.notebooks.changes import plan
from neuroworkflow_agent.notebooks.edits import Delete, Edit, Move, Place
from neuroworkflow_agent.notebooks.room_changes import TypedInError, room_change, snapshot, transactions


def document(count: int) -> YNotebook:
    made = YNotebook()
    about = {"metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    cells = [
        {
            "cell_type": "code", "id": f"c{number}", "metadata": {"n": 1, "half": 0.5}, "source": f"x = '{number} é😀\\n'",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "é\n"}], "execution_count": number + 1,
        }
        for number in range(count)
    ]  # fmt: skip
    made.set({"cells": cells, **about})
    return made


def make(
    notebook: YNotebook,
    edit: Edit,
    *typed_in: str,
    cursors_in: Collection[str] = (),
    run_by_others: Collection[str] = (),
) -> list[str]:
    """Make an edit while somebody types in cells, has the cursor there, or runs them; the ids of the cells afterwards."""
    planned, _ = snapshot(notebook)
    change = partial(room_change, typed_in=typed_in, cursors_in=cursors_in, run_by_others=run_by_others)
    applied, changes = plan(planned, [edit], (), change)
    for steps in transactions(changes):
        with notebook.ydoc.transaction():
            for step in steps:
                step(notebook)
    found, _ = snapshot(notebook)
    assert found == planned
    assert len(applied) == 1
    return [cell.id for cell in found.cells]


def test_a_snapshot_is_the_document_as_a_file() -> None:
    notebook = document(3)
    notebook.ycells[1]["execution_state"] = "running"
    found, running = snapshot(notebook)
    assert (found, running) == (notebook.get(), ["c1"])


def test_a_snapshot_does_not_count_to_each_cell() -> None:
    notebook = document(4_000)

    def seconds(read: Callable[[], object]) -> float:
        started = time.process_time()
        read()
        return time.process_time() - started

    def one_after_the_other() -> None:
        for index in range(len(notebook.ycells)):
            notebook.ycells[index].to_py()

    # A fifth, and the less the more cells there are.
    assert 2 * min(seconds(partial(snapshot, notebook)) for _ in range(3)) < seconds(one_after_the_other)


@pytest.mark.parametrize(("start", "end"), [(0, 4), (4, 0), (1, 3), (3, 2), (2, 2)])
def test_a_cell_in_which_somebody_types_is_not_taken_away_when_it_moves(start: int, end: int) -> None:
    notebook = document(5)
    editor = notebook.ycells[start]["source"]
    ids = make(notebook, Move(f"c{start}", Place(index=end)), f"c{start}")
    assert ids.index(f"c{start}") == end
    assert sorted(ids) == [f"c{number}" for number in range(5)]
    editor += "# typed"
    assert notebook.get()["cells"][end]["source"].endswith("# typed")


@pytest.mark.parametrize(
    ("typed_in", "cursors_in", "stays"),
    [
        ([], ["c0"], {"c0"}),
        ([], ["c0", "c3"], {"c1", "c2", "c3", "c4"}),
        (["c0"], ["c0", "c3"], {"c0"}),
        (["c3"], ["c0"], {"c1", "c2", "c3", "c4"}),
        ([], ["c1", "c3"], {"c1", "c2", "c3", "c4"}),
    ],
)
def test_of_cells_with_a_cursor_as_few_are_taken_away_as_can_be(
    typed_in: list[str], cursors_in: list[str], stays: set[str]
) -> None:
    notebook = document(5)
    editors = [cell["source"] for cell in notebook.ycells]
    assert make(notebook, Move("c0", Place(index=4)), *typed_in, cursors_in=cursors_in)[4] == "c0"
    for editor in editors:
        editor.insert(len(editor), "# typed")
    kept = {cell["id"] for cell in notebook.get()["cells"] if cell["source"].endswith("# typed")}
    assert kept == stays


def test_a_cell_that_others_run_stays_what_its_outputs_go_into() -> None:
    notebook = document(5)
    outputs = notebook.ycells[2]["outputs"]
    notebook.ycells[2]["execution_state"] = "running"
    assert make(notebook, Move("c0", Place(index=4)), cursors_in=["c0"], run_by_others=["c2"])[4] == "c0"
    outputs.append({"output_type": "stream", "name": "stderr", "text": "late"})
    assert [output["text"] for output in notebook.get()["cells"][1]["outputs"]] == ["é\n", "late"]
    with pytest.raises(TypedInError, match="'c0'"):
        make(notebook, Move("c0", Place(index=0)), "c0", run_by_others=["c2"])


def test_a_cell_of_ours_that_runs_is_still_marked_behind_one_that_was_moved() -> None:
    notebook = document(3)
    notebook.ycells[1]["execution_state"] = "running"
    assert make(notebook, Move("c0", Place(index=2)), "c0") == ["c1", "c2", "c0"]
    assert snapshot(notebook)[1] == ["c1"]


@pytest.mark.parametrize(
    ("edit", "typed_in"),
    [
        (Move("c0", Place(index=59)), ["c0"]),
        (Move("c0", Place(index=4)), ["c0", "c3"]),
        (Delete("c0", digest("x = '0 é😀\\n'")), ["c0"]),
    ],
)
def test_an_edit_that_would_take_it_away_is_refused(edit: Edit, typed_in: list[str]) -> None:
    notebook = document(60)
    before, _ = snapshot(notebook)
    with pytest.raises(TypedInError, match="Somebody is typing in the cell 'c0'"):
        make(notebook, edit, *typed_in)
    assert snapshot(notebook) == (before, [])
