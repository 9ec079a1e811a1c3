"""A second event loop in a thread whose own loop stands still, for blocking calls inside a running one.

The loop lives as long as the `with` block; tasks that code left on it are cancelled at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_STRAY_TASKS_S = 2.0


@contextmanager
def private_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of this thread's own for the moment; a running one stands aside.

    asyncio allows one running loop a thread, and offers these functions for those who know better.
    """
    outer = asyncio._get_running_loop()
    swap_task = getattr(asyncio.tasks, "_swap_current_task", None)
    outer_task = swap_task(outer, None) if swap_task is not None and outer is not None else None
    asyncio._set_running_loop(None)
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.wait(pending, timeout=_STRAY_TASKS_S))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        asyncio._set_running_loop(outer)
        if swap_task is not None and outer is not None:
            swap_task(outer, outer_task)
