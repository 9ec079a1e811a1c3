"""Looking at data: what is in it, how much, which one."""

from __future__ import annotations

from benchmarks.tasks.requests import Task, value

_POPULATION = """\
import numpy as np
rng = np.random.default_rng({seed})
n_neurons, duration_s = {n}, {t}
spike_ids = rng.choice(n_neurons, size={k}, p=rng.dirichlet(np.ones(n_neurons)))
spike_times_s = np.sort(rng.uniform(0, duration_s, spike_ids.size))"""
_TRIALS = """\
import numpy as np, pandas as pd
rng = np.random.default_rng({seed})
n = {n}
trials = pd.DataFrame({{
    "subject": rng.choice(["m01", "m02", "m03", "m04"], n, p=[.4, .3, .2, .1]),
    "contrast": rng.choice([6.25, 12.5, 25.0, 100.0], n),
    "reaction_ms": np.round(rng.normal(310, 45, n), 1),
    "correct": rng.random(n) < 0.73,
}})"""
_UNITS = """\
import numpy as np, pandas as pd
rng = np.random.default_rng({seed})
units = pd.DataFrame({{
    "unit": np.arange({n}) + 100,
    "region": rng.choice(["CA1", "CA3", "DG", "V1"], {n}, p=[.45, .25, .2, .1]),
    "rate_hz": np.round(rng.gamma(2.0, 4.0, {n}), 2),
    "depth_um": rng.integers(100, 1900, {n}),
}})
units.loc[rng.choice({n}, {gaps}, replace=False), "rate_hz"] = np.nan"""
_REGIONS = 'others = [r for r in ("CA1", "CA3", "DG", "V1") if r != truth]'
_SUBJECTS = 'others = [s for s in ("m01", "m02", "m03", "m04") if s != truth]'


def _population(seed: int, n: int, t: float, k: int) -> str:
    return _POPULATION.format(seed=seed, n=n, t=t, k=k)


def _trials(seed: int, n: int) -> str:
    return _TRIALS.format(seed=seed, n=n)


def _units(seed: int, n: int, gaps: int = 3) -> str:
    return _UNITS.format(seed=seed, n=n, gaps=gaps)


LOOK: tuple[Task, ...] = (
    value("fastest", "look", "which neuron fires fastest?", _population(11, 40, 5.0, 2300),
          "counts = np.bincount(spike_ids, minlength=n_neurons)\ntruth = int(counts.argmax())\nalso = (counts.max(), counts.max() / duration_s)"),
    value("slowest-rate", "look", "What is the lowest firing rate of all the neurons, in Hz?", _population(12, 17, 8.0, 1900),
          "counts = np.bincount(spike_ids, minlength=n_neurons)\ntruth = counts.min() / duration_s\nalso = (counts.min(), int(counts.argmin()))"),
    value("how-many-spikes", "look", "How many spikes does neuron 6 have?", _population(13, 12, 4.0, 801),
          "truth = int((spike_ids == 6).sum())"),
    value("population-rate", "look", "what's the mean firing rate per neuron in Hz", _population(14, 25, 6.0, 1432),
          "truth = spike_times_s.size / n_neurons / duration_s\nalso = (spike_times_s.size,)"),
    value("silent", "look", "How many neurons never fire?", _population(15, 80, 2.0, 150),
          "truth = n_neurons - len(set(spike_ids.tolist()))\nalso = (n_neurons - truth,)"),
    value("last-spike", "look", "When does the last spike occur?", _population(16, 9, 3.0, 333),
          "truth = spike_times_s.max()"),
    value("window", "look", "How many spikes fall between 1 s and 2.5 s?", _population(17, 30, 4.0, 1210),
          "truth = int(((spike_times_s >= 1) & (spike_times_s < 2.5)).sum())"),
    value("above-rate", "look", "how many neurons fire above 10 Hz?", _population(18, 33, 5.0, 1777),
          "truth = int((np.bincount(spike_ids, minlength=n_neurons) / duration_s > 10).sum())"),
    value("frame-rows", "look", "What is the size of the table trials? I need rows and columns.", _trials(21, 412),
          "truth = (len(trials), trials.shape[1])"),
    value("most-trials", "look", "Which subject did the most trials?", _trials(22, 236),
          f"truth = trials.subject.value_counts().idxmax()\nalso = tuple(trials.subject.value_counts())\n{_SUBJECTS}"),
    value("percent-correct", "look", "What percentage of trials was correct?", _trials(23, 350),
          "truth = 100 * trials.correct.mean()\nalso = (trials.correct.sum(), len(trials))"),
    value("median-reaction", "look", "Give me the median reaction time of subject m02.", _trials(24, 288),
          'truth = trials[trials.subject == "m02"].reaction_ms.median()'),
    value("fastest-trial", "look", "what was the shortest reaction time and in which row?", _trials(25, 164),
          "truth = (trials.reaction_ms.min(), int(trials.reaction_ms.idxmin()))"),
    value("contrast-accuracy", "look", "At contrast 25, what fraction of trials is correct?", _trials(26, 297),
          "truth = trials[trials.contrast == 25].correct.mean()"),
    value("missing-rates", "look", "How many units have no firing rate?", _units(31, 64, 7),
          "truth = int(units.rate_hz.isna().sum())\nalso = (len(units),)"),
    value("region-most", "look", "From which region do most units come?", _units(32, 75),
          f"truth = units.region.value_counts().idxmax()\nalso = tuple(units.region.value_counts())\n{_REGIONS}"),
    value("region-fastest", "look", "Which region has the highest mean rate?", _units(33, 58),
          f'means = units.groupby("region").rate_hz.mean()\ntruth = means.idxmax()\nalso = tuple(means)\n{_REGIONS}'),
    value("deepest", "look", "Which unit is the deepest, and how deep?", _units(34, 49),
          'row = units.loc[units.depth_um.idxmax()]\ntruth = (int(row["unit"]), int(row["depth_um"]))'),
    value("ca1-mean", "look", "mean rate of the CA1 units?", _units(35, 83, 5),
          'truth = units[units.region == "CA1"].rate_hz.mean()'),
    value("shape", "look", "What shape does lfp have, and how many values are NaN?",
          "import numpy as np\nrng = np.random.default_rng(36)\nlfp = rng.normal(size=(16, 750))\nlfp[rng.random(lfp.shape) < 0.01] = np.nan",
          "truth = (16, 750, int(np.isnan(lfp).sum()))"),
)  # fmt: skip
