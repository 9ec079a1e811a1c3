"""Edits of cells: addressed by ids, refused where they were made for another text, all or none, and taken back."""

from __future__ import annotations

import copy
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.notebooks.cells import address, digest
from neuroworkflow_agent.notebooks.edits import (
    Delete,
    Edit,
    Insert,
    Move,
    Place,
    Replace,
    SetOutputs,
    SetSource,
    apply,
)

END = Place(index=-1)


def notebook_of(*sources: str, ids: bool = True) -> Any:
    cells = [new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources)]
    notebook = new_notebook(cells=cells)
    if not ids:
        notebook.nbformat_minor = 4
        for cell in cells:
            del cell["id"]
    return notebook


def sources(notebook: Any) -> list[str]:
    nbformat.validate(notebook)
    return [cell.source for cell in notebook.cells]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(after="c0"), ["a", "new", "b"]),
        (Place(index=0), ["new", "a", "b"]),
        (Place(index=2), ["a", "b", "new"]),
        (END, ["a", "b", "new"]),
    ],
)
def test_new_cell_goes_where_it_is_wanted(place: Place, expected: list[str]) -> None:
    notebook = notebook_of("a", "b")
    (made,) = apply(notebook, [Insert("new", place, "markdown")])
    assert sources(notebook) == expected
    assert notebook.cells[expected.index("new")].id == made.cell


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (Insert("x", Place(after="gone")), "no cell 'gone'"),
        (Insert("x", Place(index=4)), "4 is no place in this notebook: 0 to 3"),
        (Insert("x", Place()), "Say where"),
        (Replace("c0", "nowhere", "x"), "does not have that text"),
        (Replace("c0", "a", "x"), "has that text 2 times"),
        (Replace("c0", "", "x"), "which part"),
        (SetSource("c0", "x", digest("read before")), "was changed since it was read"),
        (Delete("c1", digest("read before")), "was changed since it was read"),
        (Move("c0", Place(after="c0")), "behind itself"),
        (Move("c0", Place(after="gone")), "no cell 'gone'"),
        (SetOutputs("gone"), "no cell 'gone'"),
        (SetOutputs("c0", digest=digest("ran before")), "changed after its code began"),
    ],
)
def test_refused_edit_changes_nothing_nor_do_those_before_it(edit: Edit, reason: str) -> None:
    notebook = notebook_of("a = a", "b")
    before = copy.deepcopy(notebook)
    cells = list(notebook.cells)
    with pytest.raises(EditRefusedError, match=reason):
        apply(notebook, [Insert("first", END), Replace("c1", "b", "other"), Move("c1", Place(index=0)), edit])
    assert notebook == before
    assert [id(cell) for cell in notebook.cells] == [id(cell) for cell in cells]


def test_stale_edit_is_told_the_text_of_now() -> None:
    notebook = notebook_of("mine")
    with pytest.raises(EditRefusedError) as caught:
        apply(notebook, [SetSource("c0", "x", digest("theirs"))])
    assert caught.value.current == "mine"


def test_cell_keeps_all_it_has_when_its_text_is_edited() -> None:
    notebook = notebook_of("a = 1")
    cell = notebook.cells[0]
    cell.metadata["tags"] = ["keep"]
    cell.outputs, cell.execution_count = [new_output("stream", text="1")], 4
    before = copy.deepcopy(cell)
    apply(notebook, [Replace("c0", "1", "2"), SetSource("c0", "a = 3", digest("a = 2"))])
    assert notebook.cells[0] == {**before, "source": "a = 3"}


def test_running_cell_is_neither_edited_nor_deleted_but_moved() -> None:
    notebook = notebook_of("a", "b")
    for edit in (Replace("c0", "a", "x"), SetSource("c0", "x", digest("a")), Delete("c0", digest("a"))):
        with pytest.raises(EditRefusedError, match="is running"):
            apply(notebook, [edit], running={"c0"})
    apply(notebook, [Move("c0", END)], running={"c0"})
    assert sources(notebook) == ["b", "a"]


def test_cell_that_is_locked_is_neither_edited_nor_deleted_but_moved_and_run() -> None:
    notebook = notebook_of("a", "b")
    notebook.cells[0].metadata.update(editable=False, deletable=False)
    for edit in (Replace("c0", "a", "x"), SetSource("c0", "x", digest("a")), Delete("c0", digest("a"))):
        with pytest.raises(EditRefusedError, match="locked by its metadata"):
            apply(notebook, [edit])
    apply(notebook, [Move("c0", END), SetOutputs("c0", (), 1, digest("a"))])
    assert sources(notebook) == ["b", "a"]


def test_end_is_before_what_does_not_count() -> None:
    notebook = notebook_of("a", "transcript")
    apply(notebook, [Insert("x", END), Insert("y", END), Move("c0", END)], end=1)
    assert sources(notebook) == ["x", "y", "a", "transcript"]


def test_without_ids_a_cell_is_addressed_by_what_it_says() -> None:
    notebook = notebook_of("a", "b", "b", ids=False)
    first, twin, _ = map(address, notebook.cells)
    (made,) = apply(notebook, [Replace(first, "a", "c")])
    assert sources(notebook) == ["c", "b", "b"]
    assert "id" not in notebook.cells[0]
    apply(notebook, [made.undo])
    assert sources(notebook) == ["a", "b", "b"]
    with pytest.raises(EditRefusedError, match="3 say the same and have no ids"):
        apply(notebook, [Insert("b", END), Delete(twin, digest("b"))])
    assert sources(notebook) == ["a", "b", "b"]


def test_undo_never_goes_over_a_later_edit_of_somebody() -> None:
    notebook = notebook_of("a")
    (made,) = apply(notebook, [SetSource("c0", "ours", digest("a"))])
    notebook.cells[0].source = "theirs"
    with pytest.raises(EditRefusedError, match="was changed since"):
        apply(notebook, [made.undo])


NUMBERS = st.integers(0, 6)
PLACES = st.one_of(
    st.builds(lambda n: Place(after=f"c{n}"), NUMBERS),
    st.builds(lambda n: Place(index=n), st.integers(-1, 6)),
)
TEXTS = st.text("ab\n", max_size=4)
EDITS = st.one_of(
    st.builds(Insert, TEXTS, PLACES, st.sampled_from(["code", "markdown", "raw"])),
    st.builds(lambda n, old, new: Replace(f"c{n}", old, new), NUMBERS, TEXTS, TEXTS),
    st.builds(lambda n, new, old: SetSource(f"c{n}", new, digest(old)), NUMBERS, TEXTS, TEXTS),
    st.builds(lambda n, place: Move(f"c{n}", place), NUMBERS, PLACES),
    st.builds(lambda n, old: Delete(f"c{n}", digest(old)), NUMBERS, TEXTS),
    st.builds(lambda n, text: SetOutputs(f"c{n}", (new_output("stream", text=text),), 1), NUMBERS, TEXTS),
)


@settings(max_examples=300, deadline=None)
@given(sources=st.lists(TEXTS, max_size=5), calls=st.lists(st.lists(EDITS, max_size=3), max_size=6))
def test_any_edits_are_taken_back_whole(sources: list[str], calls: list[list[Edit]]) -> None:
    notebook = notebook_of(*sources)
    notebook.cells[:0] = [new_markdown_cell("title", id="title")]
    history = []
    for edits in calls:
        before = copy.deepcopy(notebook)
        try:
            history.append((before, apply(notebook, edits)))
        except EditRefusedError:
            assert notebook == before
        nbformat.validate(notebook)
    for before, made in reversed(history):
        apply(notebook, [each.undo for each in reversed(made)])
        assert notebook == before
