"""What is got ready in a kernel before its first message, while none of the user's cells runs.

A `Preparation` owns its thread, which ends with the last step, or after the one that runs when `close` is called. While
it works it shares the interpreter with whatever else runs: a cell that begins meanwhile waits for no more than a step.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import threading
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.kernels.between_cells import BetweenCells

LIGHT = ("pydantic", "mcp_types", "mcp_types._v2025_11_25")
"""Of what the SDK imports, what takes most time for its memory: 170 ms, 15 MiB. Where one of them is missing, as with
version 1 of `mcp`, the first message waits for it."""


class Preparation:
    """Steps that are done between cells, as far as they come before the first message.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    *first
        The surface's own steps, such as the start of `claude`, which come first; each returns at once or imports.
    """

    def __init__(self, shell: Any, *first: Callable[[], object]) -> None:
        self._first = first
        self._between_cells = BetweenCells(shell)
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="neuroworkflow-agent imports", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Wait no longer: a message is on its way, and loads what it needs, but for what shows its answer."""
        self._between_cells.end()

    def close(self) -> None:
        """Begin no other step. Idempotent."""
        self._is_closed = True
        self._between_cells.end()

    def _run(self) -> None:
        from neuroworkflow_agent.engine.claude.memory import is_memory_short

        for step in (*self._first, *_RENDERER, *map(_importing, LIGHT), prepare_tracebacks):
            if not self._between_cells.wait() or is_memory_short():
                break
            step()
        self._between_cells.end()
        if not (self._is_closed or is_memory_short()):
            _render_answer()


def prepare_tracebacks() -> None:
    """Do what a process's first traceback does first: look where each of its modules, ours among them, lies.

    On the main thread that takes up to a second while another one works: a Stop would be felt.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("stack_data")  # as IPython does then
    inspect.getmodule(compile("", "<nowhere>", "exec"))


def _importing(name: str) -> Callable[[], None]:
    """A step that imports a module, if there is one of this name."""

    def step() -> None:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)

    return step


def _render_answer() -> None:
    """Load what the first answer needs; on the kernel's loop it would be felt."""
    from neuroworkflow_agent.render import parts
    from neuroworkflow_agent.render.stream import MarkdownStream

    stream = MarkdownStream()
    stream.feed("`warm` $x$\n\n```python\nx\n```\n")
    stream.tail()
    parts.tool_use("run_code", {"code": "x"})


_RENDERER = (
    *map(_importing, ("markdown_it", "pygments.lexers.python", "latex2mathml.converter")),
    _render_answer,
)
