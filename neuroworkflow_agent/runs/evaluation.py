"""What the runs of a suite say of the models: pass rates and how sure they are, by task and kind, and models compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from neuroworkflow_agent.runs.plan import Plan, PlannedJob
from neuroworkflow_agent.runs.record import RunRecord, read_record
from neuroworkflow_agent.runs.statistics import Interval, mean_interval, pass_hat_k, sign_test, wilson
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.verdicts import Agreement, agreement, read_verdicts


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one task by one model."""

    run_id: str
    task: str
    kind: str
    model: str
    passed: bool
    is_unjudged: bool
    """Whether its checks could not be judged and no person was sure; it counts as not passed."""
    is_false: bool
    """Whether it states as fact what is false."""
    cost_usd: float | None
    duration_s: float
    by_checks: str
    """What its checks say."""
    by_person: str
    """What a person said last; empty where nobody did."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something passed."""

    passed: int
    count: int
    interval: Interval
    """Wilson's, at 95 %."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One model on the whole suite."""

    model: str
    rate: Rate
    k: int
    """Runs a task."""
    pass_k: float
    """How likely k runs of a task all pass."""
    falsehoods: int
    unjudged: int
    cost_usd: float | None
    """Of all its runs; None where no price is known."""
    duration_s: float
    """Mean of a run."""
    tasks: Mapping[str, Rate]
    kinds: Mapping[str, Rate]


@dataclass(frozen=True, slots=True)
class Difference:
    """One model against another, task by task."""

    model: str
    than: str
    mean: Interval
    """Of the differences of the pass rates of tasks, with Student's interval at 95 %."""
    better: int
    """Tasks that it passes more often."""
    worse: int
    same: int
    p_value: float
    """Of the sign test over tasks that differ."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A suite and its models."""

    models: tuple[ModelResult, ...]
    differences: tuple[Difference, ...]
    agreement: Agreement
    """Of checks and people."""
    trials: tuple[Trial, ...]
    missing: int
    """Runs of the suite that have no result."""

    def as_json(self) -> dict[str, Any]:
        """JSON-safe; without bound is None."""
        told: dict[str, Any] = _finite(asdict(self))
        told["agreement"] |= {"rate": self.agreement.rate, "kappa": self.agreement.kappa}
        return told


def evaluate(plan: Plan) -> Evaluation:
    """Look at what there is of a suite's runs."""
    store = Store(plan.store)
    trials: list[Trial] = []
    missing = 0
    for job in plan.jobs():
        place = store.result(job.key)
        if place is None:
            missing += 1
        else:
            trials.append(_trial(job, read_record(place)))
    return of_trials(trials, missing)


def of_trials(trials: Sequence[Trial], missing: int = 0) -> Evaluation:
    """What trials say; models in the order in which they come."""
    models = tuple(
        _of_model(model, [each for each in trials if each.model == model])
        for model in dict.fromkeys(each.model for each in trials)
    )
    differences = tuple(_difference(other, models[0]) for other in models[1:])
    agreed = agreement((each.by_checks, each.by_person) for each in trials)
    return Evaluation(models, differences, agreed, tuple(trials), missing)


def _trial(job: PlannedJob, record: RunRecord) -> Trial:
    verdicts = read_verdicts(record.place)
    by_person = verdicts[-1].verdict if verdicts else ""
    is_complete = record.told.get("end") == "complete"
    passed = is_complete and record.verdict in ("passed", "")
    if by_person in ("pass", "fail"):
        passed = by_person == "pass"
    return Trial(
        run_id=record.place.run_id,
        task=str(job.task["name"]) + "".join(f" {n}={v}" for n, v in job.parameters.items()),
        kind=str(job.task["kind"]),
        model=job.model or "auto",
        passed=passed,
        is_unjudged=record.verdict == "unjudged" and by_person not in ("pass", "fail"),
        is_false=is_complete and bool(record.told.get("states_falsehood")),
        cost_usd=record.cost_usd,
        duration_s=float(record.told.get("duration_s") or 0.0),
        by_checks=record.verdict,
        by_person=by_person,
    )


def _of_model(model: str, trials: Sequence[Trial]) -> ModelResult:
    tasks = {
        name: _rate(t for t in trials if t.task == name) for name in dict.fromkeys(t.task for t in trials)
    }
    kinds = {
        kind: _rate(t for t in trials if t.kind == kind) for kind in dict.fromkeys(t.kind for t in trials)
    }
    k = min(rate.count for rate in tasks.values())
    costs = [each.cost_usd for each in trials if each.cost_usd is not None]
    return ModelResult(
        model,
        _rate(trials),
        k,
        pass_hat_k([(rate.passed, rate.count) for rate in tasks.values()], k),
        sum(each.is_false for each in trials),
        sum(each.is_unjudged for each in trials),
        sum(costs) if costs else None,
        fmean(each.duration_s for each in trials),
        tasks,
        kinds,
    )


def _rate(trials: Iterable[Trial]) -> Rate:
    passed = [each.passed for each in trials]
    return Rate(sum(passed), len(passed), wilson(sum(passed), len(passed)))


def _difference(one: ModelResult, other: ModelResult) -> Difference:
    """Over the tasks that both have run."""
    shared = [name for name in other.tasks if name in one.tasks]
    values = [one.tasks[name].interval.value - other.tasks[name].interval.value for name in shared]
    better, worse = sum(each > 0 for each in values), sum(each < 0 for each in values)
    return Difference(
        one.model, other.model, mean_interval(values), better, worse, len(values) - better - worse,
        sign_test(better, worse),
    )  # fmt: skip


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
