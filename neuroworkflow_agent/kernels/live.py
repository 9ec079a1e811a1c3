"""The shell we live in: the agent's code runs on the main thread, in the user's namespace.

`execute` is called on the engine's loop; the code itself runs wherever the `MainThreadQueue` is served.
Results come back to the engine's loop in the order in which they arose.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.errors import ExecutionTimeoutError, KernelError
from neuroworkflow_agent.kernels.base import Execution, ExecutionError, NameChanges, NamespaceWatch
from neuroworkflow_agent.kernels.capture import Capture, message_of
from neuroworkflow_agent.kernels.guards import guarded, in_one_process
from neuroworkflow_agent.kernels.letting_go import GRACE_S, wait_in_any_case, what_to_say
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.kernels.numbered import CellNumbers
from neuroworkflow_agent.kernels.unnumbered import unnumbered
from neuroworkflow_agent.kernels.user_code import UserCode
from neuroworkflow_agent.kernels.variables.namespace import Namespace
from neuroworkflow_agent.outputs import ExecutionStatus, OutputChange, OutputList, OutputListener, join_texts

_NOT_YET_INTERRUPTED_S = 0.05
_TEXT_S = 0.05
"""How long text may be gathered before it is handed on, though nothing follows."""


class LiveKernel:
    """The `InteractiveShell` of this process as a `Kernel`.

    Parameters
    ----------
    shell
        The shell.
    queue
        How code reaches the main thread.
    hide
        Applied to the texts the code puts out; takes known secrets out.
    numbers
        Numbers for what is run as a cell; None where a cell of the user's waits for the code.
    watch
        Looks at the namespace around each piece of code.
    """

    def __init__(
        self,
        shell: Any,
        queue: MainThreadQueue,
        hide: Callable[[str], str] | None = None,
        numbers: CellNumbers | None = None,
        watch: NamespaceWatch | None = None,
    ) -> None:
        self._watch = watch
        self.numbers = numbers or CellNumbers(shell, is_inside=True)
        """For what is run as a cell of the notebook."""
        self.namespace = Namespace(shell)
        """What the user's variables are."""
        self._hide = hide
        self._shell = shell
        self._queue = queue
        self.on_clear: Callable[[bool], bool] | None = None
        """Asked, on the main thread, when the agent's code clears the cell; see `Capture`."""

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
        loop = asyncio.get_running_loop()
        run = _Run(self, source, on_start, on_output, loop, as_cell=as_cell, on_number=on_number)
        self._queue.post(run.start, run.drop)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(run.done)
        except TimeoutError:
            if run.done.done():
                return await run.done
            assert timeout_s is not None
            await self._stop(run)
            raise ExecutionTimeoutError(timeout_s) from None
        except asyncio.CancelledError:
            await self._stop(run)
            raise

    async def interrupt(self) -> None:
        """Stop what is running; a second Stop, if it was stopped before."""
        self._queue.interrupt(again=True)

    async def aclose(self) -> None:
        """Nothing to let go of: the shell is the user's."""

    async def _stop(self, run: _Run) -> None:
        """Drop the run, or interrupt it and wait until it lets go."""
        if not run.try_drop():
            # A task of its own: it goes on when the turn's end cancels what waits here.
            run.stopping = asyncio.create_task(self._interrupt_until_done(run))
            await wait_in_any_case(run.stopping)

    async def _interrupt_until_done(self, run: _Run) -> None:
        self._queue.interrupt(run.code)
        repetition = 0
        while not run.done.done():
            left = run.grace_left_s()
            if left <= 0 and run.code is not None and self._queue.is_running(run.code):
                repetition += 1
                run.say(what_to_say(repetition))
                self._queue.interrupt(run.code, again=True)
            # Waits in any case: what says that the code has ended may be waiting for this loop.
            await asyncio.wait([run.done], timeout=max(left, _NOT_YET_INTERRUPTED_S))
        if not run.done.cancelled():
            run.done.exception()  # it is nobody's any more


