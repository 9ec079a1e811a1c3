"""What edits change, for a notebook that is held elsewhere: in a page, in a room. Pure.

An edit is made first in what was read, so that it is refused as everywhere; what comes of it is told in the holder's
own terms, as the little that differs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.notebooks.cells import index_of
from neuroworkflow_agent.notebooks.edits import Applied, Edit, apply
from neuroworkflow_agent.notebooks.reading import Notebook

Change = TypeVar("Change")


def plan(
    notebook: Notebook,
    edits: Sequence[Edit],
    running: Collection[str],
    change: Callable[[Notebook, Applied, int], Change],
) -> tuple[list[Applied], list[Change]]:
    """Make edits in a notebook, and tell what its holder has to change for them.

    Parameters
    ----------
    notebook
        Changed in place, also where an edit is refused.
    change
        Tells it of one edit, with the notebook behind it and the index of its cell before it; -1 for a new one.

    Raises
    ------
    EditRefusedError
        If one of them cannot be made.
    """
    done: list[Applied] = []
    changes: list[Change] = []
    for edit in edits:
        before = _index(notebook, getattr(edit, "cell", ""))
        (applied,) = apply(notebook, [edit], running=running)
        done.append(applied)
        changes.append(change(notebook, applied, before))
    return done, changes


def as_added(cell: dict[str, Any]) -> dict[str, Any]:
    """A new cell as one that a person adds: it shows nothing that would have to be trusted."""
    if cell["cell_type"] != "code":
        return cell
    return {**cell, "metadata": {**cell["metadata"], "trusted": True}}


def _index(notebook: Notebook, cell: str) -> int:
    try:
        return index_of(notebook, cell)
    except EditRefusedError:
        return -1
