"""What the next request will begin with, read while nobody waits: reading is what a small model takes longest for.

A `ReadAhead` owns one task at most; it ends with `stop`, which whoever has something to ask calls first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import httpx


class ReadAhead:
    """Has a llama.cpp server keep the beginning of a prompt in its cache.

    Parameters
    ----------
    client
        Bound to the server's address, with its key.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._task: asyncio.Task[None] | None = None

    def begin(self, prompt: Callable[[], Awaitable[str]]) -> None:
        """Read in the background; what was begun before has to be stopped.

        Parameters
        ----------
        prompt
            Makes the text as the model is given it; empty to read nothing.
        """
        self._task = asyncio.create_task(self._read(prompt))

    async def stop(self) -> None:
        """Read no further. What has been read stays. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _read(self, prompt: Callable[[], Awaitable[str]]) -> None:
        with contextlib.suppress(httpx.HTTPError):  # the next request meets the same failure and reports it
            if text := await prompt():
                request = {"prompt": text, "n_predict": 0, "cache_prompt": True}
                await self._client.post("/completion", json=request)
