"""How sure the best values of a search are: runs with fresh seeds, and what else is as good."""

import contextlib
import math
import statistics
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from parameter_ranges import Range
from parameter_search import FRESH_SEEDS, Evaluate, Goal, Values, completed, failures, losses

_FEW = 5
"""Trials whose span says nothing of how well a parameter is determined."""


@dataclass(frozen=True)
class Measured:
    """One quantity over fresh seeds, in its own unit."""

    mean: float
    sd: float
    """Standard deviation from run to run."""
    n: int

    @property
    def se(self) -> float:
        """Standard error of the mean."""
        return self.sd / math.sqrt(self.n)


@dataclass(frozen=True)
class Confirmed:
    """Values that were run again."""

    trial: int
    values: Values
    measured: dict[str, Measured]
    losses: list[float]
    """Of the means, as Optuna compares them."""
    loss_sd: float
    """Standard deviation of the first loss from run to run."""
    lost: int
    """Runs that failed or measured nan; they are in none of the numbers."""


def confirm(
    study: optuna.Study, evaluate: Evaluate, *, candidates: int = 5, repeats: int = 20
) -> list[Confirmed]:
    """Run the best trials again with seeds that the search did not use; the best of them first.

    The best of many noisy trials is partly the luckiest: its own value is too good. Several objectives have no
    order: then it is trials from one end of the front to the other.

    Parameters
    ----------
    candidates
        How many trials, at most.
    repeats
        Runs of each; two at least.
    """
    goals = study.user_attrs["goals"]
    chosen = _spread(study.best_trials, candidates) if len(goals) > 1 else _by_loss(study)[:candidates]
    again = [_again(trial, evaluate, goals, repeats) for trial in chosen]
    found = [each for each in again if each is not None]
    if len(goals) == 1:
        found.sort(key=lambda each: _signed(study, each.losses[0]))
    return found


def _again(
    trial: FrozenTrial, evaluate: Evaluate, goals: Mapping[str, Goal], repeats: int
) -> Confirmed | None:
    """A trial's values with fresh seeds; None if fewer than two runs gave something."""
    runs, each_loss = [], []
    for seed in range(FRESH_SEEDS, FRESH_SEEDS + repeats):
        with contextlib.suppress(Exception):
            run = evaluate(trial.params, seed)
            each_loss.append(losses(run, goals)[0])
            runs.append(run)
    if len(runs) < 2:
        return None
    told = {}
    for name in goals:
        got = [float(run[name]) for run in runs]
        told[name] = Measured(statistics.fmean(got), statistics.stdev(got), len(got))
    means = losses({name: each.mean for name, each in told.items()}, goals)
    return Confirmed(
        trial.number, trial.params, told, means, statistics.stdev(each_loss), repeats - len(runs)
    )


def near_best(study: optuna.Study, confirmed: list[Confirmed]) -> list[FrozenTrial]:
    """The trials of a search for one objective that noise alone may keep from being the best.

    Those whose loss is within two standard deviations of a trial's loss, as large as any that was confirmed, from
    that of the confirmed best.
    """
    noise = max(each.loss_sd for each in confirmed) / math.sqrt(study.user_attrs["repeats"])
    limit = _signed(study, confirmed[0].losses[0]) + 2 * noise
    return [
        each
        for each in _by_loss(study)
        if each.number == confirmed[0].trial or _signed(study, each.values[0]) <= limit
    ]


