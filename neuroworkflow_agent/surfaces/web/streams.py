"""What pages are sent: server-sent events, a stream for each page.

A `Stream` belongs to the request that reads it and lives on that one's loop; messages are put in from any thread. A page that
does not keep up loses its stream, opens another one, and asks for everything.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

_MAX_WAITING_BYTES = 32 * 1024 * 1024
_ASKED_SHARE = 8
"""What a page has asked for counts as so many times less: a whole transcript may wait, but not one behind the other."""
_ALIVE_S = 15.0
"""How often something is sent, so that nobody in between takes the connection for dead."""


class Stream:
    """The way to one page, made on the loop that reads it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[bytes, int] | None] = asyncio.Queue()
        """Events, and how many bytes each counts."""
        self._waiting_bytes = 0
        self.is_closed = False

    def put(self, event: bytes, *, is_asked: bool = False) -> None:
        """Send an event, unless the page is gone. From any thread.

        Parameters
        ----------
        is_asked
            Whether the page has asked for it, so that it may wait for its turn.
        """
        self._post((event, len(event) // (_ASKED_SHARE if is_asked else 1)))

    def close(self) -> None:
        """Send nothing any more. From any thread; idempotent."""
        self._post(None)

    def _post(self, counted: tuple[bytes, int] | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._add, counted)

    def _add(self, counted: tuple[bytes, int] | None) -> None:
        if self.is_closed:
            return
        self._waiting_bytes += counted[1] if counted is not None else 0
        if counted is None or self._waiting_bytes > _MAX_WAITING_BYTES:
            self.is_closed = True
            counted = None
        self._queue.put_nowait(counted)

    async def read(self) -> AsyncIterator[bytes]:
        """The events as they come, until the stream is closed."""
        while True:
            try:
                async with asyncio.timeout(_ALIVE_S):
                    counted = await self._queue.get()
            except TimeoutError:
                yield b":\n\n"
                continue
            if counted is None:
                return
            event, bytes_counted = counted
            self._waiting_bytes -= bytes_counted
            yield event


def encode(kind: str, message: Any, buffers: list[bytes] | None = None) -> bytes:
    """A message as an event of this kind; its buffers in base64."""
    told = {"message": message, "buffers": [base64.b64encode(each).decode() for each in buffers or []]}
    return f"event: {kind}\ndata: {json.dumps(told, default=str)}\n\n".encode()
