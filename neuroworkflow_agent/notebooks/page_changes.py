"""What an open page is asked to do for an edit: as little as there is to change. Pure.

The page makes it only if its cells still say what was read.
"""

from __future__ import annotations

from typing import Any

from neuroworkflow_agent.notebooks.cells import address, index_of
from neuroworkflow_agent.notebooks.changes import as_added
from neuroworkflow_agent.notebooks.edits import Applied, Delete, Insert, Move, Restore, SetOutputs
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.notebooks.splices import difference

Change = dict[str, Any]


def page_change(notebook: Notebook, applied: Applied, _before_it: int) -> Change:
    """What a page has to do for an edit; see `changes.plan`."""
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
    before, removed, inserted = difference(old, new)
    return {"at": _units(before), "remove": _units(removed), "insert": inserted}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _before(notebook: Notebook, cell: str) -> str:
    """The cell that one stands behind; empty for the first."""
    index = index_of(notebook, cell)
    return address(notebook.cells[index - 1]) if index else ""


def _new(notebook: Notebook, cell: str) -> dict[str, Any]:
    return as_added(dict(notebook.cells[index_of(notebook, cell)]))
