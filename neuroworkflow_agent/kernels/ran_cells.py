"""Cells that the user ran, as the model is told of them: bounded, the newest first to be kept, without known secrets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from neuroworkflow_agent.text import MAX_SECRET_CHARS, clip, end_without_secrets, strip_control

MAX_CELLS = 40
"""How many are remembered until they are told."""
MAX_CHARS_PER_CELL = 3000
_SHORT_CHARS = 200
_MOST_LONG = 8
"""How often what is kept may be there in pieces that are not short."""


class Tail:
    """The last characters of a text that comes in pieces.

    Parameters
    ----------
    max_chars
        How many to give; more are kept, for secrets to be known whole.
    """

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._kept_chars = max_chars + MAX_SECRET_CHARS
        self._pieces = self._of()
        self._long_chars = 0
        """Of pieces that are not short, since they were last made one."""

    def add(self, text: str) -> None:
        """Take in a piece; from any thread."""
        if text:
            self._pieces.append(text[-self._kept_chars :])
            if len(text) > _SHORT_CHARS:  # many short ones need no other bound than their number
                self._long_chars += min(len(text), self._kept_chars)
                if self._long_chars > _MOST_LONG * self._kept_chars:
                    self.settle()

    def text(self, hide: Callable[[str], str] = str) -> str:
        """The end so far, without secrets that `hide` takes out, nor the rest of one that was cut through."""
        kept = self._kept
        return end_without_secrets(kept, hide, self._max_chars, is_cut=len(kept) >= self._kept_chars)

    def settle(self) -> None:
        """Keep the end in one piece, as once no more comes."""
        self._pieces, self._long_chars = self._of(self._kept), 0

    def _of(self, *pieces: str) -> deque[str]:
        """No piece is empty or longer than what is kept, so as many as that has characters hold the end whole."""
        return deque(filter(None, pieces), maxlen=self._kept_chars)

    @property
    def _kept(self) -> str:
        return "".join(self._pieces.copy())[-self._kept_chars :]


@dataclass
class RanCell:
    """One cell the user ran."""

    count: int | None
    source: str
    output: Tail = field(default_factory=lambda: Tail(MAX_CHARS_PER_CELL))
    error: str = ""

    def fail(self, error: str) -> None:
        """Remember the exception that ended it, in a line."""
        self.error = error

    def render(self, max_chars: int, hide: Callable[[str], str] = str) -> str:
        """The cell as text; secrets are hidden before it is cut, since half a secret is not known any more."""
        head = f"In [{self.count}]:" if self.count is not None else "In:"
        source = clip(hide(self.source.strip()), max_chars // 2)
        output = clip(self.output.text(lambda text: hide(strip_control(text))).strip(), max_chars // 2)
        return f"{head}\n{source}" + (f"\nOutput:\n{output}" if output else "")


def told(cells: Sequence[RanCell], budget_chars: int, hide: Callable[[str], str] = str) -> str:
    """Cells as text within a budget; where that is too little, the oldest are left out, and it is said how many."""
    kept: list[str] = []
    room = budget_chars
    for cell in reversed(cells):
        text = cell.render(min(room, MAX_CHARS_PER_CELL), hide)
        if len(text) > room or room < 100:
            kept.append(f"[{len(cells) - len(kept)} earlier cells left out]")
            break
        kept.append(text)
        room -= len(text) + 2
    return "\n\n".join(reversed(kept))
