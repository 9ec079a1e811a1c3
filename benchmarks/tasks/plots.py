"""Figures."""

from __future__ import annotations

from benchmarks.tasks.requests import Task, picture

_SPIKES = """\
import numpy as np
rng = np.random.default_rng({seed})
n_neurons, duration_ms = {n}, {t}
ids = rng.integers(0, n_neurons, {k})
times_ms = np.sort(rng.uniform(0, duration_ms, {k}))"""
_TRACE = """\
import numpy as np
rng = np.random.default_rng({seed})
dt_ms = {dt}
t_ms = np.arange(0, {t}, dt_ms)
v_mv = -65 + {a} * np.sin(t_ms / {p}) + rng.normal(0, 0.8, t_ms.size)"""
_TABLE = """\
import numpy as np, pandas as pd
rng = np.random.default_rng({seed})
cells = pd.DataFrame({{"layer": rng.choice(["L2/3", "L4", "L5"], {n}), "rate": rng.gamma(2, 3, {n}), "width": rng.normal(0.4, 0.1, {n})}})"""
_IMPORT = "import matplotlib.pyplot as plt\n"


def _spikes(seed: int, n: int, t: float, k: int) -> str:
    return _SPIKES.format(seed=seed, n=n, t=t, k=k)


def _trace(seed: int, dt: float, t: float, a: float, p: float) -> str:
    return _TRACE.format(seed=seed, dt=dt, t=t, a=a, p=p)


def _table(seed: int, n: int) -> str:
    return _TABLE.format(seed=seed, n=n)


def _drawn(code: str) -> str:
    return f"{_IMPORT}{code}\nplt.show()"


_DOTS = "any(sum(f.lines) + sum(f.scatters) >= {n} for f in figures)"
_LINE = "any({n} in f.lines for f in figures)"
_LABELS = "any('{x}' in f.text and '{y}' in f.text for f in figures)"

