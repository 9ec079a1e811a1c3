"""What a measurement gives: a row of the table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    value: str
    target: str = ""
    ok: bool | None = None
    """Whether the target is reached; None where there is none."""


def median_ms(seconds: Sequence[float]) -> float:
    """Median in milliseconds."""
    return statistics.median(seconds) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def in_turn(count: int, *functions: Callable[[], object]) -> list[list[float]]:
    """Seconds of each function, measured alternately so that a drift of the machine hits all alike."""
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(count):
        for function, taken in zip(functions, seconds, strict=True):
            started = perf_counter()
            function()
            taken.append(perf_counter() - started)
    return seconds
