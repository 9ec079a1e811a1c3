"""What trials say of models: a suite of 30 tasks over two models with known pass rates."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.runs.evaluation import Trial, of_trials
from neuroworkflow_agent.surfaces.eval_page import as_html, differences_text


def trial(task: int, model: str, number: int, *, passed: bool, by_person: str = "") -> Trial:
    checks = "passed" if passed else "failed"
    kind = "plots" if task % 3 == 0 else "numbers"
    return Trial(
        f"{task}{model}{number}",
        f"task {task}",
        kind,
        model,
        passed,
        False,
        not passed,
        0.5,
        2.0,
        checks,
        by_person,
    )


def test_known_rates_give_known_intervals_and_differences() -> None:
    # A passes all five runs of tasks 0 to 23 and none of the others; B passes two of five of every task.
    trials = [trial(t, "A", n, passed=t < 24) for t in range(30) for n in range(5)]
    trials += [trial(t, "B", n, passed=n < 2) for t in range(30) for n in range(5)]
    found = of_trials(trials)
    a, b = found.models
    # R 4.2: prop.test(c(120, 60), 150, correct = FALSE)$conf.int, one at a time
    told = [(m.rate.passed, m.rate.interval.value, m.rate.interval.low, m.rate.interval.high) for m in (a, b)]
    assert told[0] == pytest.approx((120, 0.8, 0.72885867, 0.85615918), abs=1e-7)
    assert told[1] == pytest.approx((60, 0.4, 0.32504321, 0.47995084), abs=1e-7)
    assert (a.k, b.pass_k) == (5, 0.0)
    assert a.pass_k == pytest.approx(0.8)
    assert (a.falsehoods, b.falsehoods, a.cost_usd) == (30, 90, 75.0)
    assert {name: (rate.passed, rate.count) for name, rate in a.kinds.items()} == {
        "plots": (40, 50),
        "numbers": (80, 100),
    }
    (difference,) = found.differences
    # R: t.test and binom.test of -0.6 on 24 tasks and +0.4 on 6
    assert (difference.mean.value, difference.mean.low, difference.mean.high) == pytest.approx(
        (-0.4, -0.5519158, -0.2480842), abs=1e-6
    )
    assert (difference.better, difference.worse, difference.same) == (6, 24, 0)
    assert difference.p_value == pytest.approx(0.001430906, abs=1e-9)
    assert "B against A: -0.400" in differences_text(found)


def test_pages_show_hostile_names_as_texts() -> None:
    page = as_html(of_trials([trial(1, "<script>alert(1)</script>", 1, passed=True)]), "<b>suite</b>")
    assert "<script" not in page
    assert "&lt;b&gt;suite" in page


def test_agreement_of_checks_and_people_is_told() -> None:
    trials = [trial(1, "A", n, passed=True, by_person="pass" if n else "fail") for n in range(4)]
    assert (found := of_trials(trials).agreement).count == 4
    assert found.rate == 0.75
