"""A notebook as the agent sees and edits it, whoever holds it.

`NotebookDocument` owns what it knows of its own edits, so that they can be taken back, and of the cells that run;
the notebook itself belongs to its `Holder`: a file, or an open page.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from nbformat import NotebookNode

from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.cells import index_of
from neuroworkflow_agent.notebooks.edits import Applied, Edit, apply
from neuroworkflow_agent.notebooks.names import cell_names
from neuroworkflow_agent.notebooks.outline import CellLine, Match, line_of, outline, search
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.notebooks.staleness import Staleness

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
        """Make edits, all or none, and keep the result; as `edits.apply`.

        Parameters
        ----------
        running
            Grows while it is waited for somebody, and counts as it is when the edits are made.
        """

    @property
    def running(self) -> Collection[str]:
        """Addresses of cells whose code somebody else runs, as of the last `read`."""
        return ()

    async def whole(self, cells: Sequence[Any]) -> list[Any]:
        """Cells of what `read` gave with all that they show, where that has only stand-ins for their outputs."""
        return list(cells)

    async def folder(self) -> Path | None:
        """The directory in which a kernel of the notebook starts; None if that is not known."""
        return None

    async def mark(self, cell: str, *, is_running: bool) -> None:  # noqa: ARG002 - nobody may be looking
        """Show whoever looks at the notebook that a cell's code runs, or does not any more."""
        return

    async def show(self, cell: str, outputs: Sequence[Any]) -> None:  # noqa: ARG002 - nobody may be looking
        """Show whoever looks what a cell that is marked as running has put out so far; it is kept nowhere."""
        return


