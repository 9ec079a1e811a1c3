"""What edits change in a room's document: as little as there is to change.

Texts are spliced, so that what others type into the same cell stays. A cell in which somebody types just now is not taken
away, since what is on its way into it would go with it: others are moved around it, as they are, if that can be, around a
cell in which somebody has the cursor. Nor is one whose code runs in somebody's page, since its outputs would go with it.
A cell's outputs grow at their end, so that those who look see them come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import nbformat
from jupyter_ydoc import YNotebook
from jupyter_ydoc.utils import cast_all
from pycrdt import Array, Map, Text

from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.notebooks.cells import address, has_ids, index_of
from neuroworkflow_agent.notebooks.changes import as_added
from neuroworkflow_agent.notebooks.edits import Applied, Delete, Insert, Move, Restore, SetOutputs
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.notebooks.splices import difference

Change = Callable[[YNotebook], None]
Steps = Sequence[Change]
_MOST_AROUND = 50
"""How many cells are moved instead of one in which somebody types."""


class TypedInError(EditRefusedError):
    """Somebody types in the cell that would be taken away."""

    def __init__(self, cell: str) -> None:
        super().__init__(
            f"Somebody is typing in the cell {cell!r}. Nothing was written. Try again when they pause."
        )


def transactions(changes: Sequence[Steps]) -> list[list[Change]]:
    """The steps of several edits in as few transactions as can be."""
    found: list[list[Change]] = [[]]
    for steps in changes:
        found[-1] += steps[:1]
        found += [[step] for step in steps[1:]]
    return found


def snapshot(document: YNotebook) -> tuple[Notebook, list[str]]:
    """The notebook that a document is now, its cells as they stand there, and the addresses of those marked as running.

    Read as JSON: whoever asks an array for one item after the other has it count from its beginning each time.
    """
    from_dict: Any = nbformat.from_dict
    meta = json.loads(str(document.ydoc.get("meta", type=Map)))
    notebook = from_dict(
        {
            "cells": json.loads(str(document.ycells)),
            "metadata": meta.get("metadata", {}),
            **{key: int(meta.get(key, 0)) for key in ("nbformat", "nbformat_minor")},
        }
    )
    running: list[str] = []
    for cell in notebook.cells:
        state = cell.pop("execution_state", None)
        _complete(cell, with_id=has_ids(notebook))
        if state == "running":
            running.append(address(cell))
    return notebook, running


def _complete(cell: Any, *, with_id: bool) -> None:
    """Make a cell of a document one of a file."""
    if not with_id:
        cell.pop("id", None)
    if not cell.get("attachments"):
        cell.pop("attachments", None)
    cell.setdefault("metadata", nbformat.NotebookNode())
    if cell.cell_type == "code":
        cell.setdefault("outputs", [])
        cell.setdefault("execution_count", None)


def put_outputs(cell: Map[Any], outputs: Sequence[Any]) -> None:
    """Have a cell show outputs; what is the same stays, what goes on is gone on with."""
    if not isinstance(cell.get("outputs"), Array):
        cell["outputs"] = Array()
    shown: Array[Any] = cell["outputs"]
    wanted = [_floats(output) for output in outputs]
    kept = 0
    while kept < min(len(shown), len(wanted)) and shown[kept].to_py() == wanted[kept]:
        kept += 1
    if kept == len(shown) - 1 and kept < len(wanted) and _goes_on(shown[kept], wanted[kept]):
        text: Text = shown[kept]["text"]
        text += wanted[kept]["text"][len(str(text)) :]
        kept += 1
    if len(shown) > kept:
        del shown[kept : len(shown)]
    for output in wanted[kept:]:
        if output.get("output_type") == "stream":
            output["text"] = Text(output["text"])
        shown.append(Map(output))


def room_change(
    notebook: Notebook,
    applied: Applied,
    before: int,
    typed_in: Collection[str] = (),
    cursors_in: Collection[str] = (),
    run_by_others: Collection[str] = (),
) -> Steps:
    """What to do in a document for an edit, each step in a transaction of its own; see `changes.plan`.

    Parameters
    ----------
    typed_in
        Addresses of cells in which somebody types just now.
    cursors_in
        Of those in which somebody has the cursor, and may begin to type.
    run_by_others
        Of those whose code others run: what it puts out would not come into a copy.

    Raises
    ------
    TypedInError
        If the edit would take one of those away.
    """
    edit = applied.edit
    if isinstance(edit, Delete):
        if edit.cell in typed_in:
            raise TypedInError(edit.cell)
        return (partial(_delete, index=before),)
    after = index_of(notebook, applied.cell)
    match edit:
        case Insert() | Restore():
            content = _floats(notebook.cells[after])
            if isinstance(edit, Insert):
                content = as_added(content)
            return (partial(_insert, index=after, content=content),)
        case Move():
            stay = {*typed_in, *run_by_others}
            return _moved_gently(notebook, before, after, stay, cursors_in)
        case SetOutputs(outputs=outputs, execution_count=count):
            return (partial(_show, index=after, outputs=outputs, count=count),)
        case _:
            undo: Any = applied.undo
            return (partial(_splice, index=after, old=undo.source, new=notebook.cells[after].source),)


def _insert(document: YNotebook, index: int, content: dict[str, Any]) -> None:
    document.ycells.insert(index, document.create_ycell(content))


def _moved(start: int, end: int) -> Steps:
    """Browsers know no move: a copy with the same id takes the cell's place.

    Taken and put at once, a cell that goes up takes the cursor of who types further down along to another cell of
    JupyterLab's page.
    """
    taken: list[Any] = []

    def take(document: YNotebook) -> None:
        content = document.ycells[start].to_py()
        assert content is not None
        if content["cell_type"] == "code":
            content.setdefault("outputs", [])
        taken.append(content)
        del document.ycells[start]

    def put(document: YNotebook) -> None:
        content = taken.pop()
        state = content.pop("execution_state", None)
        document.ycells.insert(end, document.create_ycell(content))
        if state == "running":
            document.ycells[end]["execution_state"] = state

    return (take, put) if start != end else ()


def _moved_gently(
    notebook: Notebook, start: int, end: int, stay: Collection[str], cursors_in: Collection[str]
) -> Steps:
    """As `_moved`, or by moving each cell that it passes to its other side; `notebook` is as it is afterwards.

    Cells that are to stay are not taken away, those with a cursor only if that cannot be helped.
    """
    moved = {address(notebook.cells[end])}
    cells = notebook.cells[start:end] if start < end else notebook.cells[end + 1 : start + 1]
    passed = {address(cell) for cell in cells}
    for spared in ({*stay, *cursors_in}, set(stay)):
        if moved.isdisjoint(spared):
            return _moved(start, end)
        if len(cells) <= _MOST_AROUND and passed.isdisjoint(spared):
            step = 1 if start < end else -1
            return [change for at in range(start, end, step) for change in _moved(at + step, at)]
    raise TypedInError(address(notebook.cells[end]))


def _delete(document: YNotebook, index: int) -> None:
    del document.ycells[index]


def _show(document: YNotebook, index: int, outputs: Sequence[Any], count: int | None) -> None:
    cell = document.ycells[index]
    put_outputs(cell, outputs)
    cell["execution_count"] = None if count is None else float(count)


def _splice(document: YNotebook, index: int, old: str, new: str) -> None:
    """Replace the one part in which two texts differ; places are counted in bytes of UTF-8."""
    before, cut, inserted = difference(old, new)
    text: Text = document.ycells[index]["source"]
    at, removed = len(before.encode()), len(cut.encode())
    if inserted:
        # Before the removal: behind what is removed it could come behind what others type there just now.
        text.insert(at, inserted)
        at += len(inserted.encode())
    if removed:
        del text[at : at + removed]


def _goes_on(shown: Map[Any], wanted: dict[str, Any]) -> bool:
    was = shown.to_py() or {}
    same = all(
        was.get(key) == wanted.get(key) == value
        for key, value in (("output_type", "stream"), ("name", wanted.get("name")))
    )
    return same and str(wanted["text"]).startswith(str(was.get("text")))


def _floats(value: Any) -> dict[str, Any]:
    """A plain copy with numbers as browsers have them."""
    copied: dict[str, Any] = json.loads(json.dumps(value))
    cast_all(copied, int, float)
    return copied
