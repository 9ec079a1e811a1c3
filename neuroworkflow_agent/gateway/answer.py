"""An answer of the Messages API on its way down, piece by piece.

Each answer owns a timer, which ends with it and looks now and then how long the upstream has said nothing: setting one
anew for every piece takes a tenth of the time that a piece takes.
"""

from __future__ import annotations

import asyncio
from typing import Self

import aiohttp


class Answer:
    """What the upstream says to one request, its body still to come.

    Parameters
    ----------
    response
        As it has begun.
    idle_timeout_s
        How long the next piece may take.
    """

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._response = response
        self._idle_timeout_s = idle_timeout_s
        self._read = response.content.readany
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._waits_since: float | None = None
        self._timer = self._loop.call_later(idle_timeout_s, self._look)
        self.status = response.status
        self.headers = response.raw_headers
        if response.connection is not None and (protocol := response.connection.protocol) is not None:
            protocol.read_timeout = None  # which was for its beginning
            protocol.start_timeout()

    def header(self, name: str) -> str | None:
        """The value of a header; None without it."""
        return self._response.headers.get(name)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """What has come of its body.

        Raises
        ------
        aiohttp.ClientError
            If it breaks off; one that is a `TimeoutError` if nothing came for too long.
        """
        self._waits_since = self._now()
        piece = await self._read()
        self._waits_since = None
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """End it, wherever it is."""
        self._timer.cancel()
        self._response.release()
        await self._response.wait_for_close()

    def _look(self) -> None:
        silent_s = self._now() - self._waits_since if self._waits_since is not None else 0.0
        if silent_s < self._idle_timeout_s:
            self._timer = self._loop.call_later(self._idle_timeout_s - silent_s, self._look)
        else:
            self._response.content.set_exception(aiohttp.SocketTimeoutError("It says nothing any more."))
