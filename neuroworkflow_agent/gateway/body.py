"""A request's body on its way in, and whether whoever sends it is still there.

One task at a time receives: while it is not yet decided whether the request may go up, that is `Body.watch`, which reads
a beginning ahead, since only who receives notices that the sender goes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.record import Exchange

_T = TypeVar("_T")
_AHEAD_BYTES = 64 * 2**10
_AGAIN_BYTES = 64 * 2**10
"""A body that is no larger is kept until its answer begins, to be sent a second time."""
_PAUSE_S = 0.02


class ClientGoneError(Exception):
    """The caller went away before its request was whole."""


class Body:
    """A request's body on its way up: counted, and waited for only so long.

    Parameters
    ----------
    receive
        As ASGI gives it.
    exchange
        Told how much came.
    max_bytes
        Beyond this it is refused.
    idle_s
        How long the next piece may take.
    """

    def __init__(self, receive: Receive, exchange: Exchange, max_bytes: int, idle_s: float) -> None:
        self._receive = receive
        self._exchange = exchange
        self._max_bytes = max_bytes
        self._idle_s = idle_s
        self._is_whole = asyncio.Event()
        self.failure: ApiError | ClientGoneError | None = None
        """Why it did not come whole; whoever read it may have been told something else."""
        self._ahead: deque[bytes] = deque()
        self.kept_bytes = 0
        """How much of it is in memory, to be sent."""
        self._most_ahead = _AHEAD_BYTES
        self._grew = asyncio.Event()
        self._wanted = asyncio.Event()
        self._sent: list[bytes] | None = []
        self._sent_bytes = 0
        self.seen: Callable[[bytes], object] | None = None
        """Is given each piece when it is read for the first time."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in list(self._sent or ()):  # once more
            yield piece
        while self._ahead:
            piece = self._ahead.popleft()
            self._keep(piece)
            yield piece
            self.kept_bytes -= len(piece)
        while not self._is_whole.is_set():
            try:
                piece = await self._next()
            except (ApiError, ClientGoneError) as failure:
                self.failure = failure
                raise
            if piece:
                self._keep(piece)
                yield piece

    def _keep(self, piece: bytes) -> None:
        if self.seen is not None:
            self.seen(piece)
        if self._sent is not None:
            self._sent.append(piece)
            self._sent_bytes += len(piece)
            if self._sent_bytes > _AGAIN_BYTES:
                self._sent = None

    @property
    def can_be_read_again(self) -> bool:
        """Whether what was read of it is kept, and the rest may still come."""
        return self._sent is not None and self.failure is None

    def forget(self) -> None:
        """It is not needed again."""
        self._sent = None

    async def _next(self) -> bytes:
        """The next piece."""
        try:
            async with asyncio.timeout(self._idle_s):
                return await self._take()
        except TimeoutError:
            raise ApiError(
                408, "The request's body stopped coming.", reason="idle", headers={"connection": "close"}
            ) from None

    async def _take(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece: bytes = message.get("body", b"")
        self._exchange.received_bytes += len(piece)
        if self._exchange.received_bytes > self._max_bytes:
            raise too_large(self._max_bytes)
        if not message.get("more_body", False):
            self._is_whole.set()
        return piece

    # -- before it goes up ----------------------------------------------------------------------------

    async def watch(self) -> None:
        """Read a beginning ahead; return when the caller has gone away, or raise why it can be served no more.

        Where the beginning is not all of it, no more is read, and a caller that goes is noticed later.
        """
        try:
            while not self._is_whole.is_set():
                while self.kept_bytes >= self._most_ahead:
                    self._wanted.clear()
                    await self._wanted.wait()
                piece = await self._take()
                self._ahead.append(piece)
                self.kept_bytes += len(piece)
                self._grew.set()
            while (await self._receive())["type"] != "http.disconnect":
                pass
        except ClientGoneError:
            return

    async def beginning(
        self, most_bytes: int = _AHEAD_BYTES, pause_s: float = _PAUSE_S
    ) -> tuple[bytes, bool]:
        """What comes of it at once, while another task is in `watch`, and whether that is all of it.

        Parameters
        ----------
        most_bytes
            No more of it is kept in memory than this and what comes in one piece.
        pause_s
            A sender that sends nothing for so long is not waited for.
        """
        self._most_ahead = max(self._most_ahead, most_bytes)
        self._wanted.set()
        with contextlib.suppress(TimeoutError):
            while not self._is_whole.is_set() and self.kept_bytes < most_bytes:
                self._grew.clear()
                async with asyncio.timeout(pause_s):
                    await self._grew.wait()
        return b"".join(self._ahead), self._is_whole.is_set()

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self._is_whole.is_set()

    def skip(self) -> None:
        """There is none, or nobody wants it."""
        self._is_whole.set()

    async def wait_until_gone(self) -> None:
        """Return when the caller has gone away, after sending all of it."""
        await self._is_whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self])


def too_large(max_bytes: int) -> ApiError:
    """For a body that is."""
    return ApiError(413, f"The request is larger than {max_bytes:,} bytes.", reason="size")


async def while_watched(work: Coroutine[Any, Any, _T], body: Body) -> _T:
    """Do `work`, for which the body is not needed yet, while the caller waits for it.

    Raises
    ------
    ClientGoneError
        If the caller went away.
    """
    return await _until(work, body.watch(), None)


async def while_connected(work: Coroutine[Any, Any, None], body: Body, total_s: float) -> None:
    """Do `work`, which reads the body, while the caller waits for it.

    Raises
    ------
    ClientGoneError
        If the caller went away.
    TimeoutError
        If it took too long.
    """
    await _until(work, body.wait_until_gone(), total_s)


async def _until(
    work: Coroutine[Any, Any, _T], watching: Coroutine[Any, Any, None], total_s: float | None
) -> _T:
    working = asyncio.ensure_future(work)
    going = asyncio.ensure_future(watching)
    try:
        done, _ = await asyncio.wait({working, going}, timeout=total_s, return_when=asyncio.FIRST_COMPLETED)
        if working in done:
            return working.result()
        if going in done:
            going.result()
            raise ClientGoneError
        raise TimeoutError
    finally:
        for task in (working, going):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
