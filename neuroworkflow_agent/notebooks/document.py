"""A notebook as the agent sees and edits it, whoever holds it.

`NotebookDocument` owns what it knows of its own edits, so that they can be taken back, and of the cells that run;
the notebook itself belongs to its `Holder`: a file, or an open page.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.notebooks.cells import index_of
from neuroworkflow_agent.notebooks.edits import Applied, Edit
from neuroworkflow_agent.notebooks.outline import CellLine, Match, line_of, outline, search
from neuroworkflow_agent.notebooks.reading import Notebook

_POLL_S = 0.3
_MAX_UNDO = 100


class Holder(Protocol):
    """Who has the newest state of a notebook. All methods are called on one loop."""

    @property
    def name(self) -> str:
        """What people call the notebook."""

    async def read(self) -> Notebook:
        """The newest state; not to be changed."""

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        """Make edits, all or none, and keep the result; as `edits.apply`."""


class NotebookDocument:
    """A notebook, its cells addressed by their ids.

    Parameters
    ----------
    holder
        Who has it.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._done: list[list[Applied]] = []
        self._running: set[str] = set()

    @property
    def name(self) -> str:
        """What people call it."""
        return self._holder.name

    async def outline(self) -> list[CellLine]:
        """Its cells in a line each."""
        return outline(await self._holder.read(), self._running)

    async def search(self, pattern: str) -> list[Match]:
        """Lines of its cells that a regular expression finds."""
        return list(search(await self._holder.read(), pattern, self._running))

    async def snapshot(self) -> Notebook:
        """The newest state; not to be changed."""
        return await self._holder.read()

    async def cell(self, cell: str) -> Any:
        """A cell by its address; not to be changed.

        Raises
        ------
        EditRefusedError
            If there is none of that address.
        """
        notebook = await self._holder.read()
        return notebook.cells[index_of(notebook, cell)]

    async def cells(self, first: str = "", last: str = "") -> list[tuple[CellLine, Any]]:
        """The cells from one to another as they stand now, each with its line; one without a last, all without a first.

        Raises
        ------
        EditRefusedError
            If there is none of an address, or the last stands before the first.
        """
        notebook = await self._holder.read()
        start, end = 0, len(notebook.cells) - 1
        if first:
            start, end = index_of(notebook, first), index_of(notebook, last or first)
        if first and end < start:
            raise EditRefusedError(f"The cell {last!r} stands before {first!r}.")
        numbered = list(enumerate(notebook.cells))[start : end + 1]
        return [(line_of(index, cell, self._running), cell) for index, cell in numbered]

    async def edit(self, *edits: Edit) -> list[Applied]:
        """Make edits, all or none, with one save.

        Raises
        ------
        EditRefusedError
            If one of them cannot be made; the notebook is as it was.
        NotebookError
            If the notebook cannot be reached or saved.
        """
        applied = await self._holder.apply(edits, frozenset(self._running))
        self._done = [*self._done, applied][-_MAX_UNDO:]
        return applied

    async def show_outputs(self, edit: Edit) -> None:
        """Put a run's outputs into its cell; not taken back by `undo`."""
        await self._holder.apply([edit], ())

    async def undo(self) -> list[Applied]:
        """Take back the last call of `edit` that was not taken back.

        Raises
        ------
        EditRefusedError
            If there is none, or somebody has changed one of its cells since.
        """
        if not self._done:
            raise EditRefusedError("There is no edit of the agent's to take back.")
        undone = await self._holder.apply(
            [each.undo for each in reversed(self._done[-1])], frozenset(self._running)
        )
        self._done.pop()
        return undone

    async def watch(self, timeout_s: float) -> list[str]:
        """Wait for a change by anybody; the addresses of cells that came, changed or went, empty if none did in time."""
        before = {line.address: line for line in await self.outline()}
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            await asyncio.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
            now = {line.address: line for line in await self.outline()}
            changed = [cell for cell in {**before, **now} if _told(before.get(cell)) != _told(now.get(cell))]
            if changed or list(before) != list(now):
                return changed or list(now)
        return []

    @contextmanager
    def runs(self, cell: str) -> Iterator[None]:
        """While the code of a cell runs, in which nothing edits it."""
        if cell in self._running:
            raise EditRefusedError(f"The cell {cell!r} is running already.")
        self._running.add(cell)
        try:
            yield
        finally:
            self._running.discard(cell)


def _told(line: CellLine | None) -> tuple[object, ...] | None:
    """What of a cell's line is its own, wherever the cell stands."""
    return (line.digest, line.state, line.outputs) if line else None
