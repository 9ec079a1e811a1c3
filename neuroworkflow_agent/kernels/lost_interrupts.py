"""Interrupts that Python drops: those raised in a finalizer or a callback, which nobody can catch.

Python hands them to `sys.unraisablehook` and goes on, so code that was told to stop would run for ever.
Whoever serves the main thread watches that hook meanwhile, and interrupts again a little later.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Self


class LostInterrupts:
    """Watches `sys.unraisablehook` within a `with` block.

    Parameters
    ----------
    on_lost
        Called on the main thread when an interrupt was dropped; must return at once.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._before: Callable[[Any], object] = sys.unraisablehook

    def __enter__(self) -> Self:
        self._before = sys.unraisablehook
        sys.unraisablehook = self._hook
        return self

    def __exit__(self, *_exception: object) -> None:
        if sys.unraisablehook == self._hook:
            sys.unraisablehook = self._before

    def _hook(self, unraisable: Any) -> None:
        try:
            if issubclass(unraisable.exc_type, KeyboardInterrupt):
                self._on_lost()
            else:
                self._before(unraisable)
        except KeyboardInterrupt:  # raised while another exception is told, it would be dropped, too
            self._on_lost()
