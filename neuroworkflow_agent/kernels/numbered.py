"""The agent's code as a cell of the notebook: it takes the next number, is kept in the history, and shows nothing elsewhere.

While a cell of the user's waits for the agent, that one keeps its number, and those behind it count on from what the
agent's took. IPython counts a cell when it has ended, and the kernel reads the number of one that has ended from that count;
so the count moves on when the waiting cell has ended and was answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class CellNumbers:
    """Numbers for cells that the agent runs in a shell; on the main thread.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    is_inside
        Whether a cell of the user's runs meanwhile.
    """

    def __init__(self, shell: Any, *, is_inside: bool) -> None:
        self._shell = shell
        self._is_inside = is_inside
        self._taken = 0
        self._is_running = False

    @contextmanager
    def next(self) -> Iterator[int]:
        """Run the code of a cell in the block; gives its number."""
        shell = self._shell
        waiting = shell.execution_count
        # IPython 9 counts a cell when it begins, IPython 8 when it has ended; the history has it from the beginning.
        number: int = max(waiting, len(shell.history_manager.input_hist_raw))
        shell.execution_count, self._is_running = number, True
        try:
            with _shown_nowhere(shell):
                yield number
        finally:
            self._is_running = False
            if self._is_inside:
                shell.execution_count = waiting
                if not self._taken:
                    shell.events.register("post_run_cell", self._after_cell)
                self._taken += 1

    def _after_cell(self, result: Any) -> None:
        """A cell has ended; if it is the user's, the next one is counted behind those of the agent's."""
        info = getattr(result, "info", None)
        if self._is_running or not getattr(info, "store_history", True):
            return
        self._shell.events.unregister("post_run_cell", self._after_cell)
        taken, self._taken = self._taken, 0

        def move_on() -> None:
            self._shell.execution_count += taken

        try:
            # The answer to the cell, which tells its number, is sent before the loop comes to this.
            asyncio.get_running_loop().call_soon(move_on)
        except RuntimeError:  # a terminal
            move_on()


@contextmanager
def _shown_nowhere(shell: Any) -> Iterator[None]:
    """Send what the code shows as the output of no cell: the one it belongs to is given it by its page."""
    if not (hasattr(shell, "set_parent") and hasattr(shell, "get_parent")):
        yield
        return
    parent = shell.get_parent()
    header = {**parent.get("header", {}), "msg_id": uuid.uuid4().hex}
    shell.set_parent({**parent, "header": header, "msg_id": header["msg_id"]})
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # a stream of the user's own
                stream.flush()
        shell.set_parent(parent)
