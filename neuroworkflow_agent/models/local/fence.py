"""A small model's text, as it streams in: prose, and the first fenced Python block in it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_OPEN = re.compile(r"```[ \t]*(?:python|py|python3|ipython)?[ \t]*\n", re.IGNORECASE)
_CLOSE = re.compile(r"^[ \t]*```", re.MULTILINE)
_MAYBE_OPEN = re.compile(r"`{1,3}[ \t]*[a-z0-9]{0,8}[ \t]*$", re.IGNORECASE)
_REPEATS = 4
_MIN_REPEATED_CHARS = 60


@dataclass
class FenceReader:
    """Splits a growing text at its first Python fence.

    `feed` hands out prose as soon as it cannot be part of a fence; once the fence has closed, `code` is
    set and the rest is ignored.
    """

    code: str | None = None
    """Source of the block; set when it has closed, or by `finish`."""
    is_looping: bool = False
    """Whether the text repeats itself without end."""
    _held: str = ""
    _block: str | None = field(default=None)
    _all: str = ""

    @property
    def block(self) -> str:
        """The block as far as it has come."""
        return self._block or ""

    @property
    def is_done(self) -> bool:
        """Whether nothing that follows can matter."""
        return self.code is not None or self.is_looping

    def feed(self, delta: str) -> str:
        """Take more text; returns prose to show now."""
        if self.is_done:
            return ""
        self._all += delta
        self.is_looping = repeats(self._all)
        if self._block is not None:
            self._block += delta
            self._try_close()
            return ""
        self._held += delta
        opening = _OPEN.search(self._held)
        if opening is not None:
            prose, self._block = self._held[: opening.start()], self._held[opening.end() :]
            self._held = ""
            self._try_close()
            return prose
        maybe = _MAYBE_OPEN.search(self._held)
        cut = maybe.start() if maybe is not None else len(self._held)
        prose, self._held = self._held[:cut], self._held[cut:]
        return prose

    def finish(self) -> str:
        """The text is over: a block that was never closed counts, unless it went in circles."""
        prose, self._held = self._held, ""
        if self.code is None and self._block is not None and not self.is_looping:
            self.code = self._block.rstrip("`\n ") or None
        return prose

    def _try_close(self) -> None:
        assert self._block is not None
        closing = _CLOSE.search(self._block)
        if closing is not None:
            self.code = self._block[: closing.start()].rstrip()


def repeats(text: str) -> bool:
    """Whether `text` ends in the same passage several times over."""
    tail = text[-1200:]
    for size in range(8, len(tail) // _REPEATS + 1):
        passage = tail[-size:]
        if passage.strip() and size * _REPEATS >= _MIN_REPEATED_CHARS and tail.endswith(passage * _REPEATS):
            return True
    return False
