"""Methods of a shell's parts, wrapped for a while and put back as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MISSING = object()


class Wrappings:
    """Owns the attributes it sets, from `wrap` to `undo`; several may be nested."""

    def __init__(self) -> None:
        self._wrapped: list[tuple[Any, str, Any]] = []

    def wrap(self, target: Any, name: str, wrapper: Callable[..., Any]) -> None:
        """Have `wrapper` called in the place of a method, with the method as its first argument."""
        original = getattr(target, name)
        self.replace(target, name, lambda *args, **kwargs: wrapper(original, *args, **kwargs))

    def replace(self, target: Any, name: str, function: Callable[..., Any]) -> None:
        """Have `function` called in the place of a method."""
        before = vars(target).get(name, _MISSING)
        setattr(target, name, function)
        self._wrapped.append((target, name, before))

    def undo(self) -> None:
        """Put everything back. Idempotent."""
        while self._wrapped:
            target, name, before = self._wrapped.pop()
            if before is _MISSING:
                vars(target).pop(name, None)
            else:
                setattr(target, name, before)
