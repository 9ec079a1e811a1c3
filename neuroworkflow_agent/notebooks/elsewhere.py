"""A notebook whose page cannot be asked: VS Code, Colab, a page without our module, a terminal.

Its file is what was saved last, and may be read; it is never written, since whoever has the notebook open would lose
that or be overwritten by it. What a kernel can do anywhere is propose one new code cell, which shows when the cell that
runs has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.edits import Applied, Delete, Edit, Insert
from neuroworkflow_agent.notebooks.reading import Notebook, parse_notebook, read_text
from neuroworkflow_agent.text import one_line

_NAME_CHARS = 255

WHAT_WORKS = (
    "Cells can be edited where the notebook is open in JupyterLab or Notebook 7, in a page that answers; or, with the "
    "notebook closed everywhere, by 'neuroworkflow-agent run' on its file."
)
_UNKNOWN = (
    "Which notebook this kernel belongs to is not known, so its cells cannot be looked up. Open it in JupyterLab or "
    "Notebook 7, name a file of the workspace, or put what is meant into the message."
)


class Elsewhere(Holder):
    """A notebook that is open somewhere we cannot look.

    Parameters
    ----------
    why
        A sentence on why no page of it can be asked.
    path
        Its file, if that is known.
    propose
        Shows one new code cell with this source when the cell that runs has ended; None where no cell runs.
    unknown
        Sentences on what would work while its file is not known.
    """

    def __init__(
        self,
        why: str,
        path: Path | None,
        propose: Callable[[str], None] | None,
        *,
        unknown: str = _UNKNOWN,
    ) -> None:
        self._unknown = unknown
        self._why = why
        self._path = path
        self._propose = propose
        self._proposed: list[str] = []

    @property
    def name(self) -> str:
        return (
            f"{one_line(self._path.name, _NAME_CHARS)} as it was last saved" if self._path else "the notebook"
        )

    async def folder(self) -> Path | None:
        return self._path.resolve().parent if self._path else None

    async def read(self) -> Notebook:
        if self._path is None:
            raise NotebookError(f"{self._why} {self._unknown}")
        return parse_notebook(await asyncio.to_thread(read_text, self._path), str(self._path))

    async def apply(self, edits: Sequence[Edit], _running: Collection[str]) -> list[Applied]:
        if any(not (isinstance(edit, Insert) and edit.cell_type == "code") for edit in edits):
            can = " Only new code cells can be added, with cell_insert." if self._propose else ""
            raise EditRefusedError(f"{self._why}{can} {WHAT_WORKS}")
        if self._propose is None:
            raise EditRefusedError(f"{self._why} {WHAT_WORKS} In a cell, '%chat' can add new code cells.")
        # One proposal is all that a kernel can make of a cell.
        self._proposed += [edit.source for edit in edits if isinstance(edit, Insert)]
        self._propose("\n\n".join(self._proposed))
        return [Applied(edit, "", Delete("", "")) for edit in edits]
