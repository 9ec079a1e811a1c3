"""What edits change in a room's document: as little as there is to change.

Texts are spliced, so that what others type into the same cell stays. A cell's outputs grow at their end, so that those
who look see them come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import nbformat
from jupyter_ydoc import YNotebook
from jupyter_ydoc.utils import cast_all
from pycrdt import Array, Map, Text

from neuroworkflow_agent.notebooks.cells import index_of
from neuroworkflow_agent.notebooks.changes import as_added
from neuroworkflow_agent.notebooks.edits import Applied, Delete, Insert, Move, Restore, SetOutputs
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.notebooks.splices import difference

Change = Callable[[YNotebook], None]
Steps = Sequence[Change]


def transactions(changes: Sequence[Steps]) -> list[list[Change]]:
    """The steps of several edits in as few transactions as can be."""
    found: list[list[Change]] = [[]]
    for steps in changes:
        found[-1] += steps[:1]
        found += [[step] for step in steps[1:]]
    return found


def snapshot(document: YNotebook) -> Notebook:
    """The notebook that a document is now; its cells stand as in the document."""
    from_dict: Any = nbformat.from_dict
    notebook = from_dict(document.get(deduplicate=False))
    for cell in notebook.cells:
        cell.setdefault("metadata", from_dict({}))
        if cell.cell_type == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
    return notebook


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


def room_change(notebook: Notebook, applied: Applied, before: int) -> Steps:
    """What to do in a document for an edit, each step in a transaction of its own; see `changes.plan`."""
    edit = applied.edit
    if isinstance(edit, Delete):
        return (partial(_delete, index=before),)
    after = index_of(notebook, applied.cell)
    match edit:
        case Insert() | Restore():
            content = _floats(notebook.cells[after])
            if isinstance(edit, Insert):
                content = as_added(content)
            return (partial(_insert, index=after, content=content),)
        case Move():
            return _moved(before, after)
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
        content.pop("execution_state", None)
        if content["cell_type"] == "code":
            content.setdefault("outputs", [])
        taken.append(content)
        del document.ycells[start]

    def put(document: YNotebook) -> None:
        document.ycells.insert(end, document.create_ycell(taken.pop()))

    return (take, put) if start != end else ()


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
