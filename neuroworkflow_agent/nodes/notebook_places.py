"""Where the code of a notebook stands in its file: the lines of the `.ipynb` are what GitHub and code scanning show.

The code cells are read as one text; a person looks for a line of a cell, a program for a line of the JSON. Both are
told: the first in a finding's words, the second as its line and column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from neuroworkflow_agent.nodes.findings import Finding

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|.", re.DOTALL)
"""How JSON writes one character of a text."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell, and what is read of it."""

    index: int
    """Among all cells, from 0."""
    source: str
    """As the file has it."""
    start: int
    """The first of its lines in the joined text, from 1."""
    lines: tuple[str, ...]
    """As Python reads them, where magics are calls."""

    def own_line(self, line: int) -> int:
        """The line of the cell, from 1, that a line of the joined text comes from."""
        at, written = line - self.start, self.source.splitlines()
        if tuple(written) == self.lines:
            return at + 1
        # IPython leaves out empty lines at the beginning, and makes one line of a long command.
        blocks = SequenceMatcher(None, self.lines, written, autojunk=False).get_matching_blocks()
        before = max((each for each in blocks if each.a <= at), key=lambda each: each.a, default=blocks[-1])
        return max(1, min(before.b + at - before.a + 1, len(written)))


@dataclass(frozen=True, slots=True)
class Places:
    """The code cells of one notebook, in their order."""

    cells: Sequence[CodeCell]

    def in_words(self, line: int) -> str:
        """`Code cell 3, line 2` for a line of the joined text; empty where there are no cells."""
        number = sum(cell.start <= line for cell in self.cells)
        return f"Code cell {number}, line {self.cells[number - 1].own_line(line)}" if number else ""

    def in_file(self, findings: Sequence[Finding], notebook: str) -> list[Finding]:
        """Findings with their lines and columns in the notebook's file.

        Parameters
        ----------
        findings
            With those of the joined text.
        notebook
            The file's text. A cell that is not there as it was read is told by words alone, at the file's beginning.
        """
        texts = list(_source_texts(notebook)) if findings else []
        return [self._placed(finding, notebook, texts) for finding in findings]

    def _placed(self, finding: Finding, notebook: str, texts: Sequence[tuple[int, int, str]]) -> Finding:
        cell = next((each for each in reversed(self.cells) if each.start <= finding.line), None)
        here = [(at, text) for index, at, text in texts if cell is not None and index == cell.index]
        if cell is None or "".join(json.loads(text) for _, text in here) != cell.source:
            return replace(finding, line=1, column=1)
        line = cell.own_line(finding.line)
        written = cell.source.splitlines(keepends=True)
        column = min(finding.column, len(written[line - 1])) if written else 1
        place = _offset(here, sum(map(len, written[: line - 1])) + column - 1)
        start = notebook.rfind("\n", 0, place) + 1
        return replace(finding, line=notebook.count("\n", 0, place) + 1, column=place - start + 1)


def _source_texts(notebook: str) -> Iterator[tuple[int, int, str]]:
    """The texts that cells' sources are made of: the cell's index, where each begins, and how it is written."""
    path: list[str | int | None] = []
    for token in _TOKEN.finditer(notebook):
        text = token[0]
        if text in "{[":
            path.append(None if text == "{" else 0)
        elif text in "}]":
            del path[-1:]
        elif text == ",":
            if path:
                path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif text == ":":
            continue
        elif path and path[-1] is None:
            path[-1] = text
        elif text[0] == '"' and len(path) in (3, 4) and path[0] == '"cells"' and path[2] == '"source"':
            index = path[1]
            if isinstance(index, int):
                yield index, token.start(), text


def _offset(texts: Sequence[tuple[int, str]], characters: int) -> int:
    """Where in the file a character of a cell's source stands."""
    for at, text in texts:
        length = len(json.loads(text))
        if characters < length or text is texts[-1][1]:
            written = [each.start() for each in _CHARACTER.finditer(text, 1, len(text) - 1)]
            return at + (written[characters] if characters < len(written) else len(text) - 1)
        characters -= length
    return 0
