"""Where the code of a turn runs that a cell asked for: in that cell, or on the main thread if it is a subshell's.

ipykernel runs the cells of a subshell on a thread of their own, beside those of the main thread, and no interrupt
ever comes there. So their code goes to the main thread, in order with the cells there, and shows its outputs in the
subshell's cell. While nothing runs on the main thread, the kernel's interrupt stops the turn.

A `CellKernel` belongs to a `KernelChat`; the `OwnKernel` of a turn in a subshell is closed at the turn's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.base import Execution, NamespaceWatch
from neuroworkflow_agent.kernels.idle_interrupts import idle_interrupts
from neuroworkflow_agent.kernels.live import LiveKernel
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.kernels.own import OwnKernel
from neuroworkflow_agent.outputs import OutputListener

_SHOWN_S = 1.0
"""How long code waits for the cell of a subshell to show what came before it."""


class CellKernel:
    """The `InteractiveShell` of this process as a `Kernel` for turns of its cells, one at a time.

    Parameters
    ----------
    shell
        The shell.
    queue
        Served by the cell that asks.
    hide
        Applied to the texts the code puts out; takes known secrets out.
    watch
        As for `LiveKernel`.
    """

    def __init__(
        self,
        shell: Any,
        queue: MainThreadQueue,
        hide: Callable[[str], str],
        watch: NamespaceWatch | None = None,
    ) -> None:
        self._watch = watch
        self._shell = shell
        self._queue = queue
        self._hide = hide
        self._live = LiveKernel(shell, queue, hide, watch=watch)
        self.namespace = self._live.namespace
        """What the user's variables are."""
        self._current: LiveKernel | OwnKernel = self._live
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, *, on_interrupt: Callable[[], None], on_clear: Callable[[bool], bool] | None) -> None:
        """Choose where the next turn's code runs; called by the cell that asks.

        Parameters
        ----------
        on_interrupt
            Called when the user interrupts the kernel while code of a turn in a subshell runs.
        on_clear
            See `LiveKernel.on_clear`.
        """
        self._current = self._live
        if (parent := _parent_in_subshell(self._shell)) is not None:
            around = functools.partial(self._shown_in, parent)
            self._current = OwnKernel(
                self._shell,
                on_interrupt=on_interrupt,
                hide=self._hide,
                around=around,
                is_in_cell=True,
                watch=self._watch,
            )
        self._current.on_clear = on_clear

    @contextmanager
    def turn(
        self, on_interrupt: Callable[[], None], on_tick: Callable[[], None]
    ) -> Iterator[Callable[[], None]]:
        """While the cell waits; gives what it has to call a few times a second, `on_tick` included."""
        current = self._current
        try:
            if isinstance(current, LiveKernel):
                yield on_tick
            else:
                with idle_interrupts(self._shell, on_interrupt) as look:

                    def tick() -> None:
                        look()
                        on_tick()

                    yield tick
        finally:
            self._live.on_clear, self._current = None, self._live
            if self._loop is not None and current is not self._live:
                asyncio.run_coroutine_threadsafe(current.aclose(), self._loop)

    @property
    def language(self) -> str:
        """Always Python."""
        return "python"

    async def execute(
        self,
        source: str,
        *,
        on_start: Callable[[], None] | None = None,
        on_output: OutputListener | None = None,
        timeout_s: float | None = None,
        as_cell: bool = False,
        on_number: Callable[[int], None] | None = None,
    ) -> Execution:
        """See `Kernel.execute`."""
        self._loop = asyncio.get_running_loop()
        current = self._current
        return await current.execute(
            source,
            on_start=on_start,
            on_output=on_output,
            timeout_s=timeout_s,
            as_cell=as_cell,
            on_number=on_number,
        )

    async def interrupt(self) -> None:
        """Stop what runs; a second Stop, if it was stopped before."""
        await self._current.interrupt()

    async def aclose(self) -> None:
        """Nothing to let go of between turns."""

    @contextmanager
    def _shown_in(self, parent: dict[str, Any]) -> Iterator[None]:
        """On the main thread: show outputs in a subshell's cell, behind what that cell has still to show."""
        shown = threading.Event()
        with contextlib.suppress(KernelError):  # the cell waits no longer
            self._queue.post(shown.set, shown.set)
            shown.wait(_SHOWN_S)
        self._shell.set_parent(parent)
        yield


def _parent_in_subshell(shell: Any) -> dict[str, Any] | None:
    """The request of the cell that calls this, if it runs in a subshell."""
    if threading.current_thread() is threading.main_thread() or getattr(shell, "kernel", None) is None:
        return None
    parent: dict[str, Any] = shell.get_parent()
    is_in_subshell = parent.get("header", parent).get("subshell_id") is not None
    return parent if is_in_subshell and hasattr(shell.kernel, "shell_handlers") else None
