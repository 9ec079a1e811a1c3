"""The lines of a file that change, as `diff -u` writes them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_CONTEXT_LINES = 3
_MAX_COMPARED_LINES = 2_000
"""Longer changes are one piece, what goes and what comes: comparing takes time with the square of the lines."""
_NO_END = "\n\\ No newline at end of file"


def unified_diff(before: str, after: str) -> str:
    """What changes from one text to the other, with the numbers of the lines and some that stay around them.

    Returns
    -------
    str
        Pieces that begin with `@@ -12,7 +12,8 @@`, without a head of file names; empty if nothing changes.
    """
    return "\n".join(_pieces(_lines(before), _lines(after), _CONTEXT_LINES))


def part_diff(old: str, new: str, *, context_lines: int = _CONTEXT_LINES) -> str:
    """What changes in a part of a file, whose lines have other numbers there: without the heads of pieces.

    Parameters
    ----------
    context_lines
        How many lines that stay are shown around what changes.
    """
    before, after = (text.split("\n") if text else [] for text in (old, new))
    return "\n".join(line for line in _pieces(before, after, context_lines) if not line.startswith("@@"))


def _pieces(old: Sequence[str], new: Sequence[str], context_lines: int) -> Iterator[str]:
    """Lines of the pieces; a line of the text begins with a sign, a head with `@@`."""
    if old == new:
        return
    start, end = _common(old, new)
    first = max(0, start - context_lines)
    some_old = old[first : len(old) - max(0, end - context_lines)]
    some_new = new[first : len(new) - max(0, end - context_lines)]
    for group in _groups(some_old, some_new, context_lines):
        yield from _piece(group, some_old, some_new, first)


def _lines(text: str) -> list[str]:
    """Lines as `diff` has them: only a line feed ends one, and a last line without one is another line."""
    if not text:
        return []
    if text.endswith("\n"):
        return text[:-1].split("\n")
    *lines, last = text.split("\n")
    return [*lines, last + _NO_END]


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines at the start, and how many of the others at the end, are the same."""
    most = min(len(old), len(new))
    start = next((n for n in range(most) if old[n] != new[n]), most)
    most -= start
    end = next((n for n in range(most) if old[-1 - n] != new[-1 - n]), most)
    return start, end


_Opcode = tuple[str, int, int, int, int]


def _groups(old: Sequence[str], new: Sequence[str], context_lines: int) -> list[list[_Opcode]]:
    if len(old) + len(new) <= _MAX_COMPARED_LINES:
        return list(SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context_lines))
    start, end = _common(old, new)
    last_old, last_new = len(old) - end, len(new) - end
    return [
        [
            ("equal", 0, start, 0, start),
            ("replace", start, last_old, start, last_new),
            ("equal", last_old, len(old), last_new, len(new)),
        ]
    ]


def _piece(group: Sequence[_Opcode], old: Sequence[str], new: Sequence[str], skipped: int) -> Iterator[str]:
    old_range = _range(group[0][1] + skipped, group[-1][2] + skipped)
    new_range = _range(group[0][3] + skipped, group[-1][4] + skipped)
    yield f"@@ -{old_range} +{new_range} @@"
    for tag, old_start, old_end, new_start, new_end in group:
        if tag == "equal":
            yield from (f" {line}" for line in old[old_start:old_end])
        else:
            yield from (f"-{line}" for line in old[old_start:old_end])
            yield from (f"+{line}" for line in new[new_start:new_end])


def _range(start: int, end: int) -> str:
    """Lines as the head of a piece counts them: from 1; an empty range stands after the line before it."""
    count = end - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"
