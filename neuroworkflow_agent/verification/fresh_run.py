"""A notebook is run anew from its top in a kernel of its own, and its outputs are compared with those it keeps.

The notebook itself stays as it is; files that its cells write are written. `verify` lives on the engine's loop and owns the
kernel, from its start to its end, which a cancellation brings at once. No model is asked: cells that would are left out.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import ExecutionTimeoutError, KernelDiedError, KernelError
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.process import START_TIMEOUT_S, check_kernelspec
from neuroworkflow_agent.notebooks.cells import address
from neuroworkflow_agent.notebooks.names import CellNames, cell_names
from neuroworkflow_agent.notebooks.reading import Notebook, kernel_name
from neuroworkflow_agent.outputs import OutputList, OutputListener
from neuroworkflow_agent.prompt_cells import is_prompt
from neuroworkflow_agent.text import one_line
from neuroworkflow_agent.verification.alike_texts import Likeness
from neuroworkflow_agent.verification.comparing import differences, error_of
from neuroworkflow_agent.verification.screen import Screen
from neuroworkflow_agent.verification.unasked import agent_names, without_asking
from neuroworkflow_agent.verification.verdicts import CellState, CellVerdict, Verification

SKIP_TAGS = frozenset({"verify-skip", "skip-execution", "nbval-skip"})
"""Tags of cells that are not run."""
TOLERATE_TAGS = frozenset({"verify-tolerate", "nbval-ignore-output"})
"""Tags of cells whose outputs may differ."""
RAISES_TAGS = frozenset({"raises-exception", "nbval-raises-exception"})
"""Tags of cells that are meant to fail."""
_NO_MODEL = "scripted:no model is asked while a notebook is verified"
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_REASON_CHARS = 300


async def verify(
    notebook: Notebook,
    name: str,
    *,
    cwd: Path | None,
    environ: Mapping[str, str],
    kernel: str | None = None,
    timeout_s: float | None = None,
    start_timeout_s: float = START_TIMEOUT_S,
    on_cell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verification:
    """Run a notebook anew and compare.

    Parameters
    ----------
    notebook
        As it is kept, or on the screen; not changed.
    name
        What people call it.
    cwd
        Where its kernel starts.
    environ
        The kernel's environment.
    kernel
        Kernelspec; None takes the notebook's own.
    timeout_s
        Longest time for one cell; None for no limit.
    on_cell
        Told how many of how many cells are done.

    Raises
    ------
    NoKernelSpecError
        If there is no such kernelspec.
    """
    started = time.monotonic()
    spec = kernel or kernel_name(notebook)
    check_kernelspec(spec)
    run = _Run(notebook, timeout_s, on_cell)
    trouble = ""
    try:
        live = await ClientKernel.start(
            spec, cwd=cwd, env={**environ, "ANTHROPIC_MODEL": _NO_MODEL}, timeout_s=start_timeout_s
        )
    except KernelError as error:
        trouble = str(error)
    else:
        try:
            await run.through(live)
        finally:
            await asyncio.shield(asyncio.ensure_future(live.aclose()))
    return Verification(name, spec, tuple(run.verdicts), run.remarks(), trouble, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Ran:
    """A cell that has run."""

    number: int
    cell: Any
    execution: Execution
    outputs: OutputList
    tags: frozenset[str]
    asks: bool
    ended: datetime


class _Run:
    """One pass through a notebook."""

    def __init__(
        self, notebook: Notebook, timeout_s: float | None, on_cell: Callable[[int, int], None]
    ) -> None:
        self._cells = [
            (number, cell)
            for number, cell in enumerate(notebook.cells, 1)
            if cell.cell_type == "code" and cell.source.strip()
        ]
        self._timeout_s = timeout_s
        self._on_cell = on_cell
        self._asking = agent_names(cell.source for _, cell in self._cells)
        self._names: dict[int, CellNames] = {}
        self._left_out: set[int] = set()
        """Numbers of cells that did not do all that they say."""
        self._asks_agent: list[int] = []
        self._is_over = ""
        self._screen = Screen()
        self.verdicts: list[CellVerdict] = []

    async def through(self, kernel: ClientKernel) -> None:
        """Run the cells in their order; one that fails does not end it, the kernel's death does."""
        if kernel.language == "python":
            self._names = await asyncio.to_thread(
                lambda: {number: cell_names(cell.source) for number, cell in self._cells}
            )
        ran: list[CellVerdict | _Ran] = []
        for done, (number, cell) in enumerate(self._cells):
            self._on_cell(done, len(self._cells))
            ran.append(await self._executed(kernel, number, cell))
        # A cell may change what one above it shows, so all have to have run before the first is judged.
        for each in ran:
            self.verdicts.append(
                await asyncio.to_thread(self._compared, each) if isinstance(each, _Ran) else each
            )
        self._on_cell(len(self._cells), len(self._cells))

    async def _executed(self, kernel: ClientKernel, number: int, cell: Any) -> CellVerdict | _Ran:
        if self._is_over:
            return _verdict(number, cell, "not run", (self._is_over,))
        tags = frozenset(cell.metadata.get("tags", ()))
        if tags & SKIP_TAGS:
            self._left_out.add(number)
            return _verdict(number, cell, "skipped", (f"tagged {min(tags & SKIP_TAGS)}",))
        is_asked = kernel.is_chat_kernel and is_prompt(cell)
        source, asks = without_asking(cell.source, self._asking, is_prompt=is_asked)
        if asks:
            self._left_out.add(number)
            self._asks_agent.append(number)
        if not source:
            return _verdict(number, cell, "skipped", ("asks the agent; no model is called here",))
        outputs = self._screen.below()
        try:
            execution = await _executed(kernel, source, self._timeout_s, self._screen.apply)
        except ExecutionTimeoutError:
            self._left_out.add(number)
            return _verdict(number, cell, "failed", (f"ran longer than {self._timeout_s:g} s",))
        except KernelDiedError:
            self._is_over = f"the kernel died in cell {number}"
            return _verdict(number, cell, "failed", ("the kernel died",))
        return _Ran(number, cell, execution, outputs, tags, asks, datetime.now(UTC))

    def _compared(self, ran: _Ran) -> CellVerdict:
        number, cell, tags = ran.number, ran.cell, ran.tags
        before, after = tuple(cell.outputs), ran.outputs.outputs
        is_new = not before and not cell.execution_count
        apart = () if ran.asks or is_new else differences(before, after, Likeness(now=ran.ended))
        # What a magic says of its wrong use is no error among the outputs, and may be kept.
        is_kept = error_of(before) is not None or (before and not apart)
        if ran.execution.status != "ok" and not tags & RAISES_TAGS and not is_kept:
            self._left_out.add(number)
            reason, missing = self._why_failed(number, ran.execution)
            return _verdict(number, cell, "failed", (reason,), missing, before, after)
        state: CellState = (
            "ran" if is_new else "same" if not apart else "tolerated" if tags & TOLERATE_TAGS else "differs"
        )
        return _verdict(number, cell, state, apart, (), before, after)

    # -- why ------------------------------------------------------------------------------------------

    def _why_failed(self, number: int, execution: Execution) -> tuple[str, tuple[str, ...]]:
        """What is said of a failure, and the names that are missing."""
        error = execution.error
        if error is None:
            return "was interrupted", ()
        said = one_line(f"{error.ename}: {error.evalue}", _REASON_CHARS)
        undefined = _UNDEFINED.search(error.evalue) if error.ename == "NameError" else None
        if undefined is None or number not in self._names:
            return said, ()
        return f"{said}: {self._origin(undefined[1], number)}", (undefined[1],)

    def _origin(self, name: str, number: int) -> str:
        """Where a name that is missing would have come from."""
        giving = [other for other, names in self._names.items() if name in names.gives and other != number]
        above, below = [each for each in giving if each < number], [each for each in giving if each > number]
        for other in reversed(above):
            if other in self._left_out:
                state = next(each.state for each in self.verdicts if each.number == other)
                return f"cell {other}, which gives it, {'failed' if state == 'failed' else 'was left out'}"
        if below:
            return f"it is given only below, by cell {below[0]}"
        asked = [other for other in self._asks_agent if other < number]
        by = f"; maybe the agent that cell {asked[-1]} asks gave it" if asked else ""
        return f"it depends on code that is in no cell{by}"

    def remarks(self) -> tuple[str, ...]:
        """What the numbers of the cells tell of how they were run."""
        counts = [(number, cell.execution_count) for number, cell in self._cells if cell.execution_count]
        found = []
        for (_, before), (number, count) in itertools.pairwise(counts):
            if count < before:
                found.append(
                    f"The cells were last run in another order than they stand in: [{count}], cell {number}, stands below [{before}]."
                )
                break
        ran = {count for _, count in counts}
        if counts and (between := sorted(set(range(min(ran), max(ran))) - ran)):
            found.append(
                f"Code was run in between that is in no cell, or that is run anew: [{between[0]}]"
                + (f" and {len(between) - 1} more." if len(between) > 1 else ".")
            )
        return tuple(found)


async def _executed(
    kernel: ClientKernel, source: str, timeout_s: float | None, on_output: OutputListener
) -> Execution:
    """Run one cell; who is cancelled does not wait for code of a kernel that ends with it."""
    running = asyncio.ensure_future(kernel.execute(source, timeout_s=timeout_s, on_output=on_output))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        running.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(asyncio.ensure_future(kernel.aclose()))
        raise


def _verdict(
    number: int,
    cell: Any,
    state: CellState,
    reasons: tuple[str, ...],
    missing: tuple[str, ...] = (),
    before: Sequence[Any] = (),
    after: Sequence[Any] = (),
) -> CellVerdict:
    return CellVerdict(
        number, address(cell), state, reasons, missing, cell.source, tuple(before), tuple(after)
    )
