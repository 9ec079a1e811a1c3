"""Code of the agent's on the main thread: how it is started, where it may be interrupted, how it is told.

A `UserCode` belongs to the `MainThreadQueue` that runs it and is used once.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

_SAME_STOP_S = 0.5
"""One Stop comes as a signal and through the engine; within this time it is the same."""


@dataclass(eq=False)
class UserCode:
    """Code of the agent's, ready to run; the only kind of job that may be interrupted."""

    coroutine: Callable[[], Coroutine[Any, Any, None]]
    """Makes the coroutine that runs it and stores its own result."""
    is_async: bool
    """Whether it awaits; if not, it is driven to its end in one step."""
    interrupted: bool = False
    """Set once it was told to stop."""
    interrupted_at: float | None = None
    """When an interrupt last went to it or reached it, on the monotonic clock; None while none did."""
    is_over: bool = False
    """Set by the coroutine when the user's part has ended: too late to interrupt."""
    region: CodeType | None = None
    """Only below a frame of this function may an interrupt be raised, so that it never strikes what
    prepares the code or cleans up after it; None where it may be raised anywhere."""
    task: asyncio.Task[None] | None = None
    """What runs it, if it awaits."""
    cancel: Callable[[], object] | None = None
    """Stops it while it awaits; None while it does not."""

    def start(self, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        """Run code that awaits as a task of `loop` that may be cancelled from any thread."""
        context = contextvars.copy_context()
        context.run(_AGENT_CODE.set, self)
        self.task = task = loop.create_task(self.coroutine(), context=context)
        self.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        return task

    def is_interrupt_due(self, *, again: bool) -> bool:
        """Whether an interrupt is due: the first, or with `again` one that is not the same Stop on another way."""
        return self.interrupted_at is None or (
            again and time.monotonic() - self.interrupted_at > _SAME_STOP_S
        )

    def note_interrupt(self) -> float:
        """Remember that it is told to stop, now; gives the time."""
        self.interrupted, self.interrupted_at = True, (now := time.monotonic())
        return now

    def stop(self) -> None:
        """Tell it to stop; cancels it if it awaits."""
        self.note_interrupt()
        if self.cancel is not None:
            self.cancel()

    def may_raise_in(self, frame: FrameType | None) -> bool:
        """Whether `frame`, which a signal has interrupted, is the code's own or was called by it."""
        if self.region is None:
            return self.cancel is None and not self.is_over
        while frame is not None and frame.f_code is not self.region:
            frame = frame.f_back
        return frame is not None


_AGENT_CODE: contextvars.ContextVar[UserCode | None] = contextvars.ContextVar("agent_code", default=None)
"""The code whose task this is, or that started it: tasks inherit it from the one that makes them."""


def is_in_child_task(code: UserCode | None) -> bool:
    """Whether a task executes now that was started by `code`; with None, by any code of the agent's."""
    origin = _AGENT_CODE.get()
    if origin is None or (code is not None and origin is not code) or asyncio._get_running_loop() is None:
        return False
    return asyncio.current_task() not in (None, origin.task)
