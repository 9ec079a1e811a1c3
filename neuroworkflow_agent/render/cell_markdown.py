"""A model's Markdown as it may stand in a notebook's cell, where JupyterLab renders it whenever it is opened.

Nothing in it loads anything: images become links, HTML is shown as text, code and maths stay. JupyterLab takes
maths out of the text first and parses it with another parser than ours, so what one of the two reads as code may
be HTML to the other. Code is therefore left alone only where there cannot be two readings; everywhere else a
space behind each `<` that could begin a tag makes text of it, whatever is around it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from neuroworkflow_agent.text import strip_control

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\](?=\()")
_BANG = re.compile(r"!(?=\[)")
_FENCE_LIKE = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]*)*(?:`{3}|~{3})")
_INDENTED_FENCE = re.compile(r"( *)(`{3,}|~{3,})[ \t]*([^`~\n]*)")
_DRAWING = re.compile(r"(?i)([`~]{3,}\s*)mermaid")
_MATHS = re.compile(r"\\(?:begin|end)\b|\\\\[()\[\]]|@@\d")
"""Delimiters of maths that JupyterLab also finds inside of code."""
_TWO_READINGS = re.compile(r"``|\\`|\]\(|://|www\.|@")
"""What may take a backtick for itself: runs, escapes, targets of links, bare addresses."""
_SPAN = re.compile(r"`[^`\n]*`")


def cell_markdown(text: str, *, keep_code: bool = True) -> str:
    """Markdown that loads nothing, for a cell.

    Parameters
    ----------
    text
        Of the model, or of anybody else.
    keep_code
        Leave code alone where that is safe; only for a text that begins at the left margin of its cell.
    """
    lines = strip_control(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    if not keep_code:
        return _without_tags("\n".join(lines))
    return "\n".join(_Blocks(lines).neutral())


class _Blocks:
    """A text's lines, gone through once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._is_clear = True
        """Whether every parser has found the same fences up to here."""
        self._has_maths = _MATHS.search("\n".join(lines)) is not None

    def neutral(self) -> Iterator[str]:
        at = 0
        prose: list[str] = []
        while at < len(self._lines):
            if not _FENCE_LIKE.match(self._lines[at]):
                prose.append(self._lines[at])
                at += 1
                continue
            end = self._end_of_fence(at)
            if self._is_clear and self._lines[at][0] in "`~":
                if prose and prose[-1].strip():
                    prose.append("")  # so that no maths and no list goes on into the fence
                yield from self._prose(prose)
                prose = []
                yield from self._fence(self._lines[at : end + 1])
            else:
                prose += self._lines[at : end + 1]
            at = end + 1
        yield from self._prose(prose)

    def _end_of_fence(self, at: int) -> int:
        """Its last line: the next one that looks like a fence, which has to be an end that no parser doubts."""
        for end in range(at + 1, len(self._lines)):
            if _FENCE_LIKE.match(self._lines[end]):
                self._is_clear = self._is_clear and _is_fence(self._lines[at : end + 1])
                return end if self._is_clear else at
        self._is_clear = False
        return at

    def _fence(self, lines: list[str]) -> Iterator[str]:
        first, *code, last = lines
        yield _without_drawing(first)
        if any(_MATHS.search(line) for line in code):
            self._is_clear = False
            code = [_without_tags(line) for line in code]
        yield from code
        yield last

    def _prose(self, lines: list[str]) -> Iterator[str]:
        for _, paragraph in itertools.groupby(lines, key=lambda line: bool(line.strip())):
            together = list(paragraph)
            has_code = not self._has_maths and all(map(_has_clear_spans, together))
            yield from map(_around_spans if has_code else _without_tags, together)


def _is_fence(lines: list[str]) -> bool:
    """Whether the first line begins a fence and the last one ends it, for every parser.

    In a list all lines have to be indented as the first is; what begins behind a list's or a quotation's mark
    ends with that, sooner than its fence tells.
    """
    opening = _INDENTED_FENCE.fullmatch(lines[0])
    if opening is None:
        return False
    indent, marks, _ = opening.groups()
    return lines[-1].rstrip() == indent + marks and all(
        line.startswith(indent) for line in lines if line.strip()
    )


def _has_clear_spans(line: str) -> bool:
    return line.count("`") % 2 == 0 and (not line.count("`") or _TWO_READINGS.search(line) is None)


def _around_spans(line: str) -> str:
    """A line without tags but for its code; a bar in code may end it, where the line is a table's."""
    kept = [(m.start(), m.end()) for m in _SPAN.finditer(line) if "|" not in m.group()]
    pieces, at = [], 0
    for start, end in kept:
        pieces += [_without_tags(line[at:start]), line[start:end]]
        at = end
    return "".join([*pieces, _without_tags(line[at:])])


def _without_tags(text: str) -> str:
    text = _IMAGE.sub(lambda m: f"[{m.group(1).strip() or 'image'}]", text)
    text = _without_drawing(text)
    # A definition of a link would be found by one parser inside of what another reads as code.
    return _TAG.sub("< ", _BANG.sub("! ", text)).replace("]:", "]\\:")


def _without_drawing(text: str) -> str:
    """Fences of Mermaid as text: JupyterLab draws them, with whatever pictures they name."""
    return _DRAWING.sub(r"\1text", text)
