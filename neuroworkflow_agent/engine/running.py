"""A turn as its caller sees it: events while it runs, how it ended, and the way to stop it.

The engine emits on its own loop; whoever listens is called there and must not block. Every subscription
begins with the events so far, so a late listener misses nothing.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from neuroworkflow_agent.errors import TurnFailedError
from neuroworkflow_agent.events import Event, TextDelta, ToolUse, TurnEnd
from neuroworkflow_agent.ids import TurnId, new_turn_id

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.permissions import Answer

Listener = Callable[[Event], None]


class RunningTurn:
    """One turn of a session, from the user's message to its `TurnEnd`."""

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

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event, past ones first; returns the undo."""
        with self._lock:
            for event in self._events:
                listener(event)
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def emit(self, event: Event) -> None:
        """Add an event; the engine's part. Nothing is added after the end."""
        with self._lock:
            if self._end.done():
                return
            self._events.append(event)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)
        if isinstance(event, TurnEnd):
            self._end.set_result(event)

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

    def raise_unless_complete(self) -> None:
        """Turn an end other than `complete` into an exception.

        Raises
        ------
        TurnFailedError
            With the end and its message.
        """
        end = self.result(0)
        if end.end != "complete":
            raise TurnFailedError(end.message or end.end, end=end.end, session_id=end.session_id)

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
