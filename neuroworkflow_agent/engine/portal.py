"""The worker thread and its loop: sync calls in, results out.

One daemon thread per process owns one asyncio loop, started on first use. Everything that talks to
Claude lives on it, so neither the kernel's loop nor a loop of the user's is ever used or blocked.
`Portal.stop` ends it: it runs the registered closers, cancels what is left and joins the thread.
`shared_portal` registers that with `atexit`. A forked child has no such thread and starts its own.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from neuroworkflow_agent.errors import EngineError

T = TypeVar("T")
Closer = Callable[[], Awaitable[None]]

_CLOSE_TIMEOUT_S = 8.0


class Portal:
    """A daemon thread with an asyncio loop of its own."""

    def __init__(self) -> None:
        self._closers: dict[object, Closer] = {}
        self._ready = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="neuroworkflow-agent", daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._ready.set)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._wind_down())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    async def _wind_down(self) -> None:
        """Close what registered itself, then cancel whatever is left."""
        closing = [asyncio.ensure_future(closer()) for closer in self._closers.values()]
        if closing:
            await asyncio.wait(closing, timeout=_CLOSE_TIMEOUT_S)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_TIMEOUT_S)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the worker's loop; the future may be waited for on any other thread."""
        if self._stopped:
            coroutine.close()
            raise EngineError("The agent's worker thread has stopped; start a new session.")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the worker's loop and block until it is done.

        Raises
        ------
        RuntimeError
            If called on the worker thread, where it could never end.
        TimeoutError
            If `timeout_s` passed.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("Portal.call would wait for its own thread; await the coroutine instead.")
        return self.submit(coroutine).result(timeout_s)

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the worker's loop soon; does nothing once stopped."""
        if not self._stopped:
            self._loop.call_soon_threadsafe(function, *args)

    def on_stop(self, closer: Closer) -> Callable[[], None]:
        """Await `closer` when the portal stops; returns the undo."""
        key = object()
        self._closers[key] = closer
        return lambda: self._closers.pop(key, None) and None

    @property
    def is_alive(self) -> bool:
        """Whether work is still accepted."""
        return not self._stopped and self._thread.is_alive()

    def stop(self) -> None:
        """End the thread after its closers ran. Idempotent; bounded in time."""
        if self._stopped:
            return
        self._stopped = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(2 * _CLOSE_TIMEOUT_S + 2)


@functools.cache
def _portal_of(pid: int) -> Portal:
    portal = Portal()
    atexit.register(lambda: portal.stop() if os.getpid() == pid else None)
    return portal


_start_lock = threading.Lock()


def shared_portal() -> Portal:
    """The process's one portal, started if there is none."""
    with _start_lock:
        portal = _portal_of(os.getpid())
        if not portal.is_alive:
            _portal_of.cache_clear()
            portal = _portal_of(os.getpid())
        return portal
