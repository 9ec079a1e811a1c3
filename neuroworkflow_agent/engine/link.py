"""The process of a conversation: started when needed, drained after a stop, replaced when it dies.

`Link` lives on the portal's loop and owns at most one `Connection`. It ends with `close`, or after
`idle_timeout_s` seconds without a turn; after the latter it may be opened again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from neuroworkflow_agent.errors import SessionClosedError

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, Message

    from neuroworkflow_agent.engine.connection import Connection

_DRAIN_TIMEOUT_S = 5.0


class Link:
    """Keeps a conversation connected.

    Parameters
    ----------
    marker
        See `Connection`.
    make_options
        Makes the options of the next process.
    on_message
        Called with each message of a turn that is not being drained.
    on_end
        Called with a connection whose process is gone.
    idle_timeout_s
        Close after this many seconds without a turn.
    """

    def __init__(
        self,
        marker: str,
        make_options: Callable[[], Awaitable[ClaudeAgentOptions]],
        on_message: Callable[[Message], None],
        on_end: Callable[[Connection], None],
        idle_timeout_s: float,
    ) -> None:
        self._marker = marker
        self._make_options = make_options
        self._on_message = on_message
        self._on_end = on_end
        self._idle_timeout_s = idle_timeout_s
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._drained: asyncio.Event | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def ready(self) -> Connection:
        """The open connection, made if there is none; concurrent callers share one attempt.

        Raises
        ------
        SessionClosedError
            After `close`: who was still getting ready then must not leave a process behind.
        """
        if self._drained is not None:
            await self._drained.wait()
        if self._connection is not None and self._connection.is_open:
            return self._connection
        if self._is_closed:
            raise SessionClosedError("This session was closed meanwhile.")
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._open())
        return await asyncio.shield(self._opening)

    def interrupt(self) -> None:
        """Ask the process to stop its turn."""
        if self._connection is not None:
            self._connection.send_interrupt()

    def drain(self) -> None:
        """Let the process finish a turn nobody waits for any more; `ready` waits until it has."""
        if self._connection is not None:
            self._drained = asyncio.Event()
            self._spawn(self._wait_until_drained(self._drained))

    def abandon(self) -> None:
        """Give up on the process and kill it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._spawn(connection.kill())

    async def reset(self) -> None:
        """Close the connection; the next `ready` makes another."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        await self._close_connection()

    def start_idle_timer(self, is_idle: Callable[[], bool]) -> None:
        """Close later, if `is_idle` then."""

        def close_if_idle() -> None:
            if is_idle():
                self._spawn(self._close_connection())

        self._cancel_idle_timer()
        loop = asyncio.get_running_loop()
        self._idle_timer = loop.call_later(self._idle_timeout_s, close_if_idle)

    async def close(self) -> None:
        """End the process, for good. Idempotent."""
        self._is_closed = True
        self._cancel_idle_timer()
        if self._opening is not None:
            await asyncio.wait([self._opening])
        await self._close_connection()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _open(self) -> Connection:
        from neuroworkflow_agent.engine.connection import Connection

        connection: Connection = Connection(
            await self._make_options(),
            marker=self._marker,
            on_message=lambda message: self._receive(connection, message),
            on_end=lambda _failure: self._ended(connection),
        )
        self._connection = connection
        return connection

    async def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _wait_until_drained(self, drained: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(drained.wait(), _DRAIN_TIMEOUT_S)
        except TimeoutError:
            self.abandon()
        finally:
            drained.set()

    def _receive(self, connection: Connection, message: Message) -> None:
        if connection is not self._connection:
            return
        if self._drained is None or self._drained.is_set():
            self._on_message(message)
        else:
            self._drain_message(connection, self._drained, message)

    def _drain_message(self, connection: Connection, drained: asyncio.Event, message: Message) -> None:
        """Wait for the turn's result; a message that began after the interrupt is interrupted again."""
        from claude_agent_sdk import ResultMessage, StreamEvent

        if isinstance(message, ResultMessage):
            drained.set()
        elif isinstance(message, StreamEvent) and message.event.get("type") == "message_start":
            connection.send_interrupt()

    def _ended(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
        if self._drained is not None:
            self._drained.set()
        self._on_end(connection)

    def _cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    def _spawn(self, coroutine: Awaitable[None]) -> None:
        async def run() -> None:
            await coroutine

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