class _Run:
    """One execution on its way to the main thread and back."""

    def __init__(
        self,
        kernel: LiveKernel,
        source: str,
        on_start: Callable[[], None] | None,
        on_output: OutputListener | None,
        loop: asyncio.AbstractEventLoop,
        *,
        as_cell: bool,
        on_number: Callable[[int], None] | None,
    ) -> None:
        self._as_cell = as_cell
        self._on_number = on_number
        self._number: int | None = None
        self._kernel = kernel
        self._source = source
        self._on_start = on_start
        self._on_output = on_output
        self._loop = loop
        self._outputs = OutputList()
        self._pending: list[OutputChange] = []
        self._is_flush_due = False
        self._lock = threading.Lock()
        self.done: asyncio.Future[Execution] = loop.create_future()
        self.code: UserCode | None = None
        self.stopping: asyncio.Task[None] | None = None
        """What interrupts it until it is done, once it was stopped."""
        self._stderr: Any = None
        self._is_dropped = False
        self._changes: NameChanges | None = None

    def try_drop(self) -> bool:
        """Give up at once if the code has not started; whether that was so. On the engine's loop."""
        with self._lock:
            self._is_dropped = self.code is None
        if self._is_dropped:
            self.done.cancel()
        return self._is_dropped

    def grace_left_s(self) -> float:
        """How much longer the code may clean up, since it was told to stop."""
        interrupted_at = self.code.interrupted_at if self.code is not None else None
        return (
            _NOT_YET_INTERRUPTED_S if interrupted_at is None else interrupted_at + GRACE_S - time.monotonic()
        )

    def say(self, text: str) -> None:
        """Show a text with the code's outputs while it runs, from the engine's thread."""
        if text and self._stderr is not None:
            self._stderr.write(text)
            self._stderr.flush()

    def start(self) -> UserCode | None:
        """On the main thread: prepare the code, unless it was dropped meanwhile."""
        region = _Run._run_cell.__code__
        with self._lock:
            if self._is_dropped:
                return None
            self.code = code = UserCode(lambda: self._execute(*prepared), is_async=False, region=region)
        if self._on_start is not None:
            self._call(self._on_start)
        shell = self._kernel._shell
        failed = None
        try:
            transformed = shell.transform_cell(self._source)
        except Exception:  # noqa: BLE001 - IPython shows it as the cell's own error
            transformed, failed = self._source, sys.exc_info()
        prepared = (transformed, failed)
        code.is_async = shell.should_run_async(
            self._source, transformed_cell=transformed, preprocessing_exc_tuple=failed
        )
        return code

    def drop(self) -> None:
        """Give up before the code ran."""
        self._resolve(error=KernelError("The code was dropped before it ran."))

    async def _execute(self, transformed: str, failed: Any) -> None:
        kernel, shell = self._kernel, self._kernel._shell
        if kernel._watch is not None:
            kernel._watch.before(shell.user_ns, shell.user_ns_hidden)
        started = time.monotonic()
        result: Any = None
        try:
            with (
                guarded(shell, self._source),
                kernel.numbers.next() if self._as_cell else unnumbered(shell) as self._number,
                Capture(
                    shell,
                    self._record,
                    on_clear=None if self._as_cell else kernel.on_clear,
                    hide=kernel._hide,
                    later=self._later,
                    in_order=True,
                    is_unseen=self._is_our_interrupt,
                ) as capture,
            ):
                self._stderr = sys.stderr
                if self._on_number is not None and self._number is not None:
                    self._call(self._on_number, self._number)
                try:
                    result = await self._run_cell(transformed, failed)
                finally:
                    if self.code is not None:
                        self.code.is_over = True
                    # `run_cell` does this around `run_cell_async`; figures are flushed here.
                    shell.events.trigger("post_execute")
                    shell.events.trigger("post_run_cell", result)
                    capture.settle()
        except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
            result = _Stopped(stopped)
        except BaseException as unexpected:  # noqa: BLE001 - must not end the cell that serves
            self._resolve(error=KernelError(f"IPython failed to run the code: {unexpected!r}"))
            return
        duration_s = time.monotonic() - started
        if kernel._watch is not None:
            self._changes = kernel._watch.after(shell.user_ns)
        self._resolve(self._execution(result, duration_s))

    async def _run_cell(self, transformed: str, failed: Any) -> Any:
        """The user's part: an interrupt is raised below this function's frame and nowhere else."""
        if self.code is not None and self.code.interrupted:
            raise KeyboardInterrupt
        return await in_one_process(
            self._kernel._shell.run_cell_async(
                self._source,
                store_history=self._as_cell,
                transformed_cell=transformed,
                preprocessing_exc_tuple=failed,
            )
        )

    def _execution(self, result: Any, duration_s: float) -> Execution:
        exception = result.error_before_exec or result.error_in_exec
        outputs = self._outputs.outputs
        shown = next((o for o in reversed(outputs) if o["output_type"] == "error"), None)
        error = None
        if exception is not None:
            traceback = tuple(shown["traceback"]) if shown else ()
            error = ExecutionError(type(exception).__name__, message_of(exception), traceback)
        stopped = isinstance(exception, KeyboardInterrupt | asyncio.CancelledError)
        was_told_to = self.code is not None and self.code.interrupted
        status: ExecutionStatus = "interrupted" if stopped and was_told_to else "error" if error else "ok"
        return Execution(self._source, status, outputs, self._number, error, duration_s, self._changes)

    def _record(self, change: OutputChange) -> None:
        """Keep a change and hand it to the engine's loop; many small ones travel together."""
        with self._lock:
            self._outputs.apply(change)
            if self._on_output is None or self._tells_our_interrupt(change):
                return
            self._pending.append(change)
            if not self._is_flush_due:
                # In this order an interrupt in between costs one call too many, never an output.
                self._call(self._flush)
                self._is_flush_due = True

    def _is_our_interrupt(self, name: str) -> bool:
        """Whether an exception says no more than that the code was told to stop, which is said elsewhere; a cell has no other place for it."""
        was_told_to = self.code is not None and self.code.interrupted
        return was_told_to and not self._as_cell and name in ("KeyboardInterrupt", "CancelledError")

    def _tells_our_interrupt(self, change: OutputChange) -> bool:
        if change["op"] != "append" or change["output"]["output_type"] != "error":
            return False
        return self._is_our_interrupt(change["output"]["ename"])

    def _later(self, function: Callable[[], None]) -> None:
        """Call a function on the engine's loop in a moment."""
        self._call(lambda: self._loop.call_later(_TEXT_S, function))

    def _flush(self) -> None:
        with self._lock:
            pending, self._pending, self._is_flush_due = self._pending, [], False
        assert self._on_output is not None
        for change in join_texts(pending):
            self._on_output(change)

    def _resolve(self, execution: Execution | None = None, error: Exception | None = None) -> None:
        self._call(self._set, execution, error)

    def _set(self, execution: Execution | None, error: Exception | None) -> None:
        if self._on_output is not None:
            self._flush()
        if self.done.done():
            return
        if error is not None:
            self.done.set_exception(error)
        else:
            assert execution is not None
            self.done.set_result(execution)

    def _call(self, function: Callable[..., object], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the engine's loop has closed
            self._loop.call_soon_threadsafe(function, *args)


class _Stopped:
    """Stands for IPython's result when the interrupt struck outside the user's code."""

    error_before_exec = None

    def __init__(self, error: BaseException) -> None:
        self.error_in_exec = error
