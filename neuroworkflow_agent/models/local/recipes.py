"""How common things are computed: what a small model does not know by heart, put beside the request it fits. Pure."""

from __future__ import annotations

import re

_MAX = 2

_RECIPES: tuple[tuple[str, str], ...] = (
    (r"coefficient of variation|\bcv\b", "isi = np.diff(times); isi.std() / isi.mean()"),
    (r"inter-?spike|\bisis?\b|\bintervals?\b", "intervals of a train: np.diff(times)"),
    (r"(?:lowest|slowest|smallest).{1,20} rate", "rates_hz = np.bincount(ids, minlength=n_neurons) / duration_s; print(rates_hz.min())"),
    (r"(?:which|what) (?:neuron|cell|unit)", "rates_hz = np.bincount(ids, minlength=n_neurons) / duration_s; print(rates_hz.argmax(), rates_hz.max())"),
    (r"(?:neurons|cells|units) (?:fire|spike|are|never)", "rates_hz = np.bincount(ids, minlength=n_neurons) / duration_s; print((rates_hz > x).sum())"),
    (r"mean (?:firing )?rate.*(?:neuron|cell)|population rate", "print(len(spike_times) / n_neurons / duration_s)"),
    (r"firing rate in hz|spike rate|what is the firing rate", "rate in Hz of one train: print(len(train) / duration_s)"),
    (r"\bz-?scor", "z-score: (x - x.mean()) / x.std()"),
    (r"standard error|\bsem\b", "standard error: x.std(ddof=1) / np.sqrt(len(x))"),
    (r"root mean square|\brms\b", "np.sqrt(np.mean(x ** 2))"),
    (r"correlat|pearson", "np.corrcoef(x, y)[0, 1]"),
    (r"cross(?:es|ings?)?\b|threshold cross", "first samples at or above c: crossings = 1 + np.flatnonzero((x[1:] >= c) & (x[:-1] < c))"),
    (r"frequenc|spectrum|\bfft\b|most power",
     "power = np.abs(np.fft.rfft(x - x.mean())) ** 2; f = np.fft.rfftfreq(len(x), 1 / fs); the strongest frequency f[power.argmax()]"),
    (r"(?:most|fewest) (?:\w+ )?(?:trials|units|rows|cells|come|often|frequent)|do most", 'the most frequent value: df["column"].value_counts().idxmax()'),
    (r"fraction|percent|proportion", 'of the rows with a property: df[df["a"] == value]["b"].mean(), times 100 for percent'),
    (r"(?:which|what) (?:\w+ )?(?:has|have) the (?:highest|largest|lowest)", 'df.groupby("a")["x"].mean().idxmax()'),
    (r"(?:bar|plot).*mean.*(?:each|per|by)|mean.*(?:each|per|by) ", 'means = df.groupby("a")["x"].mean(); as bars: plt.bar(means.index, means)'),
    (r"\bnan\b|missing|no (?:firing )?rate", "np.isnan(x).sum(), in a table df[column].isna().sum()"),
    (r"box ?plot", 'plt.boxplot([group["x"] for _, group in df.groupby("a")])'),
    (r"bar (?:chart|plot).*(?:spikes|neuron)|(?:spikes|neuron).*\bas bars?\b", "counts = np.bincount(ids); plt.bar(np.arange(len(counts)), counts)"),
    (r"first \d+ ?m?s\b|only .*\bms\b", "a time is not an index: part = t_ms < end_ms; plt.plot(t_ms[part], x[part])"),
    (r"error ?bars?", 'plt.errorbar(x, y, yerr=e, marker="o")'),
    (r"log(?:arithmic)?\b", "plt.semilogy(x, y)"),
    (r"integrate-and-fire|\blif\b",
     "v = rest; spikes = []; for i in range(int(t_end / dt)): v += dt * (rest - v + drive) / tau; if v >= threshold: spikes.append(i * dt); v = reset"),
    (r"poisson", "times of a Poisson train: np.sort(np.random.uniform(0, t_end, np.random.poisson(rate_hz * t_end)))"),
    (r"^(?!.*(?:integrate-and-fire|\blif\b)).*\beuler\b", "v = [v0]; for _ in range(steps): v.append(v[-1] + dt * dv_dt(v[-1]))"),
    (r"sampled at|sampling rate", "n seconds at fs_hz samples a second: t = np.arange(int(n * fs_hz)) / fs_hz; a sine of f Hz: np.sin(2 * np.pi * f * t)"),
    (r"time axis|in steps of|with a step", "np.arange(start, stop, step); the end itself is in it only with stop + step"),
    (r"nernst", "1000 * R * T / F * np.log(outside / inside), T in kelvin: 273.15 + degrees C"),
    (r"decays? exponentially|time constant", "x0 * np.exp(-t / tau)"),
    (r"\.npz\b", 'data = np.load(name); the names of its arrays: print(data.files); one of them: data["array"]'),
    (r"\.npy\b", "np.load(name), np.save(name, x)"),
    (r"\.json\b", "json.loads(Path(name).read_text()), Path(name).write_text(json.dumps(d))"),
    (r"\.csv\b", "df = pd.read_csv(name); print(df.columns.tolist(), len(df)); df.to_csv(name, index=False)"),
)  # fmt: skip
"""What the request matches, and what then helps."""


_OF_IDS = re.compile(r"np\.bincount\(ids(?:, minlength=n_neurons)?\)")
"""Counts of spikes by the neuron's id; they are other ones where each neuron has a train of its own."""
_TRAINS = re.compile(r"^(\w+): (?:list|tuple) .*\bof (?:ndarray|list)\b", re.MULTILINE)


def recipes(text: str, variables: str = "") -> str:
    """The recipes that fit a request, one a line; empty if none does.

    Parameters
    ----------
    variables
        What variables there are, a line each: spikes may lie there in one train for each neuron.
    """
    found = [recipe for pattern, recipe in _RECIPES if re.search(pattern, text, re.IGNORECASE)]
    if trains := _TRAINS.search(variables):
        counts = f"np.array([len(train) for train in {trains[1]}])"
        found = [_OF_IDS.sub(counts, recipe) for recipe in found]
    return "\n".join(f"- {recipe}" for recipe in found[:_MAX])
