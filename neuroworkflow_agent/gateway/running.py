"""The requests that are being served, and how they end when the process does.

`Running` owns nothing: each request's task belongs to the server that began it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_LET_GO_S = 5.0


class Running:
    """Counts requests, and ends them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self.is_draining = False
        """Whether this process is about to end: no further requests are to be sent to it."""

    def __len__(self) -> int:
        return len(self._tasks)

    @contextmanager
    def one(self) -> Iterator[None]:
        """A request, from its beginning until what it used is handed to the ledger."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def cut(self) -> None:
        """End all of them now; each writes down what it has come to."""
        for task in self._tasks:
            task.cancel()

    async def end(self) -> None:
        """Return when all have ended, which they are made to."""
        if self._tasks:
            self.cut()
            await asyncio.wait(set(self._tasks), timeout=_LET_GO_S)
