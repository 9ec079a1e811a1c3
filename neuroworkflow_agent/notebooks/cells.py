"""Cells of a notebook, addressed by what stays when others move. Pure.

A cell's address is its id. Notebooks older than nbformat 4.5 have no ids; a cell of theirs is addressed by what it
says, `~` and a digest, and only if no other one says the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.notebooks.reading import Notebook

_FIRST_MINOR_WITH_IDS = 5
"""Of nbformat 4."""


def digest(source: str) -> str:
    """What names a cell's text in an edit that was made for it."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def address(cell: Mapping[str, Any]) -> str:
    """What a cell is called in edits."""
    return str(cell.get("id") or f"~{digest(cell['cell_type'] + cell['source'])[:8]}")


def has_ids(notebook: Notebook) -> bool:
    """Whether the notebook's cells may have ids."""
    return (notebook.get("nbformat_minor") or 0) >= _FIRST_MINOR_WITH_IDS


def index_of(notebook: Notebook, wanted: str) -> int:
    """Where the cell with an address is now.

    Raises
    ------
    EditRefusedError
        If there is none, or several.
    """
    found = [index for index, cell in enumerate(notebook.cells) if address(cell) == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        why = "say the same and have no ids" if wanted.startswith("~") else "have that id"
        raise EditRefusedError(
            f"Which cell {wanted!r} is cannot be told: {len(found)} {why}. 'run --upgrade' gives all cells ids of their own."
        )
    raise EditRefusedError(f"The notebook has no cell {wanted!r} (any more). Read its outline again.")
