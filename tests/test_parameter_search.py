"""The skill `optimize-parameters` finds what it should, survives what goes wrong, and says how sure it is."""

from __future__ import annotations

import importlib
import math
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.test_skills import OURS, run_script

EXAMPLES = OURS / "optimize-parameters" / "examples"
_MODULES = ("parameter_ranges", "parameter_search", "parameter_uncertainty")


@pytest.fixture(scope="module")
def examples() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield {name: importlib.import_module(name) for name in _MODULES}
    finally:
        sys.path.remove(str(EXAMPLES))
        for name in _MODULES:
            del sys.modules[name]


@pytest.fixture
def ranges(examples: dict[str, ModuleType]) -> ModuleType:
    return examples["parameter_ranges"]


@pytest.fixture
def search(examples: dict[str, ModuleType]) -> ModuleType:
    return examples["parameter_search"]


@pytest.fixture
def uncertainty(examples: dict[str, ModuleType]) -> ModuleType:
    return examples["parameter_uncertainty"]


def _parameter(default: Any, limits: list[float] | None = None, **more: Any) -> SimpleNamespace:
    given = {"optimizable": True, "is_objective": False, "objective_range": None, "constraints": {}, **more}
    return SimpleNamespace(default_value=default, optimization_range=limits, **given)


