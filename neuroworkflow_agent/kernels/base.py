"""What a kernel is to the rest of the package, and what one execution gives back.

A `Kernel` executes source on behalf of the agent. Two exist: the shell we live in (`live`) and any
kernel over the Jupyter wire protocol (`client`). Both report output as it appears, as `OutputChange`
values, and return one `Execution`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from neuroworkflow_agent.outputs import ExecutionStatus, Output, OutputListener


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """An exception in the user's code, as data."""

    ename: str
    """Class name of the exception."""
    evalue: str
    """Its message."""
    traceback: tuple[str, ...]
    """Formatted lines, possibly with ANSI colours, from the user's own frames on."""


@dataclass(frozen=True, slots=True)
class NameChanges:
    """What code did to the names of a namespace, as far as that was looked at."""

    new: tuple[str, ...] = ()
    rebound: tuple[str, ...] = ()
    """To another object."""
    deleted: tuple[str, ...] = ()
    in_place: tuple[str, ...] = ()
    """Still bound to the same object, which has changed."""
    not_looked_at: tuple[str, ...] = ()
    """Still bound to the same object, of which it is not known whether it has."""

    @property
    def changed(self) -> tuple[str, ...]:
        """All that are known to mean something else than before."""
        return (*self.in_place, *self.rebound, *self.new, *self.deleted)


class NamespaceWatch(Protocol):
    """Looks at a namespace before and after each piece of code, on the thread that runs it; must not raise."""

    def before(self, namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> None:
        """Code is about to run; `hidden` has IPython's own names."""

    def after(self, namespace: Mapping[str, Any]) -> NameChanges | None:
        """It has ended; None where nobody looked."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of code."""

    source: str
    """What ran."""
    status: ExecutionStatus
    """`interrupted` when it was stopped, whatever exception that showed as."""
    outputs: tuple[Output, ...]
    """nbformat 4 outputs, after updates and clears, neighbouring streams joined."""
    execution_count: int | None
    """The count the kernel gave, if it gave one."""
    error: ExecutionError | None
    """The exception, if one ended it."""
    duration_s: float
    """Seconds from start to end on the kernel."""
    changes: NameChanges | None = None
    """What it did to the namespace; None where nobody looked."""


class Kernel(Protocol):
    """Where user code runs. All methods are called on the engine's loop."""

    @property
    def language(self) -> str:
        """The kernel's language, lower case, as its kernelspec names it."""

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
        """Run `source` and return what came of it.

        One at a time: a second call waits for the first. Cancelling the call interrupts the running
        statement (or drops it, when it has not started) and returns only when the kernel has let go of
        it, or when it plainly will not within a bounded time. The code is interrupted once, so that it can
        clean up, and again when it goes on for longer than `letting_go.GRACE_S`.

        Parameters
        ----------
        source
            Code of one cell, magics and top-level `await` included.
        on_start
            Called once, on the engine's loop, when the kernel begins with it; not before another cell that
            runs there has ended.
        on_output
            Called in order, on the engine's loop, with each change of the outputs; neighbouring texts of
            one stream may come as one.
        timeout_s
            Interrupt after this many seconds.
        as_cell
            Whether it is a cell of the notebook that holds the caller, too: it takes a number, is kept in the
            history, and shows its outputs to `on_output` alone. A kernel that does so always takes no notice.
        on_number
            Called once, on the engine's loop, with the number that a cell takes, when it begins: a run that is stopped
            has no `Execution` to say it.

        Raises
        ------
        KernelDiedError
            The kernel ended before the code did.
        ExecutionTimeoutError
            `timeout_s` passed.
        """

    async def interrupt(self) -> None:
        """Stop what is running, now; does nothing when nothing runs."""

    async def aclose(self) -> None:
        """Let go of the kernel, ending it if we started it. Idempotent."""
