"""What has to be in a notebook that several clients edit at random, by what they asked and what they were told.

Calls overlap, so that of two that were under way at once either may have come first; of two of which one was answered
before the other was asked, it may not. A call that was never answered may have been made or not.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

END = "#END"
"""Last line of each cell, before which edits put theirs."""
_NEVER = float("inf")


@dataclass(eq=False)
class Made:
    """One call that changes something."""

    start: float = field(default_factory=time.monotonic)
    end: float = _NEVER
    """When it was answered."""

    def was_before(self, other: Made) -> bool:
        """Whether it was answered before the other was asked."""
        return self.end < other.start


@dataclass(eq=False)
class Placed(Made):
    """A cell put first, or last."""

    is_first: bool = False


@dataclass(eq=False)
class Ran(Made):
    """The code of a cell run."""

    state: str = ""
    """As the answer has it."""


@dataclass(eq=False)
class Cell:
    """What was asked of one cell."""

    token: str = ""
    """What its code prints."""
    edits: dict[str, Made] = field(default_factory=dict)
    """By the token that each puts in."""
    placed: list[Placed] = field(default_factory=list)
    runs: list[Ran] = field(default_factory=list)
    deletions: list[Made] = field(default_factory=list)

    @property
    def is_gone(self) -> bool:
        """Whether somebody was told that it is deleted."""
        return any(each.end < _NEVER for each in self.deletions)


class Truth:
    """All that was asked of a notebook's cells."""

    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}
        self.typed: dict[str, Cell] = {}
        """Those that people type in, which are not run and not deleted."""
        self.perhaps: set[str] = set()
        """What cells print whose insertion was not answered (yet)."""
        self.edits = 0
        """How many calls have succeeded."""
        self.refused = 0
        """How many were refused."""
        self.unanswered = 0
        """How many were never answered, or uncertainly."""
        self._numbers = itertools.count(1)

    def token(self) -> str:
        """A text that occurs nowhere else."""
        return f"t{next(self._numbers):06d}t"

    @property
    def known(self) -> list[str]:
        """Ids of cells that nobody has asked to delete."""
        return [cell for cell, about in self.cells.items() if not about.deletions]

    def about(self, cell: str) -> Cell:
        """What was asked of it."""
        return self.typed[cell] if cell in self.typed else self.cells[cell]

    def check(self, notebook: Any) -> None:
        """Compare a notebook with it; what people have typed is for them to check."""
        ids = [cell.id for cell in notebook.cells]
        assert [cell for cell, times in Counter(ids).items() if times > 1] == []
        kept = {cell for cell, about in self.cells.items() if not about.deletions}
        assert kept - set(ids) == set()
        assert [cell for cell in ids if cell in self.cells and self.cells[cell].is_gone] == []
        for cell in notebook.cells:
            if cell.id in self.cells:
                _check_text(cell, self.cells[cell.id])
                _check_outputs(cell, self.cells[cell.id])
            elif cell.id in self.typed:
                check_edits(written_tokens(cell.source), self.typed[cell.id].edits)
        strangers = [cell.source for cell in notebook.cells if cell.id not in {*self.cells, *self.typed}]
        expected = [f"print('{token}')\n{END}" for token in self.perhaps]
        assert Counter(strangers) - Counter(expected) == Counter()
        assert self.typed.keys() <= set(ids)
        self._check_order([cell for cell in ids if cell in self.cells or cell in self.typed])

    def _check_order(self, ids: list[str]) -> None:
        """Cells that were put first stand before those that nobody moved, these before those that were put last."""
        last = {cell: at for cell in ids if (at := _last_of(self.about(cell).placed))}
        unmoved = {cell for cell, about in self.typed.items() if not about.placed}
        for (before, cell), (after, later) in itertools.combinations(enumerate(ids), 2):
            ours, theirs = last.get(cell), last.get(later)
            if ours and theirs:
                assert _may_stand(ours, theirs), (before, cell, after, later)
            elif ours and later in unmoved:
                assert ours.is_first, (cell, later)
            elif theirs and cell in unmoved:
                assert not theirs.is_first, (cell, later)


def written_tokens(source: str) -> list[str]:
    """The tokens in a cell, in their order."""
    return re.findall(r"t\d{6}t", source)


def check_edits(tokens: Sequence[str], edits: Mapping[str, Made]) -> None:
    """Compare the tokens in a cell with the edits of it."""
    assert [token for token, times in Counter(tokens).items() if times > 1] == []
    assert set(tokens) - edits.keys() == set()
    answered = {token for token, edit in edits.items() if edit.end < _NEVER}
    assert answered - set(tokens) == set()
    assert may_be_in_order(edits[token] for token in tokens), tokens


def may_be_in_order(made: Iterable[Made]) -> bool:
    """Whether calls may have been made in this order."""
    latest_start = 0.0
    for each in made:
        if each.end < latest_start:
            return False
        latest_start = max(latest_start, each.start)
    return True


def _check_text(cell: Any, about: Cell) -> None:
    _first, *tokens = written_tokens(cell.source)
    lines = [f"print('{about.token}')", *(f"# {token}" for token in tokens), END]
    assert cell.source == "\n".join(lines)
    check_edits(tokens, about.edits)


def _check_outputs(cell: Any, about: Cell) -> None:
    shown = [output.text for output in cell.outputs]
    if not about.runs:
        assert (shown, cell.execution_count) == ([], None)
    elif any(run.end < _NEVER for run in about.runs) or shown:
        assert shown == [f"{about.token}\n"]
    if about.runs and all(run.end < _NEVER for run in about.runs):
        latest = [run for run in about.runs if not any(run.was_before(other) for other in about.runs)]
        assert f"run {cell.execution_count}" in [run.state for run in latest]


def _last_of(placed: Sequence[Placed]) -> Placed | None:
    """The last of them, if there is one, it was answered, and it can be told which it was."""
    latest = max(placed, key=lambda each: each.start, default=None)
    if latest is None or latest.end == _NEVER:
        return None
    return latest if all(each is latest or each.was_before(latest) for each in placed) else None


def _may_stand(left: Placed, right: Placed) -> bool:
    if left.is_first != right.is_first:
        return left.is_first
    return not left.was_before(right) if left.is_first else not right.was_before(left)
