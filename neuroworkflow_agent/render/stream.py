"""Markdown that is still being written, rendered without starting over at each word.

Finished top-level blocks never change again, so they are rendered once and handed out as closed chunks;
only the tail is rendered anew. A long code block is cut at a line break, so the tail stays small.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from neuroworkflow_agent.render.markdown import parser, render_html, render_text

_CHUNK_CHARS = 1_000
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^`\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A rendered piece of an answer."""

    html: str
    text: str


class MarkdownStream:
    """One growing Markdown text."""

    def __init__(self) -> None:
        self._tail = ""
        self._closed: list[Chunk] = []

    def feed(self, delta: str) -> None:
        """Add text at the end."""
        self._tail += delta

    def take_closed(self) -> list[Chunk]:
        """Pieces that will not change any more, each handed out once."""
        self._cut()
        closed, self._closed = self._closed, []
        return closed

    def tail(self) -> Chunk:
        """The rest as it would look if the text ended here."""
        return _chunk(self._tail)

    def _cut(self) -> None:
        """Move finished blocks out of the tail while it is longer than a chunk."""
        while len(self._tail) > _CHUNK_CHARS:
            boundary, reopen, shut = _boundary(self._tail)
            if boundary == 0:
                return
            self._closed.append(_chunk(self._tail[:boundary] + shut))
            self._tail = reopen + self._tail[boundary:]


def _chunk(markdown: str) -> Chunk:
    return Chunk(render_html(markdown), render_text(markdown))


def blocks(text: str) -> list[str]:
    """The top-level blocks of a text, each with the empty lines behind it; the last one may go on."""
    tokens = parser().parse(text)
    starts = {token.map[0] for token in tokens if token.level == 0 and token.map and token.nesting >= 0}
    lines = text.splitlines(keepends=True)
    edges = [*sorted({0, *starts}), len(lines)]
    return ["".join(lines[start:end]) for start, end in pairwise(edges) if start < end]


def _boundary(text: str) -> tuple[int, str, str]:
    """Where to cut, what to put before the rest, and what to put behind the part cut off."""
    *whole, _last = blocks(text)
    if whole:
        return sum(map(len, whole)), "", ""
    match = _FENCE.match(text)
    if match is None:
        return 0, "", ""
    # One block fills the tail: code. Cut it after a line and open the fence again.
    end = text.rfind("\n", match.end() + 1, _CHUNK_CHARS) + 1
    return (end, match.group(0) + "\n", match.group(1) + "\n") if end > match.end() + 1 else (0, "", "")
