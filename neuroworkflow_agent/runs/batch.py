"""The jobs of a plan brought to their results, in any number of goes: what has a result is not run again.

A `Batch` belongs to the thread that runs it, and holds a few bytes a job. It trusts files alone: a job is done when its key has
a result, whatever its executor says.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.runs.executors.base import Ended, Executor
from neuroworkflow_agent.runs.plan import Plan, PlannedJob
from neuroworkflow_agent.runs.record import read_record
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.wire import USED_UP

MAX_STARTS = 3
"""Of a job whose process dies without a word; within one go."""


@dataclass
class Tally:
    """How far a batch has come."""

    total: int
    results: Counter[str] = field(default_factory=Counter)
    """Jobs with a result, by how they ended; `checks not passed` for those that are complete otherwise."""
    earlier: int = 0
    """Of these, those that were there before."""
    running: int = 0
    """Handed over and not ended."""
    without: Counter[str] = field(default_factory=Counter)
    """Jobs without a result, by the reason."""
    starts: int = 0
    """Of jobs, in this go."""
    cost_usd: float = 0.0
    """Of all results, as far as it is known."""
    stopped: str = ""
    """Why the rest is not run; empty while it is."""
    begun: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """Jobs with a result."""
        return self.results.total()

    @property
    def is_complete(self) -> bool:
        """Whether every job has a result, and every one is complete."""
        return self.done == self.total == self.results["complete"]

    @property
    def per_hour(self) -> float:
        """Results an hour, of this go."""
        return 3600 * (self.done - self.earlier) / max(1e-9, time.monotonic() - self.begun)

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at this rate; None before the first result."""
        left = self.total - self.done - self.without.total()
        return 3600 * left / self.per_hour if self.done > self.earlier else None

    def as_json(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "jobs": self.total, "done": self.done, "earlier": self.earlier, "results": dict(self.results),
            "without_result": dict(self.without), "starts": self.starts, "cost_usd": round(self.cost_usd, 6),
            "stopped": self.stopped, "complete": self.is_complete,
        }  # fmt: skip


class Batch:
    """One go at a plan.

    Parameters
    ----------
    plan
        What is to be done.
    executor
        Where.
    budget_usd
        Once results have cost so much, nothing more is started; None for no limit.
    report
        Called whenever something has changed.
    """

    def __init__(
        self,
        plan: Plan,
        executor: Executor,
        *,
        budget_usd: float | None = None,
        report: Callable[[Tally], None] = lambda _tally: None,
    ) -> None:
        self._plan = plan
        self._store = Store(plan.store)
        self._executor = executor
        self._budget_usd = budget_usd
        self._report = report
        self._restarts: Counter[int] = Counter()
        """Of jobs whose process died."""
        self._again: list[int] = []
        """Jobs to start once more."""
        self.tally = Tally(len(plan))

    def run(self, waited_for: frozenset[int] = frozenset()) -> Tally:
        """Bring every job to its result, as far as that can be done.

        Parameters
        ----------
        waited_for
            Jobs that an earlier go has handed over, and that are still under way.
        """
        waiting = iter(self.look(waited_for))
        self.tally.running = len(waited_for)
        self._report(self.tally)
        try:
            while True:
                self._hand_over(waiting)
                if not self.tally.running:
                    break
                for ended in self._executor.wait():
                    self._take(ended)
                if self._is_over():
                    self._executor.withdraw()
                self._report(self.tally)
        finally:
            self._executor.close()
        return self.tally

    def look(self, waited_for: frozenset[int] = frozenset()) -> array[int]:
        """Count the results that are there; gives the jobs that have none and are not waited for."""
        waiting = array("L")
        for job in self._plan.jobs():
            if self._store.result(job.key) is not None:
                self._count(job)
                self.tally.earlier += 1
            elif job.index not in waited_for:
                waiting.append(job.index)
        return waiting

    def _hand_over(self, waiting: Iterator[int]) -> None:
        """Give the executor as many jobs as it takes."""
        capacity = self._executor.capacity
        room = len(self._plan) if capacity is None else capacity - self.tally.running
        chosen: list[int] = []
        while len(chosen) < room and not self._is_over():
            index = self._again.pop() if self._again else next(waiting, None)
            if index is None:
                break
            chosen.append(index)
        if chosen:
            self._executor.submit(chosen)
            self.tally.running += len(chosen)
            self.tally.starts += len(chosen)

    def _is_over(self) -> bool:
        """Whether nothing more may be started."""
        tally = self.tally
        if not tally.stopped and self._budget_usd is not None and tally.cost_usd >= self._budget_usd:
            tally.stopped = f"The budget of ${self._budget_usd:g} is used up."
        return bool(tally.stopped)

    def _take(self, ended: Ended) -> None:
        """A start is over: count its result, or see why there is none."""
        self.tally.running -= 1
        job = self._plan.job(ended.index)
        if self._store.result(job.key) is not None:
            self._count(job)
            return
        reason = self._reason(job, ended)
        if not reason:
            self._again.append(ended.index)
        else:
            self.tally.without[reason] += 1

    def _reason(self, job: PlannedJob, ended: Ended) -> str:
        """Why a job has no result; empty if it is to be started once more."""
        told = self._last(job)
        end, message = str(told.get("end", "")), str(told.get("message", ""))
        if end == "limit" and USED_UP in message:  # the user's own, which holds for the rest, too
            self.tally.stopped = message
        if end and end != "complete":
            return f"{end.replace('_', ' ')}: {message}".rstrip(": ")
        if ended.exit_code in (1, 2) or (ended.exit_code is None and not told):
            return ended.message or f"exit code {ended.exit_code}"
        if self.tally.stopped and not self._store.starts(job.key):
            return self.tally.stopped
        self._restarts[job.index] += 1
        if self._restarts[job.index] < MAX_STARTS:
            return ""
        return f"its process died {MAX_STARTS} times; {ended.message or 'without a word'}"

    def _last(self, job: PlannedJob) -> Mapping[str, Any]:
        """The record of the last start of a job; empty if there was none, or it is not readable."""
        places = self._store.places(job.key)
        return read_record(places[-1]).told if places else {}

    def _count(self, job: PlannedJob) -> None:
        """Take in the result of a job."""
        place = self._store.result(job.key)
        assert place is not None
        record = read_record(place)
        told: Mapping[str, Any] = record.told
        end = str(told.get("end", "error"))
        is_failed = end == "complete" and record.verdict in ("failed", "unjudged")
        self.tally.results["checks not passed" if is_failed else end] += 1
        self.tally.cost_usd += record.cost_usd or 0.0