class NotebookDocument:
    """A notebook, its cells addressed by their ids.

    Parameters
    ----------
    holder
        Who has it.
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._done: dict[int, list[Applied]] = {}
        """What can be taken back, by how many edits were made before, in their order."""
        self.edit_count = 0
        """How many edits of the agent's were made so far."""
        self._running: set[str] = set()
        self._looking = asyncio.Lock()
        self._seen: tuple[float, dict[str, CellLine]] = (0.0, {})
        """Its cells as whoever watches saw them last, and when."""
        self.staleness = Staleness()
        """Knows which cells may be out of date."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self._holder.name

    async def outline(self) -> list[CellLine]:
        """Its cells in a line each."""
        return outline(await self._holder.read(), self._busy)

    async def search(self, pattern: str, *, hide: Callable[[str], str] = str) -> list[Match]:
        """Lines of its cells that a regular expression finds; `hide` takes known secrets out of them."""
        return list(search(await self._holder.read(), pattern, self._busy, hide))

    async def snapshot(self) -> Notebook:
        """The newest state; not to be changed."""
        return await self._holder.read()

    async def whole(self) -> Notebook:
        """A copy of the newest state with all that its cells show."""
        notebook = await self._holder.read()
        cells = await self._holder.whole(notebook.cells)
        copied = copy.copy(notebook)
        copied.cells = [copy.deepcopy(cell) for cell in cells]
        return copied

    async def folder(self) -> Path | None:
        """Where its kernel starts; None if that is not known."""
        return await self._holder.folder()

    async def cell(self, cell: str) -> Any:
        """A cell by its address; not to be changed.

        Raises
        ------
        EditRefusedError
            If there is none of that address.
        """
        notebook = await self._holder.read()
        return notebook.cells[index_of(notebook, cell)]

    async def cells(
        self,
        first: str = "",
        last: str = "",
        *,
        with_outputs: bool = False,
        hide: Callable[[str], str] = str,
    ) -> list[tuple[CellLine, Any]]:
        """The cells from one to another as they stand now, each with its line; one without a last, all without a first.

        Parameters
        ----------
        with_outputs
            Whether all that they show is wanted; else there may be stand-ins for it.
        hide
            Takes known secrets out of the lines; the cells are as they stand.

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
        wanted = notebook.cells[start : end + 1]
        stale = await asyncio.to_thread(self.staleness.of, notebook)
        lines = [line_of(index, cell, self._busy, hide, stale) for index, cell in enumerate(wanted, start)]
        return list(zip(lines, await self._holder.whole(wanted) if with_outputs else wanted, strict=True))

    async def edit(self, *edits: Edit) -> list[Applied]:
        """Make edits, all or none, with one save.

        Raises
        ------
        EditRefusedError
            If one of them cannot be made; the notebook is as it was.
        NotebookError
            If the notebook cannot be reached or saved.
        """
        applied = await self._holder.apply(edits, self._running)
        if all(each.cell for each in applied):  # else they are only proposed
            self._done[self.edit_count] = applied
            self.edit_count += len(applied)
            for number in list(self._done)[:-_MAX_UNDO]:
                del self._done[number]
        return applied

    async def show_outputs(self, edit: Edit) -> None:
        """Put a run's outputs into its cell; not taken back by `undo`."""
        await self._holder.apply([edit], ())

    async def show_so_far(self, cell: str, outputs: Sequence[Any]) -> None:
        """Show what the code of a cell has put out, to whoever looks at it while it runs."""
        with contextlib.suppress(NotebookError):  # they get all of it at the end
            await self._holder.show(cell, outputs)

    def note_code(
        self, source: str, changed: Iterable[str] | None = None, not_looked_at: Collection[str] = ()
    ) -> None:
        """Code was run that is in no cell: cells that need what it gave or changed may be out of date.

        Parameters
        ----------
        changed
            Names that are known to mean something else since; None where nobody looked, and the text has to say it.
        not_looked_at
            Names of which that is not known; they count where the text may change what they mean.
        """
        names = cell_names(source)
        if changed is None:
            self.staleness.note_changed(names.gives | names.alters)
        else:
            self.staleness.note_changed({*changed, *names.alters.intersection(not_looked_at)})

    async def undo(self) -> list[Applied]:
        """Take back the last call of `edit` that was not taken back.

        Raises
        ------
        EditRefusedError
            If there is none, or somebody has changed one of its cells since.
        """
        if not self._done:
            raise EditRefusedError("There is no edit of the agent's to take back.")
        return await self.undo_edit(max(self._done))

    async def undo_edit(self, number: int) -> list[Applied]:
        """Take back one call of `edit`, by its number, that was not taken back; later ones stay.

        Raises
        ------
        EditRefusedError
            If somebody has changed one of its cells since.
        """
        undone = await self._holder.apply(_back(self._done[number]), self._running)
        del self._done[number]
        return undone

    def edits_since(self, count: int) -> list[tuple[int, list[Applied]]]:
        """What calls of `edit` have done since there were so many edits, each with its number, as far as it can be taken back."""
        return [(number, applied) for number, applied in self._done.items() if number >= count]

    async def would_refuse(self, numbers: Sequence[int]) -> dict[int, str]:
        """Which of these calls of `edit` could not be taken back as things are, the last one first, and why."""
        notebook = await self._holder.read()
        tried = NotebookNode({**notebook, "cells": [NotebookNode(cell) for cell in notebook.cells]})
        refused: dict[int, str] = {}
        for number in sorted(numbers, reverse=True):
            try:
                apply(tried, _back(self._done[number]), running=self._busy)
            except EditRefusedError as error:
                refused[number] = str(error)
        return refused

    async def watch(self, timeout_s: float) -> list[str]:
        """Wait for a change by anybody; the addresses of cells that came, changed or went, empty if none did in time."""
        began = time.monotonic()
        before = await self._lines()
        deadline = began + timeout_s
        while time.monotonic() < deadline:
            await asyncio.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
            now = await self._lines(since=began)
            changed = [cell for cell in {**before, **now} if _told(before.get(cell)) != _told(now.get(cell))]
            if changed or list(before) != list(now):
                return changed or list(now)
        return []

    async def _lines(self, *, since: float | None = None) -> dict[str, CellLine]:
        """Its cells by their addresses, as they are now, or as they were seen a moment ago but after `since`.

        However many watch the notebook, it is looked at as often as for one.
        """
        async with self._looking:
            looked_at, lines = self._seen
            now = time.monotonic()
            if since is None or looked_at < max(since, now - _POLL_S):
                lines = {line.address: line for line in await self.outline()}
                self._seen = now, lines
            return lines

    @property
    def _busy(self) -> frozenset[str]:
        """Addresses of cells whose code runs."""
        return frozenset([*self._running, *self._holder.running])

    @asynccontextmanager
    async def runs(self, cell: str) -> AsyncIterator[None]:
        """While the code of a cell runs, in which nothing edits it."""
        if cell in self._busy:
            raise EditRefusedError(f"The cell {cell!r} is running already.")
        self._running.add(cell)
        try:
            await self._mark(cell, is_running=True)
            yield
        finally:
            self._running.discard(cell)
            # A task of its own: it goes on when the turn's end cancels what waits here.
            await asyncio.shield(asyncio.ensure_future(self._mark(cell, is_running=False)))

    async def _mark(self, cell: str, *, is_running: bool) -> None:
        with contextlib.suppress(NotebookError):  # what comes of the run matters more
            await self._holder.mark(cell, is_running=is_running)


def _told(line: CellLine | None) -> tuple[object, ...] | None:
    """What of a cell's line is its own, wherever the cell stands."""
    return (line.digest, line.state, line.outputs) if line else None


def _back(applied: Sequence[Applied]) -> list[Edit]:
    """What takes edits back."""
    return [each.undo for each in reversed(applied)]
