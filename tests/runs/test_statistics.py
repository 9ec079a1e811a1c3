"""Formulas against values from tables and papers."""

from __future__ import annotations

import math

import pytest

from neuroworkflow_agent.runs.statistics import mean_interval, pass_hat_k, sign_test, t_quantile, wilson


@pytest.mark.parametrize(
    ("passed", "count", "low", "high"),
    # R 4.2: prop.test(x, n, correct = FALSE)$conf.int
    [(8, 10, 0.4901625, 0.9433178), (0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0), (50, 100, 0.4038315, 0.5961685), (1, 1, 0.2065493, 1.0)],
)  # fmt: skip
def test_wilson(passed: int, count: int, low: float, high: float) -> None:
    found = wilson(passed, count)
    assert (found.value, found.low, found.high) == pytest.approx((passed / count, low, high), abs=1e-6)


def test_wilson_of_nothing_says_nothing() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high) == (0, 1)
    with pytest.raises(ValueError, match="between 0 and count"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # Tables of Student's t at 97.5 %.
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (10, 2.2281), (29, 2.0452), (30, 2.0423), (120, 1.9799), (1000, 1.9623)],
)  # fmt: skip
def test_quantiles_of_t(freedom: int, quantile: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(quantile, abs=5e-5)
    assert t_quantile(0.95, 7) == pytest.approx(1.8946, abs=5e-5)


def test_paired_differences_of_students_own_data() -> None:
    # Student, The probable error of a mean, Biometrika 6 (1908): hours of sleep gained by two drugs, t = 4.0621.
    gained = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    found = mean_interval(gained)
    assert (found.value, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)
    assert mean_interval([0.5]).high == math.inf


def test_pass_hat_k_is_without_bias() -> None:
    assert pass_hat_k([(3, 4), (4, 4)], 2) == pytest.approx((3 / 6 + 1) / 2)
    assert pass_hat_k([(3, 4), (1, 1)], 2) == pytest.approx(0.5)
    assert math.isnan(pass_hat_k([(1, 1)], 2))


def test_sign_test() -> None:
    assert sign_test(9, 1) == pytest.approx(22 / 1024)
    assert sign_test(0, 0) == sign_test(3, 3) == 1.0
