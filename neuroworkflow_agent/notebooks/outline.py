"""What is in a notebook, in short: its cells in a line each, and where a text stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.notebooks.cells import address, digest
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.text import one_line

_LINE_CHARS = 120
_LOOKED_AT_CHARS = 10_000
"""Of a line, for what is shown of it: a cell may be one line of megabytes."""


@dataclass(frozen=True, slots=True)
class CellLine:
    """A cell of an outline."""

    index: int
    """From 0; for people, who count from 1, and never for an edit."""
    address: str
    cell_type: str
    first_line: str
    """Of its text, that is not blank."""
    lines: int
    digest: str
    """Of its text."""
    state: str
    """Of a code cell: `running`, `not run`, `failed` or `run 12`; empty for others."""
    outputs: int
    """How many it shows."""
    may_be_stale: bool = False
    """Whether it may be out of date: what it needs, or its text, changed since it was run."""


@dataclass(frozen=True, slots=True)
class Match:
    """A line of a cell that holds what was searched for."""

    cell: CellLine
    number: int
    """Of the line, from 1."""
    line: str


def outline(notebook: Notebook, running: Collection[str] = ()) -> list[CellLine]:
    """A notebook's cells in a line each.

    Parameters
    ----------
    running
        Addresses of cells whose code runs.
    """
    return [line_of(index, cell, running) for index, cell in enumerate(notebook.cells)]


def search(
    notebook: Notebook, pattern: str, running: Collection[str] = (), hide: Callable[[str], str] = str
) -> Iterator[Match]:
    """Lines of the cells' texts that a regular expression finds; one in small letters finds large ones, too.

    Parameters
    ----------
    hide
        As for `line_of`.

    Raises
    ------
    NotebookError
        If the pattern is none.
    """
    try:
        wanted = re.compile(pattern, 0 if re.search(r"[A-Z]", pattern) else re.IGNORECASE)
    except re.error as error:
        raise NotebookError(f"{pattern!r} is not a regular expression: {error}.") from None
    for index, cell in enumerate(notebook.cells):
        for number, line in enumerate(cell.source.split("\n"), 1):
            if wanted.search(line):
                yield Match(line_of(index, cell, running), number, one_line(hide(line), 2 * _LINE_CHARS))


def line_of(
    index: int,
    cell: Any,
    running: Collection[str] = (),
    hide: Callable[[str], str] = str,
    stale: Collection[str] = (),
) -> CellLine:
    """One cell in a line.

    Parameters
    ----------
    hide
        Takes known secrets out of a text; before it is cut, since half a secret is not known any more.
    stale
        Addresses of cells that may be out of date.
    """
    source = cell.source
    first = next((line for line in source.split("\n") if line.strip()), "")
    return CellLine(
        index,
        address(cell),
        cell.cell_type,
        one_line(hide(first)[:_LOOKED_AT_CHARS], _LINE_CHARS),
        source.count("\n") + 1 if source else 0,
        digest(source),
        _state(cell, running) if cell.cell_type == "code" else "",
        len(cell.get("outputs", ())),
        address(cell) in stale,
    )


def _state(cell: Any, running: Collection[str]) -> str:
    if address(cell) in running:
        return "running"
    if any(output.output_type == "error" for output in cell.outputs):
        return "failed"
    return f"run {cell.execution_count}" if cell.execution_count else "not run"
