"""Which of several things are offered, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """A choice among skills, or tools."""

    on: frozenset[str] | None = None
    """Only these; None for all."""
    off: frozenset[str] = frozenset()
    """Not these."""

    def has(self, name: str) -> bool:
        """Whether it is offered."""
        return name not in self.off and (self.on is None or name in self.on)

    def beside(self, names: Iterable[str]) -> Offer:
        """The same choice, with some that need not be named to be on."""
        return Offer(None if self.on is None else self.on.union(names), self.off)


EVERYTHING = Offer()
"""All that there is."""
