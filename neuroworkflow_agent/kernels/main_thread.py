"""Work posted by the worker thread, run on the main thread by the cell that waits for it.

The queue owns no thread. Whoever calls `serve` (a cell's coroutine on the kernel's loop) or
`serve_blocking` (a plain call) runs the jobs, in order, one at a time, until `finish` is called. While
serving, SIGINT means "stop the agent": it is reported to the engine, and user code that is running is
interrupted. The handler that stood before is put back in every case.
"""

from __future__ import annotations

import _thread
import asyncio
import ctypes
import functools
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TypeAlias

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.lost_interrupts import LostInterrupts
from neuroworkflow_agent.kernels.private_loop import private_loop
from neuroworkflow_agent.kernels.user_code import UserCode, is_in_child_task

_TICK_S = 0.05
_CANCEL_DRAIN_S = 10.0
_AGAIN_S = 0.05
_AGAIN_AT_MOST_S = 1.0
_PendingCall = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
Job: TypeAlias = Callable[[], UserCode | None]


def _nothing() -> None:
    """Default tick."""


class MainThreadQueue:
    """Jobs for the main thread."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[Job, Callable[[], None]]] = deque()
        self._is_open = False
        self._wake: Callable[[], object] | None = None
        self._finished = False
        self._running: UserCode | None = None
        self._target: UserCode | None = None
        self._lock = threading.Lock()
        self._thread_id: int | None = None
        self._handler: Callable[[int, FrameType | None], None] | None = None
        self._pending_call = _PendingCall(self._on_pending_call)

    @property
    def is_open(self) -> bool:
        """Whether jobs are taken: somebody serves them, or is about to."""
        return self._is_open

    def open(self) -> None:
        """Take jobs from now on; the caller serves them next.

        Raises
        ------
        KernelError
            If another cell already waits.
        """
        with self._lock:
            if self._is_open:
                raise KernelError("Another cell already waits for the agent; one at a time.")
            self._is_open, self._finished, self._target = True, False, None

    def close(self) -> None:
        """Take jobs no more; for a caller that opened and will not serve after all."""
        with self._lock:
            self._is_open = False
            self._jobs.clear()

    def post(self, job: Job, on_drop: Callable[[], None] = _nothing) -> None:
        """Append a job; a job that returns `UserCode` has that run next.

        Parameters
        ----------
        job
            Called on the main thread.
        on_drop
            Called instead, on the main thread, if serving ends before the job's turn.

        Raises
        ------
        KernelError
            If nobody serves.
        """
        with self._lock:
            if not self._is_open:
                raise KernelError("No cell waits for the agent, so nothing can run on the main thread now.")
            self._jobs.append((job, on_drop))
            if self._wake is not None:
                self._wake()

    def finish(self) -> None:
        """Let the one who serves return once the jobs posted so far are done."""
        with self._lock:
            self._finished = True
            if self._wake is not None:
                self._wake()

    def is_running(self, code: UserCode) -> bool:
        """Whether this code runs now. From any thread."""
        return self._running is code

    def interrupt(self, code: UserCode | None = None, *, again: bool = False) -> None:
        """Interrupt `code`, or whatever user code runs now; nothing else. From any thread.

        Code is interrupted once, however often this is asked for, so that it can clean up. Code that is about
        to begin is told too, and does not.

        Parameters
        ----------
        code
            What to interrupt; None for what runs.
        again
            Interrupt it although it was told before, unless that was a moment ago.
        """
        with self._lock:
            if code is not None:
                code.interrupted = True
            running = self._running
            if running is None or (code is not None and code is not running):
                return
            if not running.is_interrupt_due(again=again):
                return
            thread_id = self._thread_id
            if thread_id is None or thread_id != threading.main_thread().ident:
                running.stop()
                return
            # The last signal went to a handler of the code's own.
            was_taken = self._target is running and not self._has_handler()
            self._target = running
            interrupted_at = running.note_interrupt()
            if was_taken and running.cancel is not None:
                running.stop()
            elif was_taken:
                self._put_handler_back_in(running, interrupted_at)
            # Sent under the lock that the main thread needs to leave the code: so the signal arrives while
            # our handler stands and knows whom it is for, never later in somebody else's code.
            _send_sigint(thread_id)
            _thread.start_new_thread(self._send_until_taken, (running, interrupted_at, thread_id))

    async def serve(
        self,
        *,
        on_interrupt: Callable[[], None],
        on_tick: Callable[[], None] = _nothing,
        tick_s: float = _TICK_S,
    ) -> None:
        """Run jobs from the calling task until `finish`; `open` comes first.

        Parameters
        ----------
        on_interrupt
            Called from a signal handler when the user interrupts; must return at once.
        on_tick
            Called every `tick_s` seconds while the loop is free.
        tick_s
            Also how soon an interrupt is noticed that another thread received: Python runs signal
            handlers on the main thread, which sleeps in the loop's selector until something wakes it.

        Raises
        ------
        asyncio.CancelledError
            If the task was cancelled; the agent was told to stop and has ended.
        Exception
            What a job raised; the agent was told to stop and has ended.
        """
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        failed: BaseException | None = None
        deadline = float("inf")
        with self._serving(lambda: loop.call_soon_threadsafe(woken.set), on_interrupt):
            ticker = asyncio.create_task(self._tick_for_ever(on_tick, tick_s))
            try:
                while loop.time() < deadline:
                    try:
                        job = self._next()
                        if job is not None:
                            await self._run(job)
                        elif self._finished:
                            break
                        else:
                            woken.clear()
                            if not self._jobs and not self._finished:
                                await woken.wait()
                    except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - raised below
                        failed, deadline = failed or error, min(deadline, loop.time() + _CANCEL_DRAIN_S)
                        on_interrupt()
            finally:
                ticker.cancel()
        if failed is not None:
            raise failed

    def serve_blocking(
        self,
        *,
        on_interrupt: Callable[[], None],
        on_tick: Callable[[], None] = _nothing,
        tick_s: float = _TICK_S,
    ) -> None:
        """Run jobs until `finish`, blocking the calling thread; `open` comes first.

        For a plain call in a cell, a function or a script; a loop may be running in this thread, and
        stands still meanwhile. Code with top-level await runs on a private loop of this thread.

        Raises
        ------
        Exception
            What a job raised; the agent was told to stop and has ended.
        """
        woken = threading.Event()
        failed: Exception | None = None
        deadline = float("inf")
        with self._serving(woken.set, on_interrupt):
            while time.monotonic() < deadline:
                try:
                    job = self._next()
                    if job is not None:
                        self._run_blocking(job, on_tick, tick_s)
                    elif self._finished:
                        break
                    else:
                        woken.clear()
                        if not self._jobs and not self._finished:
                            woken.wait(tick_s)
                        on_tick()
                except Exception as error:  # noqa: BLE001 - raised below
                    failed, deadline = failed or error, min(deadline, time.monotonic() + _CANCEL_DRAIN_S)
                    on_interrupt()
        if failed is not None:
            raise failed

    # -- running a job --------------------------------------------------------------------------------

    def _next(self) -> Job | None:
        with self._lock:
            return self._jobs.popleft()[0] if self._jobs else None

    def _run_at_once(self, job: Job) -> UserCode | None:
        """Run a job as far as that goes without awaiting; returns code that has yet to be awaited."""
        code = job()
        if code is None or code.is_async:
            return code
        self._drive(code)
        return None

    async def _run(self, job: Job) -> None:
        code = self._run_at_once(job)
        if code is None:
            return
        task = code.start(asyncio.get_running_loop())
        cancelled: asyncio.CancelledError | None = None
        with self._as_running(code):
            while not task.done():
                try:
                    await asyncio.wait([task])
                except asyncio.CancelledError as error:
                    cancelled = error
                    task.cancel()
        if cancelled is not None:
            raise cancelled

    def _run_blocking(self, job: Job, on_tick: Callable[[], None], tick_s: float) -> None:
        code = self._run_at_once(job)
        if code is None:
            return
        with private_loop() as loop:
            task = code.start(loop)
            ticker = loop.create_task(self._tick_for_ever(on_tick, tick_s))
            with self._as_running(code):
                loop.run_until_complete(asyncio.wait([task]))
            ticker.cancel()

    def _drive(self, code: UserCode) -> None:
        """Run code that does not await to its end, with interrupts raised inside it."""
        coroutine = code.coroutine()
        try:
            with self._as_running(code):
                coroutine.send(None)
            # It suspended after all (a loop runner of its own, say); it cannot be waited for here.
            coroutine.close()
        except StopIteration:
            pass
        except KeyboardInterrupt:  # arrived when the code had just ended
            self._running = None

    @contextmanager
    def _as_running(self, code: UserCode) -> Iterator[None]:
        self._running = code
        try:
            yield
        finally:
            with self._lock:
                self._running = self._target = None
            self._keep_handler()

    # -- being interrupted ----------------------------------------------------------------------------

    @contextmanager
    def _serving(self, wake: Callable[[], object], on_interrupt: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._wake = wake
            self._thread_id = threading.get_ident()
        on_main_thread = threading.current_thread() is threading.main_thread()
        before = None
        if on_main_thread:
            self._handler = functools.partial(self._on_sigint, on_interrupt)
            before = signal.signal(signal.SIGINT, self._handler)
        try:
            with LostInterrupts(self._interrupt_again) if on_main_thread else nullcontext():
                yield
        finally:
            if on_main_thread:
                self._handler = None
                signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)
            with self._lock:
                self._wake, self._is_open = None, False
                left, self._jobs = self._jobs, deque()
            for _, on_drop in left:
                on_drop()

    async def _tick_for_ever(self, on_tick: Callable[[], None], tick_s: float) -> None:
        while True:
            await asyncio.sleep(tick_s)
            self._keep_handler()
            on_tick()

    def _keep_handler(self) -> None:
        """Put our handler back where code has left another; else nobody could stop what comes next."""
        if not self._has_handler():
            signal.signal(signal.SIGINT, self._handler)

    def _has_handler(self) -> bool:
        """Whether our handler stands, or none has to."""
        return self._handler is None or signal.getsignal(signal.SIGINT) is self._handler

    def _on_pending_call(self, _argument: object) -> int:
        self._keep_handler()
        return 0

    def _interrupt_again(self) -> None:
        """Interrupt what runs once more, a little later; the last interrupt was dropped by Python. Takes no lock."""
        code = self._running
        if code is not None and code.interrupted:
            # Not a `threading.Timer`: the main thread may hold that module's locks while it is interrupted.
            _thread.start_new_thread(self._interrupt_later, (code, code.interrupted_at))

    def _interrupt_later(self, code: UserCode, interrupted_at: float | None) -> None:
        """Interrupt code that an interrupt has not reached since it was told at `interrupted_at`."""
        time.sleep(_AGAIN_S)
        if code.interrupted_at == interrupted_at:
            code.interrupted_at = None
            self.interrupt(code)

    def _send_until_taken(self, code: UserCode, interrupted_at: float, thread_id: int) -> None:
        """Send the signal again while Python has not called our handler for it.

        A signal that comes when code is just about to wait in C, after Python looked for signals last, does
        not end that wait: the handler would be called when it is over.
        """
        pause_s = _AGAIN_S
        while True:
            time.sleep(pause_s)
            with self._lock:
                is_waited_for = self._target is code and code.interrupted_at == interrupted_at
                if not is_waited_for or not self._has_handler():
                    return
                _send_sigint(thread_id)
            pause_s = min(2 * pause_s, _AGAIN_AT_MOST_S)

    def _put_handler_back_in(self, code: UserCode, interrupted_at: float) -> None:
        """Have the main thread put our handler back amid code that has set its own, then interrupt that again.

        Not `PyThreadState_SetAsyncExc`: while the main thread sleeps in C, every function that is traced in
        another thread would wait for it for ever on Python 3.11, in a debugger for instance.
        """
        # https://docs.python.org/3/c-api/init.html#c.Py_AddPendingCall
        ctypes.pythonapi.Py_AddPendingCall(self._pending_call, None)
        _thread.start_new_thread(self._interrupt_later, (code, interrupted_at))

    def _on_sigint(self, on_interrupt: Callable[[], None], _signum: int, frame: FrameType | None) -> None:
        """Takes no lock: the frame it interrupts may hold it."""
        target, self._target = self._target, None
        running = self._running
        is_ours = running is not None and target in (None, running)
        if running is not None and is_ours:
            # First, and only then the engine, whose thread may go on before this one: it would send a second.
            running.note_interrupt()
        if target is None:
            on_interrupt()
        elif not is_ours:
            return
        if running is not None and running.may_raise_in(frame):
            raise KeyboardInterrupt
        if running is not None:
            running.stop()
        if is_in_child_task(running if target is not None else None):
            # A busy task of the agent's never lets the loop cancel it, and KeyboardInterrupt would leave the
            # kernel's loop through it.
            raise asyncio.CancelledError


def _send_sigint(thread_id: int) -> None:
    """Interrupt the main thread, also in a wait where the system has signals for threads."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread_id, signal.SIGINT)
    else:
        _thread.interrupt_main()