def report(
    study: optuna.Study,
    confirmed: list[Confirmed],
    ranges: Mapping[str, Range],
    acceptable: Mapping[str, tuple[float, float] | None],
) -> str:
    """What was found, with its uncertainty, in sentences; several objectives: every point of the front."""
    failed, ended = failures(study), len(completed(study))
    unfinished = len(study.trials) - ended - sum(failed.values())
    lines = [f"{ended} trials gave a value, {sum(failed.values())} failed, {unfinished} never ended"]
    lines += [f"  {count} failed with: {reason}" for reason, count in failed.items()]
    for each in confirmed if len(study.directions) > 1 else confirmed[:1]:
        lines.append(
            f"trial {each.trial}: " + ", ".join(f"{name} = {_short(v)}" for name, v in each.values.items())
        )
        for name, got in each.measured.items():
            told = f"  {name}: {got.mean:.4g} ± {got.se:.2g} (SE; SD {got.sd:.2g}, {got.n} fresh seeds)"
            if limits := acceptable.get(name):
                inside = limits[0] <= got.mean <= limits[1]
                told += f"; {'inside' if inside else 'OUTSIDE'} the acceptable {limits[0]:g} to {limits[1]:g}"
            lines.append(told)
        if each.lost:
            lines.append(f"  {each.lost} of these runs failed and are not counted")
        lines += [
            f"  {name} is at the end of its range: the best may be beyond" for name in _at_end(each, ranges)
        ]
    if not confirmed:
        lines.append("None of the best trials could be run again.")
    elif len(study.directions) == 1:
        lines += _determined(near_best(study, confirmed), ranges)
    return "\n".join(lines)


def figures(study: optuna.Study) -> dict[str, Any]:
    """Matplotlib figures: `history`, `slices` and `importances` for one objective, `front` for two or three.

    Failed trials are in none of them. Importances come with 100 trials and two parameters: they are estimated from
    the best tenth, and of fewer trials they often put the wrong parameter first.
    """
    from optuna.visualization import matplotlib as plots

    name = _loss_name(study)
    # Optuna's functions change the style of every later figure, and are called experimental.
    with plt.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if len(study.directions) > 1:
            return {"front": plots.plot_pareto_front(study, target_names=name).figure}
        made: dict[str, Any] = {
            "history": plots.plot_optimization_history(study, target_name=name[0]),
            "slices": plots.plot_slice(study, target_name=name[0]),
        }
        if len(completed(study)) >= 100 and len(study.best_params) > 1:
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            made["importances"] = plots.plot_param_importances(
                study, evaluator=evaluator, target_name=name[0]
            )
    return {key: getattr(axes, "flat", [axes])[0].figure for key, axes in made.items()}


def _loss_name(study: optuna.Study) -> list[str]:
    goals = study.user_attrs["goals"]
    return [name if isinstance(goal, str) else f"|{name} - {goal:g}|" for name, goal in goals.items()]


def _signed(study: optuna.Study, loss: float) -> float:
    return -loss if study.directions[0] == StudyDirection.MAXIMIZE else loss


def _by_loss(study: optuna.Study) -> list[FrozenTrial]:
    return sorted(completed(study), key=lambda each: _signed(study, each.values[0]))


def _spread(front: list[FrozenTrial], count: int) -> list[FrozenTrial]:
    """Some trials of a front, evenly from its one end to the other."""
    ordered = sorted(front, key=lambda each: each.values)
    last = len(ordered) - 1
    places = sorted({round(k * last / max(count - 1, 1)) for k in range(count)} & set(range(len(ordered))))
    return [ordered[place] for place in places]


def _share(range_: Range, low: float, high: float) -> float:
    """How much of a range lies between two values."""
    scale = math.log if range_.log else float
    return (scale(high) - scale(low)) / (scale(range_.high) - scale(range_.low))


def _at_end(best: Confirmed, ranges: Mapping[str, Range]) -> list[str]:
    return [
        name
        for name, each in ranges.items()
        if not each.choices and not 0.01 < _share(each, each.low, best.values[name]) < 0.99
    ]


def _determined(near: list[FrozenTrial], ranges: Mapping[str, Range]) -> list[str]:
    """What the trials that are as good say of each parameter."""
    if len(near) < _FEW:
        return [
            f"As good as the best, within the noise: {len(near)} of the trials; too few to say how well the parameters are"
            " determined. Search on."
        ]
    lines = [f"{len(near)} trials cannot be told from the best; in them"]
    for name, each in ranges.items():
        found = [trial.params[name] for trial in near]
        if each.choices:
            lines.append(f"  {name} is " + ", ".join(sorted({str(value) for value in found})))
        else:
            share = _share(each, min(found), max(found))
            told = "" if share < 0.5 else ": this objective does not determine it"
            lines.append(
                f"  {name} is {_short(min(found))} to {_short(max(found))}, {share:.0%} of its range{told}"
            )
    return lines


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
