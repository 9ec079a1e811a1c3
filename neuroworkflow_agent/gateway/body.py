"""A request's body on its way in, and whether whoever sends it is still there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from starlette.types import Receive

from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.record import Exchange


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

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            try:
                piece, more = await self._next()
            except (ApiError, ClientGoneError) as failure:
                self.failure = failure
                raise
            if not more:
                self._is_whole.set()
            if piece:
                yield piece

    async def _next(self) -> tuple[bytes, bool]:
        """The next piece, and whether there is more."""
        try:
            async with asyncio.timeout(self._idle_s):
                message = await self._receive()
        except TimeoutError:
            raise ApiError(
                408, "The request's body stopped coming.", reason="idle", headers={"connection": "close"}
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece: bytes = message.get("body", b"")
        self._exchange.received_bytes += len(piece)
        if self._exchange.received_bytes > self._max_bytes:
            raise too_large(self._max_bytes)
        return piece, bool(message.get("more_body", False))

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


async def while_connected(work: Coroutine[Any, Any, None], body: Body, total_s: float) -> None:
    """Do `work` while the caller waits for it.

    Raises
    ------
    ClientGoneError
        If the caller went away.
    TimeoutError
        If it took too long.
    """
    working = asyncio.ensure_future(work)
    going = asyncio.ensure_future(body.wait_until_gone())
    try:
        done, _ = await asyncio.wait({working, going}, timeout=total_s, return_when=asyncio.FIRST_COMPLETED)
        if working in done:
            working.result()
        elif going in done:
            raise ClientGoneError
        else:
            raise TimeoutError
    finally:
        for task in (working, going):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
