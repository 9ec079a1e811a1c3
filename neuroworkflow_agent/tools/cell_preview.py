"""What an edit would change, told with the cell as it is and its neighbours."""

from __future__ import annotations

import copy
from collections.abc import Callable

from neuroworkflow_agent.diffs import part_diff, unified_diff
from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.notebooks.cells import address
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Edit, Insert, Move, apply
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.text import one_line
from neuroworkflow_agent.tools.registry import Preview

_WHOLE_CELL = 10_000
_LINE_CHARS = 100


async def preview(document: NotebookDocument, edit: Edit, hide: Callable[[str], str] = str) -> Preview | None:
    """What `edit` would change, without what `hide` takes out; None if it is going to be refused."""
    before = await document.snapshot()
    after = copy.copy(before)
    after.cells = [copy.copy(cell) for cell in before.cells]
    try:
        (applied,) = apply(after, [edit])
    except EditRefusedError:
        return None
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
        *_neighbour(known, index - 1, hide),
        hide(part_diff(was, now, context_lines=_WHOLE_CELL)),
        *_neighbour(known, index + 1, hide),
    ]
    # A new cell gets its id when it is made.
    name = "" if isinstance(edit, Insert) else f" ({applied.cell})"
    return Preview(f"{document.name}, cell {index + 1}{name}", "\n".join(filter(None, lines)))


def _index(notebook: Notebook, wanted: str) -> int | None:
    return next((index for index, cell in enumerate(notebook.cells) if address(cell) == wanted), None)


def _neighbour(notebook: Notebook, index: int, hide: Callable[[str], str]) -> list[str]:
    """The cell there in a line that stays, if there is one."""
    return [f" {_line(notebook, index, hide)}"] if 0 <= index < len(notebook.cells) else []


def _order(notebook: Notebook, hide: Callable[[str], str]) -> str:
    return "".join(f"{_line(notebook, index, hide, counted=False)}\n" for index in range(len(notebook.cells)))


def _line(notebook: Notebook, index: int, hide: Callable[[str], str], *, counted: bool = True) -> str:
    cell = notebook.cells[index]
    number = f"[{index + 1}] " if counted else ""
    return one_line(f"{number}{cell.cell_type}: {hide(cell.source) or '(empty)'}", _LINE_CHARS)