def _node(**parameters: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(name="n", NODE_DEFINITION=SimpleNamespace(parameters=parameters))


# -- what nodes declare -------------------------------------------------------------------------------


def test_ranges_are_read_as_floats_integers_choices_and_decades(ranges: ModuleType) -> None:
    node = _node(
        current=_parameter(200.0, [100, 400]),
        cells=_parameter(10, [1, 50]),
        noise=_parameter(1.0, [0.01, 10.0]),
        rule=_parameter("stdp", constraints={"allowed_values": ["stdp", "none"]}),
        size=_parameter(8, [4, 16], constraints={"allowed_values": [2, 4, 8, 16, 32]}),
        plastic=_parameter(True),
        fixed=_parameter(1.0, [0.0, 1.0], optimizable=False),
    )
    found = ranges.declared_ranges(node)
    assert list(found) == ["n.current", "n.cells", "n.noise", "n.rule", "n.size", "n.plastic"]
    assert {
        name: (each.low, each.high, each.is_integer, each.log)
        for name, each in found.items()
        if not each.choices
    } == {
        "n.current": (100, 400, False, False),
        "n.cells": (1, 50, True, False),
        "n.noise": (0.01, 10.0, False, True),
    }
    assert {name: (each.default, each.choices) for name, each in found.items() if each.choices} == {
        "n.rule": ("stdp", ("stdp", "none")),
        "n.size": (8, (4, 8, 16)),
        "n.plastic": (True, (False, True)),
    }


@pytest.mark.parametrize("limits", [None, [], [1.0], [2.0, 1.0], [0.0, math.inf], [math.nan, 1.0]])
def test_range_that_cannot_be_searched_is_refused(limits: list[float] | None, ranges: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"n\.tau is optimizable, and its optimization_range is"):
        ranges.declared_ranges(_node(tau=_parameter(1.0, limits)))


def test_objectives_are_read_with_what_is_acceptable(ranges: ModuleType) -> None:
    node = _node(
        rate=_parameter(10.0, is_objective=True, objective_range=[8.0, 12.0]),
        cv=_parameter(1.0, is_objective=True),
        tau=_parameter(20.0, [1.0, 50.0]),
    )
    assert ranges.declared_objectives(node) == {"rate": (8.0, 12.0), "cv": None}


# -- the search ---------------------------------------------------------------------------------------


def _space(ranges: ModuleType) -> dict[str, Any]:
    Range = ranges.Range  # noqa: N806 - the class
    return {
        "x": Range(1.0, -5.0, 5.0),
        "g": Range(1.0, 0.001, 1000.0, log=True),
        "k": Range(1, 1, 9, is_integer=True),
        "rule": Range("a", choices=("a", "b")),
    }


def _bowl(values: dict[str, Any], seed: int = 0, noise: float = 0.0) -> dict[str, float]:
    """Smallest, 0, at x = 2, g = 0.1, k = 7 and rule b."""
    distance = (
        (values["x"] - 2.0) ** 2
        + math.log10(values["g"] / 0.1) ** 2
        + (values["k"] - 7) ** 2 / 10
        + (values["rule"] != "b")
    )
    return {"error": distance + noise * float(np.random.default_rng(seed).standard_normal())}


def test_search_finds_floats_decades_integers_and_choices(
    search: ModuleType, ranges: ModuleType, uncertainty: ModuleType
) -> None:
    study = search.open_study("bowl", {"error": "minimize"})
    search.run(study, _bowl, _space(ranges), n_trials=100)
    found = study.best_params
    assert study.trials[0].params == {"x": 1.0, "g": 1.0, "k": 1, "rule": "a"}
    assert study.best_value < 0.5
    assert type(found["k"]) is int
    assert (abs(found["x"] - 2.0) < 0.5, 0.02 < found["g"] < 0.5, found["rule"]) == (True, True, "b")
    shown = uncertainty.figures(study)
    assert list(shown) == ["history", "slices", "importances"]
    assert [axes.get_xscale() for axes in shown["slices"].axes[:4]] == ["log", "linear", "linear", "linear"]
    plt.close("all")


@pytest.mark.parametrize(("goal", "x"), [("minimize", -5.0), ("maximize", 5.0), (1.5, 1.5)])
def test_goal_is_little_much_or_a_number(goal: Any, x: float, search: ModuleType, ranges: ModuleType) -> None:
    study = search.open_study("line", {"y": goal})
    search.run(
        study, lambda values, seed: {"y": values["x"]}, {"x": ranges.Range(0.0, -5.0, 5.0)}, n_trials=40
    )
    assert study.best_params["x"] == pytest.approx(x, abs=0.3)


def test_search_that_was_stopped_goes_on_as_if_it_had_not_been(
    search: ModuleType, ranges: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def tried(storage: str | None, *steps: int, seed: int = 7) -> list[dict[str, Any]]:
        for n_trials in steps:
            study = search.open_study("bowl", {"error": "minimize"}, storage=storage)
            search.run(study, _bowl, _space(ranges), n_trials=n_trials, seed=seed)
            study._storage.remove_session()
        return [trial.params for trial in study.trials]

    at_once = tried(None, 14)
    stored = f"sqlite:///{tmp_path}/new/folder/a.db"
    assert tried(stored, 11, 14) == at_once
    assert tried(None, 14, seed=8)[1:] != at_once[1:]
    capsys.readouterr()
    tried(stored, 14)
    assert capsys.readouterr().out.startswith("The study 'bowl' has 14 trials already; best so far error = ")


def test_study_with_other_goals_is_not_continued(search: ModuleType, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/a.db"
    search.open_study("s", {"rate": 10.0}, storage=storage)
    with pytest.raises(ValueError, match=r"The study 's' has trials for \{'rate': 10.0\}"):
        search.open_study("s", {"rate": 20.0}, storage=storage)


def test_failed_trials_are_told_and_their_like_is_avoided(search: ModuleType, ranges: ModuleType) -> None:
    """Half the range gives nothing: a sampler that forgets those trials fails 70 times after the first ten."""

    def evaluate(values: dict[str, Any], seed: int) -> dict[str, float]:
        if values["x"] < -3.0:
            raise ArithmeticError("no convergence")
        return {"y": math.nan if values["x"] < 0.0 else (values["x"] + 1.0) ** 2}

    study = search.open_study("s", {"y": "minimize"})
    search.run(study, evaluate, {"x": ranges.Range(-5.0, -5.0, 5.0)}, n_trials=80)
    failed = search.failures(study)
    assert set(failed) == {"ArithmeticError: no convergence", "ValueError: y is nan"}
    assert 2 <= sum(failed.values()) < 45
    assert 0.0 <= study.best_params["x"] < 0.2


def test_model_that_always_fails_ends_the_search_with_its_reason(
    search: ModuleType, ranges: ModuleType
) -> None:
    def evaluate(values: dict[str, Any], seed: int) -> dict[str, float]:
        raise KeyError("nest")

    study = search.open_study("s", {"y": "minimize"})
    with pytest.raises(RuntimeError, match=r"All 10 trials failed, the last with: KeyError: 'nest'"):
        search.run(study, evaluate, {"x": ranges.Range(0.0, -5.0, 5.0)}, n_trials=80)


def test_interrupt_stops_the_search_and_keeps_what_was_tried(search: ModuleType, ranges: ModuleType) -> None:
    def evaluate(values: dict[str, Any], seed: int) -> dict[str, float]:
        if len(study.trials) == 6:
            signal.raise_signal(signal.SIGINT)
        return _bowl(values)

    study = search.open_study("s", {"error": "minimize"})
    with pytest.raises(KeyboardInterrupt):
        search.run(study, evaluate, _space(ranges), n_trials=80)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 5 + ["FAIL"]
    assert search.failures(study) == {"interrupted": 1}
    search.run(study, _bowl, _space(ranges), n_trials=8)
    assert len(study.trials) == 8


def test_progress_and_time_limit(
    search: ModuleType, ranges: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    study = search.open_study("s", {"error": "minimize"})
    search.run(study, _bowl, _space(ranges), n_trials=20, every=5, timeout_s=60)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert re.fullmatch(r"5/20 trials; best so far error = [\d.]+; about \d+ s left", lines[0])
    search.run(study, _bowl, _space(ranges), n_trials=1000, timeout_s=0)
    assert 20 <= len(study.trials) <= 21


def test_seeds_of_trials_and_of_confirmation_never_meet(
    search: ModuleType, ranges: ModuleType, uncertainty: ModuleType
) -> None:
    used: list[int] = []

    def evaluate(values: dict[str, Any], seed: int) -> dict[str, float]:
        used.append(seed)
        return _bowl(values)

    for seed in (1, 2):
        study = search.open_study("s", {"error": "minimize"})
        search.run(study, evaluate, _space(ranges), n_trials=6, repeats=4, seed=seed)
    searched = set(used)
    assert len(searched) == len(used) == 48
    uncertainty.confirm(study, evaluate, candidates=1, repeats=20)
    assert len(searched & set(used[48:])) == 0
    assert all(0 <= each < 2**31 for each in used)


def test_searches_in_threads_do_not_disturb_each_other(search: ModuleType, ranges: ModuleType) -> None:
    alone = search.open_study("s", {"error": "minimize"})
    search.run(alone, _bowl, _space(ranges), n_trials=15)
    studies = [search.open_study("s", {"error": "minimize"}) for _ in range(2)]
    threads = [
        threading.Thread(target=search.run, args=(each, _bowl, _space(ranges)), kwargs={"n_trials": 15})
        for each in studies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[t.params for t in each.trials] for each in studies] == [[t.params for t in alone.trials]] * 2


# -- how sure it is -----------------------------------------------------------------------------------


def test_luck_of_the_best_trial_is_told_apart_from_its_value(
    search: ModuleType, ranges: ModuleType, uncertainty: ModuleType
) -> None:
    """Noise of SD 1 on a bowl whose best is 0: the best trial has far less than that, its values have not."""

    def evaluate(values: dict[str, Any], seed: int) -> dict[str, float]:
        return _bowl({**values, "g": 0.1, "k": 7, "rule": "b"}, seed, noise=1.0)

    study = search.open_study("s", {"error": "minimize"})
    space = {"x": ranges.Range(0.0, -5.0, 5.0), "unused": ranges.Range(0.5, 0.0, 1.0)}
    search.run(study, evaluate, space, n_trials=80)
    best = uncertainty.confirm(study, evaluate, candidates=5, repeats=200)[0]
    truth = (best.values["x"] - 2.0) ** 2
    assert study.best_value < -1.0
    assert abs(best.measured["error"].mean - truth) < 4 * best.measured["error"].se
    assert best.measured["error"].sd == pytest.approx(1.0, abs=0.2)
    assert best.measured["error"].se == pytest.approx(best.measured["error"].sd / math.sqrt(200))
    told = uncertainty.report(study, [best], space, {"error": (-1.0, 1.0)})
    assert "200 fresh seeds); inside the acceptable -1 to 1" in told
    (share,) = re.findall(r"unused is .*, (\d+)% of its range: this objective does not determine it", told)
    assert int(share) > 50
    assert re.search(
        r"\d+ trials cannot be told from the best; in them\n  x is [\d.]+ to [\d.]+, \d+% of its range", told
    )


def test_best_at_the_end_of_its_range_and_outside_what_is_acceptable_is_said(
    search: ModuleType, ranges: ModuleType, uncertainty: ModuleType
) -> None:
    def evaluate(values: dict[str, Any], seed: int) -> dict[str, float]:
        if seed % 4 == 0 and seed >= search.FRESH_SEEDS:
            raise ArithmeticError("no convergence")
        return {"rate": values["x"]}

    study = search.open_study("s", {"rate": 20.0})
    space = {"x": ranges.Range(0.0, -5.0, 5.0)}
    search.run(study, evaluate, space, n_trials=60)
    told = uncertainty.report(
        study, uncertainty.confirm(study, evaluate, repeats=8), space, {"rate": (18.0, 22.0)}
    )
    assert "OUTSIDE the acceptable 18 to 22" in told
    assert "x is at the end of its range: the best may be beyond" in told
    assert "2 of these runs failed and are not counted" in told
    # Without noise nothing but the best is as good: its own value must not look like a span of 0 %.
    assert "1 of the trials; too few to say how well the parameters are determined" in told


def test_several_objectives_give_a_front_and_pictures(
    search: ModuleType, ranges: ModuleType, uncertainty: ModuleType
) -> None:
    def evaluate(values: dict[str, Any], seed: int) -> dict[str, float]:
        return {"cost": values["x"] ** 2, "gain": values["x"]}

    before = dict(plt.rcParams)
    study = search.open_study("s", {"cost": "minimize", "gain": "maximize"})
    space = {"x": ranges.Range(0.0, -5.0, 5.0)}
    search.run(study, evaluate, space, n_trials=40)
    confirmed = uncertainty.confirm(study, evaluate, candidates=4, repeats=2)
    gains = [each.measured["gain"].mean for each in confirmed]
    assert len(gains) == 4
    assert gains == sorted(gains)
    assert (gains[0] < 0.5, gains[-1] > 4.0, min(gains) >= 0.0) == (True, True, True)
    assert uncertainty.report(study, confirmed, space, {}).count("trial ") == 4
    shown = uncertainty.figures(study)
    assert list(shown) == ["front"]
    assert [
        axis.get_label_text() for axis in (shown["front"].axes[0].xaxis, shown["front"].axes[0].yaxis)
    ] == ["cost", "gain"]
    assert dict(plt.rcParams) == before
    plt.close("all")


def test_no_values_at_all_are_reported_as_such(
    search: ModuleType, ranges: ModuleType, uncertainty: ModuleType
) -> None:
    study = search.open_study("s", {"y": "minimize"})
    search.run(study, lambda values, seed: {"y": math.inf}, {"x": ranges.Range(0.0, -1.0, 1.0)}, n_trials=5)
    assert uncertainty.confirm(study, lambda values, seed: {"y": 1.0}) == []
    assert uncertainty.report(study, [], {}, {}).splitlines() == [
        "0 trials gave a value, 5 failed, 0 never ended",
        "  5 failed with: ValueError: y is inf",
        "None of the best trials could be run again.",
    ]


# -- the whole of it ----------------------------------------------------------------------------------

_NO_SYNC = """
from sqlalchemy import event
from sqlalchemy.engine import Engine
event.listen(Engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))
"""
"""A busy disk takes a second for a trial."""
_CHECKS = """
import math
neuron.configure(current_pa=300.0, noise_mv=0.0, seed=1)
execute(workflow)
print("rate without noise", measured.get_output("firing_rate_hz"))
try:
    neuron.simulate = None
    neuron._process_steps[0]["method"] = lambda: 1 / 0
    execute(workflow)
except RuntimeError as error:
    print("told", error)
print("figures", *shown)
print("trials", len(study.trials))
"""


@pytest.mark.usefixtures("library")
def test_example_and_the_skills_own_lines_fit_a_neuron(tmp_path: Path) -> None:
    lines = (EXAMPLES.parent / "SKILL.md").read_text()
    for large, small in (("n_trials=100", "n_trials=64"), ("repeats=20", "repeats=4")):
        assert large in lines
        lines = lines.replace(large, small)
    blocks = re.findall(r"```python\n(.*?)```", lines, re.DOTALL)
    assert len(blocks) == 2
    example = (EXAMPLES / "fit_rate.py").read_text()
    path = f"import os, sys; sys.path.insert(0, {str(EXAMPLES)!r}); os.chdir({str(tmp_path)!r})\n{_NO_SYNC}"
    told = run_script(EXAMPLES / "fit_rate.py", path + example + "\n".join(blocks) + _CHECKS, timeout_s=110.0)
    assert "60/60 trials" in told
    assert "64/64 trials" in told
    means = [float(each) for each in re.findall(r"firing_rate_hz: ([\d.]+) ± ", told)]
    assert len(means) == 2
    assert all(18.0 <= each <= 22.0 for each in means)
    # Gerstner et al., Neuronal Dynamics (2014), section 1.3: T = refractory + tau ln(RI / (RI - threshold)).
    rate_hz = float(re.findall(r"rate without noise ([\d.]+)", told)[0])
    assert rate_hz == pytest.approx(1000.0 / (2.0 + 20.0 * math.log(30.0 / 15.0)), rel=0.01)
    assert "told Error in step 'simulate' of node 'neuron': division by zero" in told
    assert "figures history slices\n" in told
    assert "trials 64" in told
    pictures = {each.name for each in (tmp_path / "results").glob("*.png")}
    assert pictures == {"history.png", "slices.png"}
