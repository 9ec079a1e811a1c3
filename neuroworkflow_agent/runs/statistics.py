"""The few formulas that comparing models needs, so that nobody has to install a statistics package for them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

_BISECTIONS = 200


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and between what it may well be."""

    value: float
    low: float
    high: float


def wilson(passed: int, count: int, *, level: float = 0.95) -> Interval:
    """A pass rate with Wilson's score interval, which holds also for few runs and for rates near 0 and 1.

    Parameters
    ----------
    passed, count
        0 <= passed <= count.
    level
        Of confidence.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212.
    """
    if not 0 <= passed <= count:
        raise ValueError(f"passed must be between 0 and count, got {passed} of {count}.")
    if not count:
        return Interval(math.nan, 0.0, 1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    rate = passed / count
    spread = 1 + z * z / count
    centre = (rate + z * z / (2 * count)) / spread
    half = z / spread * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    # At the ends the formula gives 0 and 1, but for rounding.
    low = 0.0 if passed == 0 else max(0.0, centre - half)
    high = 1.0 if passed == count else min(1.0, centre + half)
    return Interval(rate, low, high)


def pass_hat_k(counts: Sequence[tuple[int, int]], k: int) -> float:
    """pass^k: how likely all of k runs of a task pass, averaged over tasks; without bias.

    Parameters
    ----------
    counts
        (passed, count) of each task; those with fewer than k runs are left out.

    Returns
    -------
    float
        NaN where no task has k runs.

    References
    ----------
    S. Yao et al., tau-bench, arXiv:2406.12045 (2024), section 3.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    rates = [math.comb(passed, k) / math.comb(count, k) for passed, count in counts if count >= k]
    return fmean(rates) if rates else math.nan


def mean_interval(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """A mean with Student's interval; of one value the interval is without bounds.

    Of differences of tasks this is the paired comparison: what makes a task hard for both models falls out, and runs of
    one task count as one.

    References
    ----------
    E. Miller, Adding error bars to evals, arXiv:2411.00640 (2024), sections 2.2 and 4.2.
    """
    if not values:
        return Interval(math.nan, -math.inf, math.inf)
    mean = fmean(values)
    if len(values) == 1:
        return Interval(mean, -math.inf, math.inf)
    half = t_quantile((1 + level) / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def sign_test(better: int, worse: int) -> float:
    """How likely so uneven a split is by chance alone, two-sided and exact; ties are left out."""
    count = better + worse
    tail = sum(math.comb(count, each) for each in range(min(better, worse) + 1)) / float(2**count)
    return min(1.0, 2 * tail)


def t_quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t distribution.

    Parameters
    ----------
    probability
        0.5 < probability < 1.
    freedom
        Degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while t_below(high, freedom) < probability:
        high *= 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def t_below(t: float, freedom: int) -> float:
    """How likely Student's t is below t >= 0, by the finite series for whole degrees of freedom.

    References
    ----------
    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    if freedom % 2:
        term, total = cosine, cosine if freedom > 1 else 0.0
        for n in range(3, freedom - 1, 2):
            term *= cosine * cosine * (n - 1) / n
            total += term
        return 0.5 + (angle + sine * total) / math.pi
    term = total = 1.0
    for n in range(2, freedom - 1, 2):
        term *= cosine * cosine * (n - 1) / n
        total += term
    return 0.5 + sine * total / 2
