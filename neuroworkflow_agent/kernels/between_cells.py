"""The time in which no cell runs, waited for by a thread that would slow one.

`BetweenCells` owns two IPython event callbacks, from its making to `end`. It never raises into a user's cell.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

_QUIET_S = 0.1
"""How long no cell has run when it counts as none running: "Run All" has the next one begin sooner."""
_FIRST_S = 2.0
"""How long the cell in which this is made is taken to run, unless its end is seen: it may be made in none at all."""


class BetweenCells:
    """Waits until no cell of a shell runs.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    """

    def __init__(self, shell: Any) -> None:
        self._events = shell.events
        self._changed = threading.Condition()
        self._running = 1
        """Cells that run, one inside the other. The first has begun before anybody looked."""
        self._is_first = True
        self._is_over = False
        for name, callback in self._callbacks:
            self._events.register(name, callback)

    def wait(self) -> bool:
        """Return when no cell has run for a moment; False once `end` was called. Not for the shell's own thread."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_first or self._is_over, _FIRST_S)
            if self._is_first:
                self._is_first, self._running = False, 0
            while not self._is_over:
                self._changed.wait_for(lambda: not self._running or self._is_over)
                if not self._changed.wait_for(lambda: bool(self._running) or self._is_over, _QUIET_S):
                    return True
            return False

    def end(self) -> None:
        """Let nobody wait any longer. Idempotent; from any thread."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        for name, callback in self._callbacks:
            with contextlib.suppress(ValueError):  # gone: a message may come as the last step ends
                self._events.unregister(name, callback)

    @property
    def _callbacks(self) -> tuple[tuple[str, Any], ...]:
        return ("pre_execute", self._begun), ("post_execute", self._ended)

    def _begun(self) -> None:
        self._count(self._running + 1)

    def _ended(self) -> None:
        self._count(max(0, self._running - 1))  # of an empty cell only the end is told

    def _count(self, running: int) -> None:
        with self._changed:
            self._is_first, self._running = False, running
            self._changed.notify_all()
