"""What came of running a notebook anew: a verdict on each of its code cells, and on the whole. Values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from neuroworkflow_agent.outputs import Output

CellState: TypeAlias = Literal["same", "ran", "tolerated", "differs", "failed", "skipped", "not run"]
"""`ran`: to its end, with no outputs kept to compare; `tolerated`: it differs, as its tag allows; `not run`: an end came before."""
BAD: frozenset[CellState] = frozenset({"differs", "failed", "not run"})
"""What stands against a notebook."""
_NAMED = 4
"""So many cells are named in the summary."""


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """What came of one code cell."""

    number: int
    """Its place in the notebook, from 1, cells of text counted."""
    cell: str
    """Its address."""
    state: CellState
    reasons: tuple[str, ...] = ()
    """Why, a sentence each."""
    missing: tuple[str, ...] = ()
    """Names that it needs and no cell above it gives."""
    source: str = field(default="", repr=False)
    before: tuple[Output, ...] = field(default=(), repr=False)
    """Outputs that are kept."""
    after: tuple[Output, ...] = field(default=(), repr=False)
    """Outputs of the new run."""

    @property
    def is_bad(self) -> bool:
        """Whether it stands against the notebook."""
        return self.state in BAD


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of the whole notebook."""

    notebook: str
    kernel_name: str
    cells: tuple[CellVerdict, ...] = ()
    """Of its code cells with a text, in order."""
    remarks: tuple[str, ...] = ()
    """What else is to be known, which does not count."""
    trouble: str = ""
    """Why it could not be run at all."""
    duration_s: float = 0.0

    @property
    def is_verified(self) -> bool:
        """Whether every cell that was run came out as it is kept."""
        return not self.trouble and not self.bad

    @property
    def bad(self) -> tuple[CellVerdict, ...]:
        """Cells that differ, failed or were not reached."""
        return tuple(each for each in self.cells if each.is_bad)

    @property
    def word(self) -> str:
        """For a closing line: `verified`, or `not verified: cell 4 differs`."""
        if self.is_verified:
            return "verified"
        return f"not verified: {self.trouble or _named(self.bad)}"

    @property
    def summary(self) -> str:
        """One sentence."""
        if not self.is_verified:
            return f"Not verified: {self.trouble or _named(self.bad)}."
        ran = [each for each in self.cells if each.state != "skipped"]
        compared = sum(each.state in ("same", "tolerated") for each in self.cells)
        same = (
            "all with the same outputs"
            if compared == len(ran)
            else f"{compared} with the same outputs, the others had none"
        )
        return (
            f"Verified: {_cells(len(ran))} ran in a fresh kernel, {same}."
            if ran
            else "Verified: there is no code to run."
        )

    def as_json(self) -> dict[str, Any]:
        """JSON-safe, without outputs."""
        return {
            "notebook": self.notebook,
            "verified": self.is_verified,
            "summary": self.summary,
            "kernel": self.kernel_name,
            "trouble": self.trouble,
            "remarks": list(self.remarks),
            "duration_s": round(self.duration_s, 3),
            "cells": [
                {"number": each.number, "cell": each.cell, "state": each.state, "reasons": list(each.reasons), "missing": list(each.missing)}
                for each in self.cells
            ],
        }  # fmt: skip


def _named(bad: Sequence[CellVerdict]) -> str:
    words = {"differs": "differs", "failed": "failed", "not run": "was not run"}
    named = ", ".join(f"cell {each.number} {words[each.state]}" for each in bad[:_NAMED])
    return f"{named} and {len(bad) - _NAMED} more" if len(bad) > _NAMED else named


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"
