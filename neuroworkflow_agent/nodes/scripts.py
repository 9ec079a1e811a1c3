"""A script or a notebook as one source: its code cells one after another, findings by cell and by the line of its file."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import why_no_notebook
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.magics import plain_python
from neuroworkflow_agent.nodes.notebook_places import CodeCell, Places
from neuroworkflow_agent.nodes.source import Source, Unreadable, parse, read_source
from neuroworkflow_agent.prompt_cells import is_marked

_MAX_BYTES = 50_000_000
"""Notebooks carry their figures along."""


@dataclass(frozen=True, eq=False)
class NotebookSource(Source):
    """The code cells of a notebook."""

    places: Places
    unreadable: tuple[Finding, ...] = ()
    """Of cells that Python cannot read, which are left out."""

    def find(self, code: str, at: ast.AST | None, message: str, remedy: str = "") -> Finding:
        found = super().find(code, at, message, remedy)
        return found if at is None else _with_cell(found, self.places)

    def in_file(self, findings: Sequence[Finding]) -> list[Finding]:
        return _in_file(findings, self.places)


def _with_cell(finding: Finding, places: Places) -> Finding:
    return replace(finding, message=f"{places.in_words(finding.line)}: {finding.message}")


def _in_file(findings: Sequence[Finding], places: Places) -> list[Finding]:
    """The findings of a notebook with their places in its file, which may be gone by now."""
    if not findings:
        return []
    try:
        return places.in_file(findings, Path(findings[0].path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return places.in_file(findings, "")


def _code_of(cell: Any) -> str:
    """The source of a code cell; of one that is a prompt of a chat kernel, none."""
    return "" if is_marked(cell.metadata) else str(cell.source)


def read_script(path: Path, *, leaves_cells_out: bool = False) -> Source:
    """The code of a `.py` file or a notebook.

    Parameters
    ----------
    leaves_cells_out
        Whether to go on without the cells of a notebook that Python cannot read.

    Raises
    ------
    Unreadable
        With the finding that says why.
    """
    if path.suffix != ".ipynb":
        return read_source(path)
    import nbformat

    shown = str(path)
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is not a regular file, or too large")
        notebook = nbformat.read(path, as_version=4)
        sources = [(at, _code_of(cell)) for at, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    except Exception as error:  # noqa: BLE001 - nbformat raises what the JSON happens to break
        reason = why_no_notebook(error)[:200]
        finding = Finding(
            shown, 1, 1, "NW001", f"The notebook cannot be read: {reason}.", "Name a notebook file."
        )
        raise Unreadable(finding) from None
    cells: list[CodeCell] = []
    lines: list[str] = []
    for index, source in sources:
        read = plain_python(source).splitlines()
        cells.append(CodeCell(index, source, len(lines) + 1, tuple(read)))
        lines += read
    places = Places(cells)
    unreadable: list[Finding] = []
    try:
        try:
            whole = parse("\n".join(lines) + "\n", shown)
        except Unreadable:
            if not leaves_cells_out:
                raise
            unreadable += _leave_out(cells, lines, shown)
            whole = parse("\n".join(lines) + "\n", shown)
    except Unreadable as error:
        found = error.finding
        placed = _with_cell(found, places) if found.code == "NW004" else found
        raise Unreadable(*_in_file([placed], places)) from None
    return NotebookSource(whole.path, whole.text, whole.tree, whole.walked, places, tuple(unreadable))


def _leave_out(cells: Sequence[CodeCell], lines: list[str], shown: str) -> Iterator[Finding]:
    """Empty the lines of each cell that Python cannot read by itself, and say where and why."""
    for cell in cells:
        try:
            parse("\n".join(cell.lines) + "\n", shown)
        except Unreadable as error:
            found = error.finding
            line = cell.start + min(found.line, max(1, len(cell.lines))) - 1
            yield _with_cell(replace(found, line=line), Places(cells))
            lines[cell.start - 1 : cell.start - 1 + len(cell.lines)] = [""] * len(cell.lines)
