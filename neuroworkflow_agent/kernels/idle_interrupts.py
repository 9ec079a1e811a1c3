"""Interrupts of a kernel whose main thread is idle: ipykernel ignores them, a turn in a subshell is stopped by them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def idle_interrupts(shell: Any, on_interrupt: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Tell of interrupts that come while the main thread is idle, where ipykernel ignores them.

    Gives a function to be called a few times a second: ipykernel ignores them anew after each message.
    """
    listener = _IdleInterrupts(shell.kernel, on_interrupt)
    try:
        yield listener.look
    finally:
        listener.end()


class _IdleInterrupts:
    """A handler of SIGINT; signal handlers are set on the main thread, while its loop is free."""

    def __init__(self, kernel: Any, on_interrupt: Callable[[], None]) -> None:
        self._kernel = kernel
        self._on_interrupt = on_interrupt
        self._handler = self._handle
        self._is_over = False

    def look(self) -> None:
        """Have the handler set if interrupts are ignored now."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            self._soon_on_main_thread(self._set)

    def end(self) -> None:
        """Have interrupts ignored again."""
        self._is_over = True
        self._soon_on_main_thread(self._unset)

    def _soon_on_main_thread(self, function: Callable[[], None]) -> None:
        self._kernel.io_loop.asyncio_loop.call_soon_threadsafe(function)

    def _set(self) -> None:
        if not self._is_over and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._handler)

    def _unset(self) -> None:
        if signal.getsignal(signal.SIGINT) is self._handler:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        # What it puts back behind a message that it handles now.
        if getattr(self._kernel, "saved_sigint_handler", None) is self._handler:
            self._kernel.saved_sigint_handler = signal.SIG_IGN

    def _handle(self, *_signal: object) -> None:
        if not self._is_over:
            self._on_interrupt()
