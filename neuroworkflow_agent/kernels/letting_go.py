"""How long code that was told to stop is left alone, and what is said when it does not let go.

One Stop is one interrupt: what the code does in its `finally:` is its own affair. A kernel interrupts again
when that takes longer than `GRACE_S`, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from typing import Any

GRACE_S = 3.0
"""How long code may go on after an interrupt has reached it."""
PATIENCE_S = 5.0
"""How long whoever stopped the code waits; without them it is interrupted further until it lets go."""

_AGAIN = f"The code has not stopped {GRACE_S:g} s after it was interrupted. It is interrupted again.\n"
_HOPELESS = (
    "The code does not let itself be interrupted. If it does not end, only restarting the kernel helps.\n"
)
_SAID_AT = {1: _AGAIN, 3: _HOPELESS}


def what_to_say(repetition: int) -> str:
    """What people are told when code is interrupted for the `repetition`-th time after the first; mostly nothing."""
    return _SAID_AT.get(repetition, "")


async def wait_in_any_case(future: Awaitable[Any], *, timeout_s: float = PATIENCE_S) -> None:
    """Wait for a future of ours; who is being cancelled already is not hurried by being cancelled again."""
    from anyio import CancelScope

    task = asyncio.ensure_future(future)
    deadline = time.monotonic() + timeout_s
    # The scope of a request that was cancelled would cancel again in every round of the loop, which then does
    # nothing else and takes half of the time from code that cleans up.
    with CancelScope(shield=True):
        while not task.done() and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task], timeout=left)
