"""How answers of tools name a cell, and say that code runs on; written and read. Pure; without nbformat, for whoever only shows them."""

from __future__ import annotations

import re

_HEAD = re.compile(r"^(?:Done\. )?Cell \d+ · (\S+) · ")


def cell_head(index: int, address: str) -> str:
    """A cell's place, as people count, and its address."""
    return f"Cell {index + 1} · {address}"


STILL_RUNS = "The code still runs"
"""How the answer for code begins that runs on."""


def runs_on(answer: str) -> bool:
    """Whether an answer says that the code of its call has not ended."""
    return answer.startswith(STILL_RUNS)


def address_told(answer: str) -> str:
    """The address of the cell that an answer begins with; empty if it does not."""
    found = _HEAD.match(answer)
    return found.group(1) if found else ""
