"""What an open page is asked to do for an edit: as little as there is to change. Pure.

An edit is made here first, in what was read of the page, so that it is refused as everywhere. What comes of it
goes to the page in its own terms, and the page makes it only if its cells still say what was read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from neuroworkflow_agent.notebooks.cells import address, index_of
from neuroworkflow_agent.notebooks.edits import (
    Applied,
    Delete,
    Edit,
    Insert,
    Move,
    Restore,
    SetOutputs,
    apply,
)
from neuroworkflow_agent.notebooks.reading import Notebook

Change = dict[str, Any]


def plan(
    notebook: Notebook, edits: Sequence[Edit], running: Collection[str]
) -> tuple[list[Applied], list[Change]]:
    """Make edits in a notebook, and tell what a page has to change for them.

    Parameters
    ----------
    notebook
        Changed in place, also where an edit is refused.

    Raises
    ------
    EditRefusedError
        If one of them cannot be made.
    """
    done: list[Applied] = []
    changes: list[Change] = []
    for edit in edits:
        (applied,) = apply(notebook, [edit], running=running)
        done.append(applied)
        changes.append(_change(notebook, applied))
    return done, changes


def _change(notebook: Notebook, applied: Applied) -> Change:
    cell = applied.cell
    match applied.edit:
        case Insert():
            return {
                "op": "insert",
                "cell": cell,
                "after": _before(notebook, cell),
                "content": _new(notebook, cell),
            }
        case Restore():
            # The page has kept all of it; what was read of it is not the whole.
            return {"op": "insert", "cell": cell, "after": _before(notebook, cell), "kept": True}
        case Move():
            return {"op": "move", "cell": cell, "after": _before(notebook, cell)}
        case Delete():
            return {"op": "delete", "cell": cell}
        case SetOutputs(outputs=outputs, execution_count=count, digest=digest):
            return {
                "op": "outputs",
                "cell": cell,
                "outputs": list(outputs),
                "count": count,
                "checked": bool(digest),
            }
        case _:
            undo: Any = applied.undo
            return {
                "op": "text",
                "cell": cell,
                **splice(undo.source, notebook.cells[index_of(notebook, cell)].source),
            }


def splice(old: str, new: str) -> dict[str, Any]:
    """The one place where two texts differ, in the UTF-16 units in which a browser counts."""
    start = 0
    shortest = min(len(old), len(new))
    while start < shortest and old[start] == new[start]:
        start += 1
    end = 0
    while end < shortest - start and old[-1 - end] == new[-1 - end]:
        end += 1
    removed, inserted = old[start : len(old) - end], new[start : len(new) - end]
    return {"at": _units(old[:start]), "remove": _units(removed), "insert": inserted}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _before(notebook: Notebook, cell: str) -> str:
    """The cell that one stands behind; empty for the first."""
    index = index_of(notebook, cell)
    return address(notebook.cells[index - 1]) if index else ""


def _new(notebook: Notebook, cell: str) -> dict[str, Any]:
    made = dict(notebook.cells[index_of(notebook, cell)])
    if made["cell_type"] == "code":
        # As a cell that a person adds: it shows nothing that would have to be trusted.
        made["metadata"] = {**made["metadata"], "trusted": True}
    return made
