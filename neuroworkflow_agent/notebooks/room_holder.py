"""A room as holder of a notebook: joined when it is needed, left when it was not for a while.

`RoomHolder` owns the room and the task that leaves it, until `aclose`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Sequence
from typing import Any

from pycrdt import Map

from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.cells import address, index_of
from neuroworkflow_agent.notebooks.changes import plan
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.edits import Applied, Edit
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.notebooks.room_changes import put_outputs, room_change, snapshot, transactions

_FLUSH_S = 3.0
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
        self._seen: tuple[Room, int, Notebook] | None = None
        self._marked: set[str] = set()
        """Cells that we have marked as running."""

    @property
    def name(self) -> str:
        return self._path

    async def read(self) -> Notebook:
        return self._snapshot(await self._joined())

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        room = await self._joined()
        await room.settle()  # also brings what others have changed until now
        # From here on nothing waits, so that nobody changes the document before the edits are in it.
        applied, changes = plan(
            snapshot(room.document), edits, [*running, *self._running_in(room)], room_change
        )
        for steps in transactions(changes):
            with room.changing() as document:
                for step in steps:
                    step(document)
                document.dirty = True
        await room.settle()
        return applied

    @property
    def running(self) -> Collection[str]:
        return self._running_in(self._room) if self._room is not None else ()

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

    def _snapshot(self, room: Room) -> Notebook:
        if self._seen is None or self._seen[:2] != (room, room.version):
            self._seen = room, room.version, snapshot(room.document)
        return self._seen[2]

    def _running_in(self, room: Room) -> list[str]:
        """Cells whose code others run."""
        cells = self._snapshot(room).cells
        states = [cell.get("execution_state") for cell in room.document.ycells]
        found = {address(cell) for cell, state in zip(cells, states, strict=True) if state == "running"}
        return [cell for cell in found if cell not in self._marked]

    def _cell(self, room: Room, cell: str) -> Map[Any]:
        found: Map[Any] = room.document.ycells[index_of(self._snapshot(room), cell)]
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
            if room is not None:
                if room.is_open:
                    # The server saves what is in its room, too, and may be about to stop.
                    with contextlib.suppress(NotebookError, TimeoutError):
                        async with asyncio.timeout(_FLUSH_S):
                            await room.save()
                await room.leave()
