"""A script or a notebook as one source: its code cells one after another, findings by cell."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.magics import plain_python
from neuroworkflow_agent.nodes.source import Source, Unreadable, parse, read_source

_MAX_BYTES = 50_000_000
"""Notebooks carry their figures along."""


@dataclass(frozen=True, eq=False)
class NotebookSource(Source):
    """The code cells of a notebook."""

    starts: tuple[int, ...] = ()
    """First line of each code cell in the joined text."""

    def find(self, code: str, at: ast.AST | None, message: str, remedy: str = "") -> Finding:
        found = super().find(code, at, message, remedy)
        cell = sum(start <= found.line for start in self.starts)
        return replace(found, message=f"Code cell {cell}: {found.message}") if at is not None else found


def read_script(path: Path) -> Source:
    """The code of a `.py` file or a notebook.

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
        sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    except Exception as error:  # noqa: BLE001 - nbformat raises what the JSON happens to break
        reason = " ".join(str(error).split())[:200]
        finding = Finding(
            shown, 1, 1, "NW001", f"The notebook cannot be read: {reason}.", "Name a notebook file."
        )
        raise Unreadable(finding) from None
    lines: list[str] = []
    starts: list[int] = []
    for cell in sources:
        starts.append(len(lines) + 1)
        lines += plain_python(cell).splitlines()
    source = parse("\n".join(lines) + "\n", shown)
    return NotebookSource(source.path, source.text, source.tree, source.walked, tuple(starts))
