"""One thread that does what blocks, in order.

`Worker` owns it. It is a daemon: a call that never returns, of a resolver or a file system that hangs, keeps neither
`close` nor the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")
_Job = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any]"]


class Worker:
    """Does calls one after the other, for one event loop.

    Parameters
    ----------
    name
        Of its thread.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, function: Callable[..., _T], *arguments: Any) -> asyncio.Future[_T]:
        """Have it call `function`; the future has what comes of it."""
        done: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._jobs.put((function, arguments, done))
        return done

    def close(self, timeout_s: float) -> bool:
        """Let it end after what it has been given, and wait for that so long; whether it has ended."""
        self._jobs.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            function, arguments, done = job
            result: Any = None
            error: BaseException | None = None
            try:
                result = function(*arguments)
            except BaseException as raised:  # noqa: BLE001 - the thread's boundary: whoever waits gets it
                error = raised
            with suppress(RuntimeError):  # the loop may have ended meanwhile
                done.get_loop().call_soon_threadsafe(_set, done, result, error)


def _set(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
