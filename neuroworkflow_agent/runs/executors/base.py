"""What runs the jobs of a batch, as the batch sees it.

Executors share nothing with a job but its plan's directory and its number: what came of it is found as files, and what
an executor says is only why there are none.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ended:
    """A start of a job is over."""

    index: int
    """Of the job in its plan."""
    exit_code: int | None
    """None where it did not come so far, or nobody knows."""
    message: str = ""
    """What it or its executor last said."""


class Executor(Protocol):
    """Starts jobs and tells when they have ended. Called by one thread."""

    capacity: int | None
    """How many may be under way; None takes all at once."""

    def submit(self, indexes: Sequence[int]) -> None:
        """Have jobs started.

        Raises
        ------
        RunError
            If none of them can be.
        """

    def wait(self) -> list[Ended]:
        """Block until some have ended, or for a moment; gives those, maybe none."""

    def withdraw(self) -> None:
        """Take back jobs that have not begun, as far as any wait."""

    def close(self) -> None:
        """Stop what runs, and let go. Idempotent."""


def job_command(plan: Path, indexes: Sequence[int], *, python: str = sys.executable) -> list[str]:
    """The command that runs jobs of a plan, one after the other."""
    return [python, "-m", "neuroworkflow_agent", "batch-job", str(plan), *map(str, indexes)]
