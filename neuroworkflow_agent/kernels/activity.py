"""What the user did in their shell since the agent was last told.

`Activity` owns two IPython event callbacks, from `attach` to `detach`, and a bounded memory of cells.
It never raises into a user's cell.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.kernels.guards import runs_agent_code
from neuroworkflow_agent.kernels.ran_cells import MAX_CELLS, MAX_CHARS_PER_CELL, RanCell, told
from neuroworkflow_agent.kernels.watch import Watch


class Activity:
    """Cells the user ran, for the agent to read.

    Parameters
    ----------
    shell
        The `InteractiveShell` to watch.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._cells: deque[RanCell] = deque(maxlen=MAX_CELLS)
        self._open: list[tuple[RanCell, Watch]] = []
        self._told_history = False
        self._lock = threading.Lock()
        """The worker thread may ask while a cell ends."""
        self._failed: RanCell | None = None
        self.last_error_name = ""
        """Its exception, in a line."""
        self.on_cell: Callable[[], None] | None = None
        """Called on the main thread when a cell of the user's has ended."""

    def attach(self) -> None:
        """Begin to watch."""
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def detach(self) -> None:
        """Watch no longer."""
        for name, callback in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            if callback in self._shell.events.callbacks[name]:
                self._shell.events.unregister(name, callback)
        while self._open:
            self._open.pop()[1].stop()

    def take(self, budget_chars: int, hide: Callable[[str], str] = str) -> str:
        """Everything since the last call as text, newest cells first to be kept; then forget it.

        Parameters
        ----------
        budget_chars
            Most characters to return.
        hide
            Takes known secrets out of a text; before it is cut, since half a secret is not known any more.
        """
        with self._lock:
            cells = [cell for cell in (*self._earlier(), *self._cells) if cell.source.strip()]
            self._cells.clear()
        return told(cells, budget_chars, hide)

    def last_error(self, hide: Callable[[str], str] = str) -> str:
        """The user's last cell with its traceback, without secrets; empty if it did not fail."""
        failed = self._failed
        return failed.render(MAX_CHARS_PER_CELL, hide) if failed is not None else ""

    def _earlier(self) -> list[RanCell]:
        """Sources of cells run before anyone watched, the first time only."""
        if self._told_history:
            return []
        self._told_history = True
        history = getattr(self._shell, "history_manager", None)
        sources = list(history.input_hist_raw) if history is not None else []
        watched = {cell.source for cell in self._cells}
        earlier = [
            RanCell(count, source) for count, source in enumerate(sources) if source and source not in watched
        ]
        return [cell for cell in earlier if not _is_ours(cell.source)][-10:]

    def _before(self, info: Any) -> None:
        if runs_agent_code(self._shell) or info.silent or _is_ours(info.raw_cell or ""):
            return
        count = self._shell.execution_count - (1 if info.store_history else 0)
        cell = RanCell(count if info.store_history else None, info.raw_cell or "")
        watch = Watch(self._shell, cell.output.add, cell.fail)
        self._open.append((cell, watch))
        watch.start()

    def _after(self, result: Any) -> None:
        if not self._open or runs_agent_code(self._shell):
            return
        source = getattr(getattr(result, "info", None), "raw_cell", None)
        if source is not None and source != self._open[-1][0].source:
            return
        cell, watch = self._open.pop()
        watch.stop()
        cell.output.settle()
        with self._lock:
            self._cells.append(cell)
            self._failed = cell if cell.error else None
            self.last_error_name = cell.error
        if self.on_cell is not None:
            self.on_cell()


def _is_ours(source: str) -> bool:
    """Whether a cell only talks to the agent."""
    stripped = source.lstrip()
    if stripped.startswith("%%chat"):
        return True
    lines = [line for line in stripped.splitlines() if line.strip()]
    return bool(lines) and all(
        line.lstrip().startswith(("%chat", "%load_ext neuroworkflow")) for line in lines
    )
