"""Events of a turn on their way from the engine's thread to the cell that waits, and questions to the user and back."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.kernels.user_code import UserCode
from neuroworkflow_agent.surfaces.preparation import prepare_tracebacks

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.turn import Turn
    from neuroworkflow_agent.events import ApprovalRequest, Event

_CLOCK_S = 1.0
_FIRST_MESSAGE_S = 2.0
"""How long the first message may take; what it does not need waits so long."""


class View(Protocol):
    """What shows the events of one turn; lives on the main thread."""

    def handle(self, event: Event) -> None:
        """Take in one event."""

    def show(self, events: Iterable[Event]) -> None:
        """Show turns of the past."""

    def tick(self) -> None:
        """Send what changed."""


@dataclasses.dataclass(eq=False)
class ToMainThread:
    """Carries events from the engine's thread to the view, and questions to the user and back."""

    shell: Any
    queue: MainThreadQueue
    view: View
    asking: UserCode | None = None
    clock: asyncio.TimerHandle | None = None
    """Moves what a cell says of running code: the main thread cannot."""
    brings_modules: bool = False
    """Whether there will be modules that no traceback has looked for yet."""

    def follow(self, turn: Turn, *, is_first: bool) -> None:
        """Hand on everything that happens in `turn`, once the cell serves; the first one brings the SDK."""
        self.turn = turn
        turn.subscribe(self)
        self.brings_modules = is_first

    def __call__(self, event: Event) -> None:
        """On the engine's thread."""
        from neuroworkflow_agent.events import (
            ApprovalDecision,
            ApprovalRequest,
            CellEnd,
            CellStart,
            TextDelta,
            TurnEnd,
            Waiting,
        )

        if self.brings_modules and isinstance(event, Waiting | TextDelta):
            self.brings_modules = False
            loop = asyncio.get_running_loop()
            loop.call_later(_FIRST_MESSAGE_S, loop.run_in_executor, None, prepare_tracebacks)
        if isinstance(event, CellStart):
            self._move_clock(event.tool_use_id, time.monotonic())
        if isinstance(event, CellEnd | TurnEnd) and self.clock is not None:
            self.clock.cancel()
        if isinstance(event, ApprovalDecision | TurnEnd) and self.asking is not None:
            self.queue.interrupt(self.asking)
        self.queue.post(lambda: self._show(event))
        if isinstance(event, ApprovalRequest):
            self.queue.post(lambda: self._question(event))
        if isinstance(event, TurnEnd):
            self.queue.finish()

    def _move_clock(self, tool_use_id: str, since: float) -> None:
        if (tell := getattr(self.view, "tell_running", None)) is not None:
            with contextlib.suppress(Exception):  # a clock that stands still ends no turn
                tell(tool_use_id, since)
            loop = asyncio.get_running_loop()
            self.clock = loop.call_later(_CLOCK_S, self._move_clock, tool_use_id, since)

    def _show(self, event: Event) -> None:
        from neuroworkflow_agent.events import ApprovalRequest, TurnEnd

        self.view.handle(event)
        if isinstance(event, ApprovalRequest | TurnEnd):
            self.view.tick()

    def _question(self, request: ApprovalRequest) -> UserCode:
        """On the main thread: ask, as something an interrupt may end."""

        async def ask_user() -> None:
            from neuroworkflow_agent.surfaces import input_prompt

            try:
                self.turn.answer(
                    request.request_id, input_prompt.ask(request, input_prompt.prompt_of(self.shell))
                )
            finally:
                self.asking = None

        self.asking = UserCode(ask_user, is_async=False)
        return self.asking
