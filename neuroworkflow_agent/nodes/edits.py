"""Changes of a file's text at places of its syntax tree, which leave every other byte as it is."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from neuroworkflow_agent.nodes.source import Source

Place: TypeAlias = tuple[int, int]
"""Line, from 1, and column, from 0, in characters."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """What stands between two places becomes another text."""

    start: Place
    end: Place
    text: str
    """Its lines end in a line feed; in the file they end as the others there."""


@dataclass(frozen=True, slots=True)
class FileText:
    """The text of a file with its own line ends, and its encoding."""

    raw: str
    encoding: str

    @classmethod
    def of(cls, data: bytes) -> FileText | None:
        """None if it could not be written back as it was."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            text = cls(data.decode(encoding), encoding)
            return text if text.data == data else None
        except (SyntaxError, LookupError, ValueError):
            return None

    @property
    def data(self) -> bytes:
        """As in the file.

        Raises
        ------
        ValueError
            If the encoding does not have what was written.
        """
        return self.raw.encode(self.encoding)

    @property
    def text(self) -> str:
        """As Python reads it."""
        return self.raw.replace("\r\n", "\n").replace("\r", "\n")

    def edited(self, edits: Sequence[Edit]) -> FileText:
        """The text with all edits, of which no two overlap."""
        lines = _LINE.findall(self.raw)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        usual = next((end for line in lines if (end := line[len(line.rstrip("\r\n")) :])), "\n")
        raw, done = [], 0
        for edit in sorted(edits):
            first, last = (
                starts[min(line, len(starts)) - 1] + column for line, column in (edit.start, edit.end)
            )
            raw += [self.raw[done:first], edit.text.replace("\n", usual)]
            done = last
        return FileText("".join([*raw, self.raw[done:]]), self.encoding)


def start_of(source: Source, node: ast.AST) -> Place:
    """Where a node of the tree begins."""
    return _place(source, node.lineno, node.col_offset)  # type: ignore[attr-defined]


def end_of(source: Source, node: ast.AST) -> Place:
    """Where it ends."""
    return _place(source, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def text_of(source: Source, node: ast.AST) -> str:
    """What it is in the file."""
    (first, start), (last, end) = start_of(source, node), end_of(source, node)
    lines = source.lines[first - 1 : last]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return "\n".join(lines)


def _place(source: Source, line: int, offset: int) -> Place:
    # The tree counts bytes of UTF-8.
    text = source.lines[line - 1]
    return line, offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace"))
