"""How answers of the cells' tools name a cell, written and read. Pure; without nbformat, for whoever only shows them."""

from __future__ import annotations

import re

_HEAD = re.compile(r"^(?:Done\. )?Cell \d+ · (\S+) · ")


def cell_head(index: int, address: str) -> str:
    """A cell's place, as people count, and its address."""
    return f"Cell {index + 1} · {address}"


def address_told(answer: str) -> str:
    """The address of the cell that an answer begins with; empty if it does not."""
    found = _HEAD.match(answer)
    return found.group(1) if found else ""
