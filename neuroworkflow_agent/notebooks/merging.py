"""Two versions of a notebook that came from one, brought together by the ids of their cells. Pure.

What only one side changed is taken from it. Where both changed the same cell, or one changed what the other took
away, nothing is merged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.notebooks.cells import has_ids
from neuroworkflow_agent.notebooks.reading import Notebook


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known of a version without keeping it."""

    cells: Mapping[str, str]
    """Digest of each cell by its id, in their order."""
    rest: str
    """Digest of the notebook's metadata and version."""


def fingerprint(notebook: Notebook) -> Fingerprint | None:
    """Of a notebook; None if its cells cannot be told from each other."""
    cells = {str(cell.get("id")): _digest(cell) for cell in notebook.cells}
    if not has_ids(notebook) or len(cells) < len(notebook.cells):
        return None
    return Fingerprint(cells, _digest({key: value for key, value in notebook.items() if key != "cells"}))


def merge(base: Fingerprint | None, ours: Notebook, theirs: Notebook) -> bool:
    """Bring into `ours` what `theirs` changed.

    Parameters
    ----------
    base
        What both came from.
    ours
        Changed in place; cells that only we changed stay the same objects.
    theirs
        The other version; what is taken from it belongs to `ours` afterwards.

    Returns
    -------
    bool
        Whether that was possible; if not, `ours` is as it was.
    """
    mine, other = fingerprint(ours), fingerprint(theirs)
    if base is None or mine is None or other is None:
        return False
    if mine.rest not in (base.rest, other.rest) and other.rest != base.rest:
        return False
    if any(_disagree(cell_id, base, mine, other) for cell_id in {*base.cells, *mine.cells, *other.cells}):
        return False
    our_cells = {cell["id"]: cell for cell in ours.cells}
    their_cells = {cell["id"]: cell for cell in theirs.cells}
    order = _order(list(base.cells), list(mine.cells), list(other.cells))
    for cell_id in order:
        if cell_id in our_cells and mine.cells[cell_id] == base.cells.get(cell_id) and cell_id in their_cells:
            ours_now, theirs_now = our_cells[cell_id], their_cells[cell_id]
            ours_now.update(theirs_now)  # first: who reads the cell meanwhile finds it whole
            for key in ours_now.keys() - theirs_now.keys():
                del ours_now[key]
    ours.cells = [our_cells.get(cell_id) or their_cells[cell_id] for cell_id in order]
    if mine.rest == base.rest:
        for key in [key for key in ours if key != "cells"]:
            del ours[key]
        ours.update({key: value for key, value in theirs.items() if key != "cells"})
    return True


def _disagree(cell_id: str, base: Fingerprint, mine: Fingerprint, other: Fingerprint) -> bool:
    was, ours, theirs = (each.cells.get(cell_id) for each in (base, mine, other))
    return ours not in (was, theirs) and theirs != was


def _order(base: list[str], mine: list[str], other: list[str]) -> list[str]:
    """Ids of the merged cells: the order of the side that moved any, ours if both did; new ones behind what they followed."""
    gone = {cell_id for cell_id in base if cell_id not in mine or cell_id not in other}
    has_moved = [cell_id for cell_id in mine if cell_id in base] != [
        cell_id for cell_id in base if cell_id in mine
    ]
    lead, rest = (mine, other) if has_moved else (other, mine)
    merged = [cell_id for cell_id in lead if cell_id not in gone]
    for place, cell_id in enumerate(rest):
        if cell_id in gone or cell_id in merged:
            continue
        before = next((each for each in reversed(rest[:place]) if each in merged), None)
        merged.insert(merged.index(before) + 1 if before is not None else 0, cell_id)
    return merged


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