PLOTS: tuple[Task, ...] = (
    picture("raster", "plot", "Plot the spike raster.", _spikes(71, 20, 1000.0, 380),
            _drawn("plt.plot(times_ms, ids, '|')"), _DOTS.format(n=380)),
    picture("raster-labels", "plot", "raster plot with labelled axes (time in ms, neuron)", _spikes(72, 31, 700.0, 410),
            _drawn("plt.scatter(times_ms, ids)\nplt.xlabel('time (ms)')\nplt.ylabel('neuron')"),
            f"{_DOTS.format(n=410)} and {_LABELS.format(x='time', y='neuron')}"),
    picture("spike-histogram", "plot", "histogram of the spike times with 25 bins", _spikes(73, 8, 500.0, 260),
            _drawn("plt.hist(times_ms, bins=25)"), "any(f.patches == 25 for f in figures)"),
    picture("bar-counts", "plot", "Bar chart of how many spikes each neuron fired.", _spikes(74, 14, 900.0, 300),
            _drawn("plt.bar(np.arange(n_neurons), np.bincount(ids, minlength=n_neurons))"), "any(f.patches in (13, 14) for f in figures)"),
    picture("trace", "plot", "Plot the membrane potential over time.", _trace(75, 0.5, 300.0, 6.0, 17.0),
            _drawn("plt.plot(t_ms, v_mv)"), _LINE.format(n=600)),
    picture("trace-labels", "plot", "plot v_mv against t_ms, label the axes 'time (ms)' and 'V (mV)'", _trace(76, 0.2, 100.0, 4.0, 9.0),
            _drawn("plt.plot(t_ms, v_mv)\nplt.xlabel('time (ms)')\nplt.ylabel('V (mV)')"),
            f"{_LINE.format(n=500)} and {_LABELS.format(x='time (ms)', y='v (mv)')}"),
    picture("threshold", "plot", "Plot v_mv with a dashed horizontal line at -60 mV.", _trace(77, 1.0, 400.0, 7.0, 21.0),
            _drawn("plt.plot(t_ms, v_mv)\nplt.axhline(-60, ls='--')"),
            f"{_LINE.format(n=400)} and any(2 in f.lines or 1 in f.scatters or f.lines.count(400) == 2 for f in figures)"),
    picture("zoom-title", "plot", "Plot only the first 50 ms of v_mv, with the title 'first 50 ms'.", _trace(78, 0.25, 200.0, 5.0, 8.0),
            _drawn("plt.plot(t_ms[t_ms < 50], v_mv[t_ms < 50])\nplt.title('first 50 ms')"),
            "any('first 50 ms' in f.text and max(f.lines, default=0) in (199, 200, 201, 800) for f in figures)"),
    picture("two-panels", "plot", "Two plots below each other: v_mv over time, and a histogram of v_mv.", _trace(79, 0.5, 250.0, 9.0, 30.0),
            _drawn("figure, (a, b) = plt.subplots(2)\na.plot(t_ms, v_mv)\nb.hist(v_mv)"),
            "sum(f.axes for f in figures) >= 2 and any(500 in f.lines for f in figures) and any(f.patches >= 5 for f in figures)"),
    picture("scatter", "plot", "scatter plot of width against rate", _table(81, 66),
            _drawn("plt.scatter(cells.rate, cells.width)"), "any(66 in f.scatters or 66 in f.lines for f in figures)"),
    picture("rate-histogram", "plot", "Show the distribution of the rates.", _table(82, 140),
            _drawn("plt.hist(cells.rate)"), "any(f.patches >= 5 for f in figures)"),
    picture("layer-bars", "plot", "bar plot of the mean rate in each layer", _table(83, 90),
            _drawn("cells.groupby('layer').rate.mean().plot.bar()"), "any(f.patches == 3 for f in figures)"),
    picture("layer-box", "plot", "Box plot of rate by layer.", _table(84, 75),
            _drawn("plt.boxplot([group.rate for _, group in cells.groupby('layer')])"), "any(len(f.lines) >= 15 or f.patches >= 3 for f in figures)"),
    picture("heat-map", "plot", "Show the matrix weights as an image with a colour bar.",
            "import numpy as np\nweights = np.random.default_rng(85).normal(size=(24, 24))",
            _drawn("plt.imshow(weights)\nplt.colorbar()"), "any(f.images >= 1 and f.axes >= 2 for f in figures)"),
    picture("semilog", "plot", "plot power against freq_hz with a logarithmic y axis",
            "import numpy as np\nfreq_hz = np.linspace(1, 90, 180)\npower = 40 / freq_hz ** 1.4",
            _drawn("plt.semilogy(freq_hz, power)"), "any(180 in f.lines and f.scales.split()[1] == 'log' for f in figures)"),
    picture("spectrum", "plot", "Plot the power spectrum of x, which was sampled at 200 Hz.",
            "import numpy as np\nx = np.sin(2 * np.pi * 13 * np.arange(800) / 200) + np.random.default_rng(86).normal(0, .5, 800)",
            _drawn("plt.plot(np.fft.rfftfreq(800, 1 / 200), np.abs(np.fft.rfft(x)) ** 2)"), "any(max(f.lines, default=0) >= 100 for f in figures)"),
    picture("tuning", "plot", "Plot the tuning curve with markers and error bars: responses with sem over angles.",
            "import numpy as np\nangles = np.arange(0, 360, 30)\nresponses = 5 + 4 * np.cos(np.deg2rad(angles - 90))\nsem = np.full(12, 0.6)",
            _drawn("plt.errorbar(angles, responses, yerr=sem, marker='o')"), "any(12 in f.lines and f.scatters for f in figures)"),
    picture("three-lines", "plot", "Plot all three rows of rates in one figure, with a legend neuron 0, neuron 1, neuron 2.",
            "import numpy as np\nrates = np.random.default_rng(87).gamma(3, 2, (3, 55))",
            _drawn("for n, row in enumerate(rates):\n    plt.plot(row, label=f'neuron {n}')\nplt.legend()"),
            "any(f.lines.count(55) == 3 and 'neuron 2' in f.text for f in figures)"),
    picture("sine-10hz", "plot", "Plot one second of a 10 Hz sine wave sampled at 1 kHz.", "",
            _drawn("import numpy as np\nt = np.arange(1000) / 1000\nplt.plot(t, np.sin(2 * np.pi * 10 * t))"), "any(max(f.lines, default=0) in (1000, 1001) for f in figures)"),
    picture("exponential", "plot", "plot exp(-t/20) for t from 0 to 100 ms", "",
            _drawn("import numpy as np\nt = np.linspace(0, 100, 200)\nplt.plot(t, np.exp(-t / 20))"), "any(max(f.lines, default=0) >= 20 for f in figures)"),
)  # fmt: skip
