"""How far a batch has come, on standard error: counts, rate, estimate, cost."""

from __future__ import annotations

import time
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn

from neuroworkflow_agent.runs.batch import Tally
from neuroworkflow_agent.surfaces.console import SafeConsole

_LINE_EVERY_S = 30.0
"""Where no bar is drawn."""


class BatchProgress:
    """Shows a batch; use it as a context manager.

    Parameters
    ----------
    quiet
        Show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._console = SafeConsole(stderr=True, quiet=quiet, highlight=False)
        columns = (BarColumn(), TextColumn("{task.description}", markup=False))
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task("", total=None)
        self._said_at = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.stop()

    def report(self, tally: Tally) -> None:
        """Take in how far it has come."""
        line = progress_line(tally)
        completed = tally.done + tally.without.total()
        self._bar.update(self._task, description=line, completed=completed, total=tally.total)
        if not self._console.is_terminal and time.monotonic() - self._said_at >= _LINE_EVERY_S:
            self._said_at = time.monotonic()
            self._console.print(line, soft_wrap=True)


def progress_line(tally: Tally) -> str:
    """One line: jobs done, how, how fast, how long it will take, what it cost."""
    parts = [
        f"{tally.done:,} of {tally.total:,}",
        *(f"{n:,} {end.replace('_', ' ')}" for end, n in sorted(tally.results.items())),
    ]
    if tally.without:
        parts.append(f"{tally.without.total():,} without a result")
    if tally.running:
        parts.append(f"{tally.running:,} handed over")
    if tally.left_s is not None and tally.done < tally.total:
        parts.append(f"{tally.per_hour:.0f} an hour, about {_duration(tally.left_s)} left")
    if tally.cost_usd:
        parts.append(f"${tally.cost_usd:.2f}")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
