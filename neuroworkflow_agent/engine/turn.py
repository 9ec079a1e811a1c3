"""A turn: its events while it runs, how it ended, and the way to stop it.

Its session emits on the portal's loop; whoever listens is called there and must not block. Every subscription
begins with the events so far, so a late listener misses nothing. A turn owns nothing that outlives it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.events import CellStart, EndReason, Event, TextDelta, ToolResult, ToolUse, TurnEnd
from neuroworkflow_agent.ids import ToolUseId, TurnId, new_turn_id

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.permissions import Answer

Listener = Callable[[Event], None]
_LONG_TOOLS = frozenset({"Bash", "Agent", "Task"})
_STOPPED = "Stopped; this did not run to its end."
"""What people read of a stopped call; the CLI's own words are meant for the model."""


class Turn:
    """One turn of a session, from the user's message to its `TurnEnd`.

    Parameters
    ----------
    prompt
        The message as the user typed it.
    interrupt, answer
        How its session is told to stop it and what the user decided; from any thread.
    """

    def __init__(
        self, prompt: str, *, interrupt: Callable[[], None], answer: Callable[[str, Answer], None]
    ) -> None:
        self.turn_id: TurnId = new_turn_id()
        self.prompt = prompt
        self._interrupt = interrupt
        self._answer = answer
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._listeners: list[Listener] = []
        self._end: Future[TurnEnd] = Future()
        self.ended = asyncio.Event()
        """Set once nothing more can happen in it; for the session."""
        self.is_stopping = False
        """Whether the user has stopped it."""
        self.unanswered = ""
        """Why it needs the user, where nobody can be asked."""
        self._started = self._last_sign = time.monotonic()
        self._open_tools: dict[ToolUseId, str] = {}
        self._calls: set[ToolUseId] = set()
        self.verified = ""
        """What came of running the notebook anew at its end."""
        self.has_run_code = False
        """Whether the kernel has begun with any code of it."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event, past ones first; returns the undo."""
        with self._lock:
            for event in self._events:
                listener(event)
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    @property
    def is_done(self) -> bool:
        """Whether the turn has ended."""
        return self._end.done()

    @property
    def text(self) -> str:
        """The answer so far: the text since the last tool use, else all of it."""
        texts: list[str] = []
        for event in list(self._events):
            if isinstance(event, TextDelta):
                texts.append(event.text)
            elif isinstance(event, ToolUse):
                texts.clear()
        return "".join(texts).strip()

    def interrupt(self) -> None:
        """Stop the turn: no further statement runs. Returns at once; the end comes as an event."""
        self._interrupt()

    def answer(self, request_id: str, answer: Answer) -> None:
        """Decide an `ApprovalRequest`."""
        self._answer(request_id, answer)

    def result(self, timeout_s: float | None = None) -> TurnEnd:
        """Block until the turn ends; not for the engine's own thread.

        Raises
        ------
        TimeoutError
            If it has not ended after `timeout_s`.
        """
        return self._end.result(timeout_s)

    async def wait(self) -> TurnEnd:
        """Wait for the end on any loop; cancelling the wait leaves the turn running."""
        return await asyncio.shield(asyncio.wrap_future(self._end))

    def __iter__(self) -> Iterator[Event]:
        """Events up to and including the end, blocking for each."""
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        undo = self.subscribe(events.put)
        try:
            while True:
                event = events.get()
                yield event
                if isinstance(event, TurnEnd):
                    return
        finally:
            undo()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events up to and including the end, on any loop."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event] = asyncio.Queue()

        def listener(event: Event) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        undo = self.subscribe(listener)
        try:
            while True:
                event = await events.get()
                yield event
                if isinstance(event, TurnEnd):
                    return
        finally:
            undo()

    # -- for its session, on the portal's loop --------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Add an event. Nothing is added after the end; see `emit_later`."""
        event = self._track(event)
        with self._lock:
            if self._end.done():
                return
            self._events.append(event)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)
        if isinstance(event, TurnEnd):
            self._end.set_result(event)

    def has_called(self, tool_use_id: ToolUseId) -> bool:
        """Whether a tool use is one of this turn."""
        return tool_use_id in self._calls

    def emit_later(self, event: Event) -> None:
        """Tell whoever listened of what its code does that runs on after its end."""
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)

    def note_sign_of_life(self) -> None:
        """Remember that the model, or what it waits for, has shown that it is there."""
        self._last_sign = time.monotonic()

    def silent_s(self, *, is_working: bool) -> float:
        """Seconds without a sign of life; work of ours and tools that take long are one.

        Parameters
        ----------
        is_working
            Whether code runs or the user is asked.
        """
        if is_working or _LONG_TOOLS.intersection(self._open_tools.values()):
            self.note_sign_of_life()
        return time.monotonic() - self._last_sign

    def reason(self, end: EndReason, message: str) -> tuple[EndReason, str]:
        """What the CLI calls aborted was either stopped by the user or had nobody to ask."""
        if self.unanswered:
            return "interaction", self.unanswered
        if self.is_stopping:
            return "interrupted", "Stopped."
        return end, message

    def end(self, end: EndReason, message: str, **figures: Any) -> None:
        """Emit the last event.

        Parameters
        ----------
        figures
            More fields of `TurnEnd`.
        """
        self.ended.set()
        duration_s = time.monotonic() - self._started
        self.emit(TurnEnd(self.turn_id, end, message, duration_s=duration_s, **figures))

    def _track(self, event: Event) -> Event:
        if isinstance(event, CellStart):
            self.has_run_code = True
        elif isinstance(event, ToolUse):
            self._open_tools[event.tool_use_id] = event.name
            self._calls.add(event.tool_use_id)
        elif isinstance(event, ToolResult):
            self._open_tools.pop(event.tool_use_id, None)
            if self.is_stopping:
                return dataclasses.replace(event, text=_STOPPED, is_stopped=True)
        return event
