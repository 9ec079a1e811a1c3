"""A room as holder of a notebook: joined when it is needed, left when it was not for a while.

`RoomHolder` owns the room and the task that leaves it, until `aclose`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from pycrdt import Map

from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.cells import index_of
from neuroworkflow_agent.notebooks.changes import plan
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.edits import Applied, Edit, Move
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.notebooks.room_changes import (
    Steps,
    TypedInError,
    put_outputs,
    room_change,
    snapshot,
    transactions,
)

_FLUSH_S = 3.0
_TYPES_S = 2.0
"""How long after their last key somebody counts as typing."""
_PATIENCE_S = 5.0
"""How long an edit waits for that."""
_AGAIN_S = 0.1
IDLE_S = 600.0
"""How long a room is kept that nobody asks us about."""


class RoomHolder(Holder):
    """A notebook in a room.

    Parameters
    ----------
    server
        Has the room.
    path
        Of the notebook, from the server's root; canonical.
    idle_s
        When the room is left.
    """

    def __init__(self, server: RoomServer, path: str, *, idle_s: float = IDLE_S) -> None:
        self._server = server
        self._path = path
        self._idle_s = idle_s
        self._room: Room | None = None
        self._joining = asyncio.Lock()
        self._leaving: asyncio.Task[None] | None = None
        self._last_used = time.monotonic()
        self._seen: tuple[Room, int, tuple[Notebook, list[str]]] | None = None
        self._marked: set[str] = set()
        """Cells that we have marked as running."""

    @property
    def name(self) -> str:
        return self._path

    async def read(self) -> Notebook:
        return self._snapshot(await self._joined())[0]

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            room = await self._joined()
            await room.settle()  # also brings what others have changed until now
            # From here on nothing waits, so that nobody changes the document before the edits are in it.
            is_late = time.monotonic() > deadline
            try:
                applied, changes = self._planned(room, edits, running, is_late=is_late)
                break
            except TypedInError:
                if is_late:
                    raise
            await asyncio.sleep(_AGAIN_S)
        for steps in transactions(changes):
            with room.changing() as document:
                for step in steps:
                    step(document)
                document.dirty = True
        await room.settle()
        return applied

    def _planned(
        self, room: Room, edits: Sequence[Edit], running: Collection[str], *, is_late: bool
    ) -> tuple[list[Applied], list[Steps]]:
        notebook, marked = snapshot(room.document)
        others = self._not_ours(marked)
        typed_in = room.typed_in(_TYPES_S)
        cursors_in = room.cursors_in() if any(isinstance(edit, Move) for edit in edits) else frozenset()
        if others and not is_late:  # the code may end before somebody types where their cursor is
            typed_in |= cursors_in
        change = partial(room_change, typed_in=typed_in, cursors_in=cursors_in, run_by_others=others)
        return plan(notebook, edits, [*running, *others], change)

    @property
    def running(self) -> Collection[str]:
        return self._not_ours(self._snapshot(self._room)[1]) if self._room is not None else ()

    async def mark(self, cell: str, *, is_running: bool) -> None:
        (self._marked.add if is_running else self._marked.discard)(cell)
        room = await self._joined()
        with contextlib.suppress(EditRefusedError), room.changing():
            self._cell(room, cell)["execution_state"] = "running" if is_running else "idle"

    async def show(self, cell: str, outputs: Sequence[Any]) -> None:
        room = await self._joined()
        with contextlib.suppress(EditRefusedError), room.changing():
            put_outputs(self._cell(room, cell), outputs)

    async def users(self) -> list[dict[str, Any]]:
        """Who is in the room."""
        return (await self._joined()).users()

    async def aclose(self) -> None:
        """Have the file written, and leave. Idempotent."""
        if self._leaving is not None:
            self._leaving.cancel()
        await self._leave()

    def _snapshot(self, room: Room) -> tuple[Notebook, list[str]]:
        if self._seen is None or self._seen[:2] != (room, room.version):
            self._seen = room, room.version, snapshot(room.document)
        return self._seen[2]

    def _not_ours(self, running: Collection[str]) -> list[str]:
        """Of the cells that are marked as running, those whose code others run."""
        return [cell for cell in running if cell not in self._marked]

    def _cell(self, room: Room, cell: str) -> Map[Any]:
        found: Map[Any] = room.document.ycells[index_of(self._snapshot(room)[0], cell)]
        return found

    async def _joined(self) -> Room:
        async with self._joining:
            self._last_used = time.monotonic()
            if self._room is None or not self._room.is_open:
                if self._room is not None:
                    await self._room.leave()
                self._room = await Room.join(self._server, self._path)
                if self._leaving is None or self._leaving.done():
                    self._leaving = asyncio.create_task(self._leave_when_idle())
            return self._room

    async def _leave_when_idle(self) -> None:
        while True:
            left = self._last_used + self._idle_s - time.monotonic()
            if left <= 0 and not self._marked:
                break
            await asyncio.sleep(max(left, 1.0))
        await self._leave()

    async def _leave(self) -> None:
        async with self._joining:
            room, self._room, self._seen = self._room, None, None
            if room is None:
                return
            try:
                if room.is_open:
                    # The server saves what is in its room, too, and may be about to stop.
                    with contextlib.suppress(NotebookError, TimeoutError):
                        async with asyncio.timeout(_FLUSH_S):
                            await room.save()
            finally:  # also where the holder is closed while it leaves because nobody asks
                await room.leave()
