"""What a cell that awaits sets in its context, such as NumPy's print options, given to the shell at its end.

A cell that awaits is a task with a copy of the shell's context, which is lost with it. `%chat` makes its cell
such a task, whatever else stands there, so what the cell and the agent's code set is taken over as if the cell
had awaited nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
from typing import Any

_MARK: contextvars.ContextVar[object] = contextvars.ContextVar("mark")


def keep_context(shell: Any) -> None:
    """Let the shell have what the cell that calls this sets in its context; does nothing outside such a task."""
    with contextlib.suppress(RuntimeError):  # no loop runs
        task = asyncio.current_task()
        if task is not None and _runs_a_cell(task, shell):
            _TakenOver(shell, task).expect_end()


class _TakenOver:
    """Waits for the end of a cell, which IPython tells in the shell's own context."""

    def __init__(self, shell: Any, task: asyncio.Task[Any]) -> None:
        self._events = shell.events
        self._task = task
        self._context = _context_of(task)

    def expect_end(self) -> None:
        """Take over what was set, once the cell has ended."""
        self._events.register("post_execute", self._after)

    def _after(self) -> None:
        """Called at the end of any code; the agent's, within the cell, does not end it."""
        if not self._task.done():
            return
        self._events.unregister("post_execute", self._after)
        here = contextvars.copy_context()
        for variable, value in self._context.items():
            if variable not in here or here[variable] is not value:
                variable.set(value)


def _runs_a_cell(task: asyncio.Task[Any], shell: Any) -> bool:
    """Whether a task is IPython's own for a cell, not one that the user's code made."""
    return getattr(task.get_coro(), "cr_code", None) is type(shell).run_cell_async.__code__


def _context_of(task: asyncio.Task[Any]) -> contextvars.Context:
    """The context of the current task itself, not a copy."""
    get_context = getattr(task, "get_context", None)
    if get_context is not None:
        context: contextvars.Context = get_context()
        return context
    # Python 3.11 offers no other way: https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.get_context
    token = _MARK.set(mark := object())
    contexts = [each for each in gc.get_referents(task) if isinstance(each, contextvars.Context)]
    found = next(each for each in contexts if each.get(_MARK) is mark)
    _MARK.reset(token)
    return found
