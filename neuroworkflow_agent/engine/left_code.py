"""Code that runs on when its turn has ended: whose it is, and who is told of its end.

A `LeftCode` belongs to its session and lives on the portal's loop; it owns the task that waits for the code's end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from neuroworkflow_agent.events import CellEnd, CellOutput, CellStart, CodeEnd, Event

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.turn import Turn
    from neuroworkflow_agent.tools.detached import Detached
    from neuroworkflow_agent.tools.run_code import RunCode

_STOPPING_S = 5.0


class LeftCode:
    """Of one session."""

    def __init__(self) -> None:
        self._turn: Turn | None = None
        self._task: asyncio.Task[None] | None = None
        self._code: RunCode | None = None
        self._running: Detached | None = None

    @property
    def duration_s(self) -> float:
        """How long it has run; 0 if there is none."""
        return self._running.duration_s if self.is_running and self._running is not None else 0.0

    @property
    def is_running(self) -> bool:
        """Whether there is any."""
        return self._task is not None and not self._task.done()

    def leave(self, turn: Turn, code: RunCode, running: Detached) -> None:
        """A turn is about to end while a piece of its code runs on."""
        self._turn, self._code, self._running = turn, code, running
        self._task = asyncio.create_task(self._wait(turn, code, running))

    def take(self, event: Event) -> bool:
        """Tell those who listened to its turn of an event; False if it is about something else."""
        turn = self._turn
        if turn is None or not isinstance(event, CellStart | CellOutput | CellEnd):
            return False
        if not turn.has_called(event.tool_use_id):
            return False
        turn.emit_later(event)
        return True

    def stop(self) -> None:
        """Interrupt it."""
        if self.is_running and self._code is not None:
            self._code.stop()

    async def aclose(self) -> None:
        """Stop it, and wait until that is told, but not for ever."""
        self.stop()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_STOPPING_S)
            self._task.cancel()

    async def _wait(self, turn: Turn, code: RunCode, running: Detached) -> None:
        await asyncio.wait([running.task])
        self._turn = None
        turn.emit_later(CodeEnd(running.duration_s, is_stopped=code.stopped))
