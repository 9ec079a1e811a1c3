"""Searches the values of parameters with Optuna: failures, progress, stopping and going on later.

`evaluate(values, seed)` is yours: it runs the model once and returns what it measured, by name.
"""

import contextlib
import io
import math
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from parameter_ranges import Range

Values = dict[str, Any]
Evaluate = Callable[[Values, int], Mapping[str, float]]
Goal: TypeAlias = Literal["minimize", "maximize"] | float
"""What is good: little, much, or near a number."""

FRESH_SEEDS = 1_000_000_000
"""The first of the seeds that no search uses; all are below 2**31, which simulators ask for."""
_HOPELESS = 10
"""Trials: where the first ones all fail, something is wrong with the model, not with a value."""


def execute(workflow: Any) -> None:
    """Run a workflow quietly.

    Raises
    ------
    RuntimeError
        With what it printed: the engine itself only prints errors, and leaves old outputs where they are.
    """
    with contextlib.redirect_stdout(io.StringIO()) as said:
        worked = workflow.execute()
    if not worked:
        raise RuntimeError(said.getvalue().strip()[-500:] or "The workflow failed without a word.")


def open_study(
    name: str, goals: Mapping[str, Goal], *, storage: str | BaseStorage | None = None
) -> optuna.Study:
    """A new study, or the one of this name in the storage, with its trials.

    Parameters
    ----------
    storage
        Such as `sqlite:///results/fit.db`, whose folder is made, or a storage of Optuna's. None keeps the study in memory only.

    Raises
    ------
    ValueError
        If the stored study had other goals: its trials could not be compared.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if isinstance(storage, str) and storage.startswith("sqlite:///"):
        Path(storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    ways = [
        StudyDirection.MAXIMIZE if goal == "maximize" else StudyDirection.MINIMIZE for goal in goals.values()
    ]
    study = optuna.create_study(study_name=name, storage=storage, directions=ways, load_if_exists=True)
    before = study.user_attrs.get("goals", dict(goals))
    if before != dict(goals) or list(before) != list(goals):
        raise ValueError(
            f"The study {name!r} has trials for {before}. Give the new goals a study of their own."
        )
    study.set_user_attr("goals", dict(goals))
    return study


def losses(measured: Mapping[str, float], goals: Mapping[str, Goal]) -> list[float]:
    """What Optuna compares: the value itself, or its distance from the target.

    Raises
    ------
    ValueError
        If a value is missing, nan or infinite.
    """
    for name in goals:
        if measured.get(name) is None or not math.isfinite(measured[name]):
            raise ValueError(f"{name} is {measured.get(name)}")
    return [
        float(measured[name]) if isinstance(goal, str) else abs(float(measured[name]) - goal)
        for name, goal in goals.items()
    ]


def measure(evaluate: Evaluate, values: Values, seeds: range) -> dict[str, list[float]]:
    """What each seed gave, by name."""
    results = [evaluate(values, seed) for seed in seeds]
    return {
        name: [math.nan if each[name] is None else float(each[name]) for each in results]
        for name in results[0]
    }


def run(
    study: optuna.Study,
    evaluate: Evaluate,
    ranges: Mapping[str, Range],
    *,
    n_trials: int,
    seed: int = 1,
    repeats: int = 1,
    timeout_s: float = math.inf,
    every: int = 10,
) -> None:
    """Try values until the study has `n_trials`, those of earlier runs counted; then call it again with more.

    The default values are tried first. A trial that raises or measures nan counts as failed, with its reason; the
    search goes on and avoids its like. An interrupt ends the running trial as failed and stops; what was tried is
    kept. Each trial's seeds follow from `seed` and its number, so that a search that was stopped goes on as if it
    had not been.

    Parameters
    ----------
    repeats
        Runs of the model in each trial, with different seeds; their mean counts.
    timeout_s
        No trial begins later, in seconds.
    every
        Trials from one line of progress to the next.

    Raises
    ------
    RuntimeError
        If the first ten trials all fail, with the last reason.
    """
    goals: dict[str, Goal] = study.user_attrs["goals"]
    study.set_user_attr("repeats", repeats)
    if not study.trials and all(each.holds_default() for each in ranges.values()):
        study.enqueue_trial({name: each.default for name, each in ranges.items()})
    begun, first = time.monotonic(), _tried(study)
    if first >= n_trials:
        print(f"The study {study.study_name!r} has {first} trials already{_so_far(study, goals)}.")
    for number in range(first, n_trials):
        if time.monotonic() - begun > timeout_s:
            break
        study.sampler = optuna.samplers.TPESampler(seed=_seed(seed, number))
        trial = study.ask()
        seeds = range(_seed(seed, number), _seed(seed, number) + repeats)
        error = _try(study, trial, evaluate, ranges, goals, seeds)
        if error and number + 1 >= _HOPELESS and not completed(study):
            raise RuntimeError(f"All {number + 1} trials failed, the last with: {error}")
        if (number + 1) % every == 0 or number + 1 == n_trials:
            left_s = (time.monotonic() - begun) / (number + 1 - first) * (n_trials - number - 1)
            print(
                f"{number + 1}/{n_trials} trials{_so_far(study, goals)}; about {left_s:.0f} s left",
                flush=True,
            )


def _seed(seed: int, number: int) -> int:
    """The first of a trial's seeds: 1,000 from those of the next, and below `FRESH_SEEDS`."""
    return (seed * 7_919 + number) % 1_000_000 * 1_000


def _tried(study: optuna.Study) -> int:
    return sum(each.state != TrialState.WAITING for each in study.get_trials(deepcopy=False))


def _try(
    study: optuna.Study,
    trial: optuna.Trial,
    evaluate: Evaluate,
    ranges: Mapping[str, Range],
    goals: Mapping[str, Goal],
    seeds: range,
) -> str:
    """Run one trial; why it failed, empty if it did not."""
    try:
        values = {name: each.suggest(trial, name) for name, each in ranges.items()}
        found = measure(evaluate, values, seeds)
        means = {name: statistics.fmean(each) for name, each in found.items()}
        told = losses(means, goals)
        trial.set_user_attr("measured", means)
        study.tell(trial, told)
    except KeyboardInterrupt:
        trial.set_user_attr("error", "interrupted")
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        raise
    except Exception as error:  # noqa: BLE001 - whatever a model raises, its trial failed and the search goes on
        reason = f"{type(error).__name__}: {error}"
        trial.set_user_attr("error", reason)
        # The sampler learns from pruned trials; failed ones it forgets, and tries their like again and again.
        study.tell(trial, state=TrialState.PRUNED)
        return reason
    return ""


def completed(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(states=(TrialState.COMPLETE,))


def failures(study: optuna.Study) -> dict[str, int]:
    """How often each reason for a failed trial occurred."""
    found: dict[str, int] = {}
    for trial in study.get_trials(states=(TrialState.FAIL, TrialState.PRUNED)):
        reason = trial.user_attrs.get("error", "unknown")
        found[reason] = found.get(reason, 0) + 1
    return found


def _so_far(study: optuna.Study, goals: Mapping[str, Goal]) -> str:
    failed = sum(failures(study).values())
    best = ""
    if completed(study) and len(goals) == 1:
        (name,) = goals
        best = f"; best so far {name} = {study.best_trial.user_attrs['measured'][name]:.4g}"
    elif completed(study):
        best = f"; {len(study.best_trials)} on the front"
    return f"{f', {failed} failed' if failed else ''}{best}"
