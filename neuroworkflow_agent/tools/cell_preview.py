"""What a call would change in the notebook, or run of it, told with the cell as it is and its neighbours.

Places are told as JupyterLab's status bar does, `cell 3 of 6`: a number alone would be taken for the one beside a cell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from neuroworkflow_agent.diffs import part_diff, unified_diff
from neuroworkflow_agent.notebooks.cells import address
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Edit, Insert, Move, apply
from neuroworkflow_agent.notebooks.outline import line_of
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.text import one_line
from neuroworkflow_agent.tools.registry import Preview

_WHOLE_CELL = 10_000
_LINE_CHARS = 100


async def preview(document: NotebookDocument, edit: Edit, hide: Callable[[str], str] = str) -> Preview:
    """What `edit` would change, without what `hide` takes out.

    Raises
    ------
    EditRefusedError
        If it is going to be refused.
    """
    before = await document.snapshot()
    after = copy.copy(before)
    after.cells = [copy.copy(cell) for cell in before.cells]
    (applied,) = apply(after, [edit])
    if isinstance(edit, Move):
        return Preview(
            f"{document.name}, order of cells", unified_diff(_order(before, hide), _order(after, hide))
        )
    old, new = _index(before, getattr(edit, "cell", "")), _index(after, applied.cell)
    known, index = (after, new) if new is not None else (before, old)
    assert index is not None
    was = before.cells[old].source if old is not None else ""
    now = after.cells[new].source if new is not None else ""
    lines = [
        *_neighbour(known, index - 1, "below", hide),
        hide(part_diff(was, now, context_lines=_WHOLE_CELL)),
        *_neighbour(known, index + 1, "above", hide),
    ]
    place = f"cell {index + 1} of {len(known.cells)}"
    # A new cell gets its id when it is made.
    named = f"as {place}" if isinstance(edit, Insert) else f"{place} ({applied.cell})"
    return Preview(f"{document.name}, {named}", "\n".join(filter(None, lines)))


async def preview_of_run(
    document: NotebookDocument, first: str, last: str = "", hide: Callable[[str], str] = str
) -> Preview:
    """The code that would be run, without what `hide` takes out.

    Raises
    ------
    NotebookError
        If there are no such cells.
    """
    count = len((await document.snapshot()).cells)
    wanted = await document.cells(first, last)
    lines: list[str] = []
    for line, cell in wanted:
        if line.cell_type != "code":
            continue
        if len(wanted) > 1:
            lines.append(f"@@ cell {line.index + 1} @@")
        lines += (f" {each}" for each in hide(cell.source).split("\n"))
    start, end = wanted[0][0], wanted[-1][0]
    if start is end:
        return Preview(f"{document.name}, cell {start.index + 1} of {count} ({first})", "\n".join(lines))
    named = f"cells {start.index + 1} to {end.index + 1} of {count} ({first} to {last})"
    return Preview(f"{document.name}, {named}", "\n".join(lines))


def _index(notebook: Notebook, wanted: str) -> int | None:
    return next((index for index, cell in enumerate(notebook.cells) if address(cell) == wanted), None)


def _neighbour(notebook: Notebook, index: int, where: str, hide: Callable[[str], str]) -> list[str]:
    """The cell there, if there is one, in a line that is not taken for one of the cell's."""
    if not 0 <= index < len(notebook.cells):
        return []
    return [f"@@ {where} cell {index + 1} @@ {_line(notebook, index, hide)}"]


def _order(notebook: Notebook, hide: Callable[[str], str]) -> str:
    return "".join(f"{_line(notebook, index, hide)}\n" for index in range(len(notebook.cells)))


def _line(notebook: Notebook, index: int, hide: Callable[[str], str]) -> str:
    """A cell by its first line."""
    line = line_of(index, notebook.cells[index], hide=hide)
    kind = "" if line.cell_type == "code" else f"{line.cell_type}: "
    more = " …" if line.lines > 1 else ""
    return one_line(f"{kind}{line.first_line or '(empty)'}", _LINE_CHARS) + more
