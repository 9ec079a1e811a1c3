"""The process of a session: started when needed, drained after a stop, replaced when it dies.

`Supervisor` lives on the portal's loop and owns at most one `ClaudeProcess`. It ends with `close`, or after
`idle_timeout_s` seconds without a turn, sooner when memory is short; after the latter it may be opened again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from neuroworkflow_agent.engine.claude.memory import is_memory_short
from neuroworkflow_agent.errors import SessionClosedError

if TYPE_CHECKING:
    from claude_agent_sdk import Message

    from neuroworkflow_agent.engine.claude.process import ClaudeProcess, Start

_DRAIN_TIMEOUT_S = 5.0
_IDLE_CHECK_S = 60.0
"""How often it is looked whether memory is short."""


class Supervisor:
    """Keeps a session's process.

    Parameters
    ----------
    marker
        See `ClaudeProcess`.
    make_start
        Makes what the next process is started with.
    on_message
        Called with each message of a turn that is not being drained.
    on_end
        Called with a process whose process is gone.
    idle_timeout_s
        Close after this many seconds without a turn.
    """

    def __init__(
        self,
        marker: str,
        make_start: Callable[[], Awaitable[Start]],
        on_message: Callable[[Message], None],
        on_end: Callable[[ClaudeProcess], None],
        idle_timeout_s: float,
    ) -> None:
        self._marker = marker
        self._make_start = make_start
        self._on_message = on_message
        self._on_end = on_end
        self._idle_timeout_s = idle_timeout_s
        self._process: ClaudeProcess | None = None
        self._opening: asyncio.Task[ClaudeProcess] | None = None
        self._drained: asyncio.Event | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        """The end of one that has been let go: until then its conversation is not all written down."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def ready(self) -> ClaudeProcess:
        """The open process, made if there is none, once the SDK serves it; concurrent callers share one attempt.

        Raises
        ------
        SessionClosedError
            After `close`: who was still getting ready then must not leave a process behind.
        """
        process = await self.started()
        await process.loaded()
        return process

    async def started(self) -> ClaudeProcess:
        """As `ready`, without waiting for the SDK; where it is not imported yet, it is not by this either."""
        if self._drained is not None:
            await self._drained.wait()
        if self._ending is not None:
            await asyncio.wait([self._ending])
        if self._process is not None and self._process.is_open:
            return self._process
        if self._is_closed:
            raise SessionClosedError("This session was closed meanwhile.")
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._open())
        return await asyncio.shield(self._opening)

    def interrupt(self) -> None:
        """Ask the process to stop its turn; it has none before it is served."""
        if self._process is not None and self._process.is_loaded:
            self._process.send_interrupt()

    def drain(self) -> None:
        """Let the process finish a turn nobody waits for any more; `ready` waits until it has."""
        if self._process is not None and self._process.is_loaded:
            self._drained = asyncio.Event()
            self._spawn(self._wait_until_drained(self._drained))

    def abandon(self) -> None:
        """Give up on the process and kill it."""
        process, self._process = self._process, None
        if process is not None:
            self._spawn(process.kill())

    async def reset(self) -> None:
        """Close the process; the next `ready` makes another."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        await self._close_process()

    def rest(self) -> None:
        """Close the process of an idle session; the next `ready` makes another."""
        process, self._process = self._process, None
        if process is not None:
            self._ending = self._spawn(process.close())

    def start_idle_timer(self, is_idle: Callable[[], bool]) -> None:
        """Close later, if `is_idle` then; a process takes over 200 MB, so sooner where they are needed."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._idle_timeout_s

        def look() -> None:
            if not is_idle():
                return
            left_s = ends - loop.time()
            if left_s <= 0 or is_memory_short():
                self.rest()
            elif self._process is not None and self._process.is_open:
                wait(left_s)

        def wait(left_s: float) -> None:
            self._idle_timer = loop.call_later(min(left_s, _IDLE_CHECK_S), look)

        self._cancel_idle_timer()
        wait(self._idle_timeout_s)

    async def close(self) -> None:
        """End the process, for good. Idempotent."""
        self._is_closed = True
        self._cancel_idle_timer()
        if self._opening is not None:
            await asyncio.wait([self._opening])
        await self._close_process()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _open(self) -> ClaudeProcess:
        from neuroworkflow_agent.engine.claude.process import ClaudeProcess

        process: ClaudeProcess = ClaudeProcess(
            await self._make_start(),
            marker=self._marker,
            on_message=lambda message: self._receive(process, message),
            on_end=lambda _failure: self._ended(process),
        )
        self._process = process
        return process

    async def _close_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.close()

    async def _wait_until_drained(self, drained: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(drained.wait(), _DRAIN_TIMEOUT_S)
        except TimeoutError:
            self.abandon()
        finally:
            drained.set()

    def _receive(self, process: ClaudeProcess, message: Message) -> None:
        if process is not self._process:
            return
        if self._drained is None or self._drained.is_set():
            self._on_message(message)
        else:
            self._drain_message(process, self._drained, message)

    def _drain_message(self, process: ClaudeProcess, drained: asyncio.Event, message: Message) -> None:
        """Wait for the turn's result; a message that began after the interrupt is interrupted again."""
        from claude_agent_sdk import ResultMessage, StreamEvent

        if isinstance(message, ResultMessage):
            drained.set()
        elif isinstance(message, StreamEvent) and message.event.get("type") == "message_start":
            process.send_interrupt()

    def _ended(self, process: ClaudeProcess) -> None:
        if self._process is process:
            self._process = None
        if self._drained is not None:
            self._drained.set()
        self._on_end(process)

    def _cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    def _spawn(self, coroutine: Awaitable[None]) -> asyncio.Task[None]:
        async def run() -> None:
            await coroutine

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
