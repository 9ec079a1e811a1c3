"""Statistics of spike trains and signals."""

from __future__ import annotations

from benchmarks.tasks.requests import Task, state, value

_TRAIN = """\
import numpy as np
rng = np.random.default_rng({seed})
train_ms = np.cumsum(rng.gamma({shape}, {scale}, {n}))"""
_SIGNAL = """\
import numpy as np
rng = np.random.default_rng({seed})
fs_hz = {fs}
t_s = np.arange(0, {t}, 1 / fs_hz)
signal = {amp} * np.sin(2 * np.pi * {f} * t_s) + rng.normal(0, {noise}, t_s.size)"""


def _train(seed: int, shape: float, scale: float, n: int) -> str:
    return _TRAIN.format(seed=seed, shape=shape, scale=scale, n=n)


def _signal(seed: int, fs: int, t: float, f: float, amp: float, noise: float) -> str:
    return _SIGNAL.format(seed=seed, fs=fs, t=t, f=f, amp=amp, noise=noise)


MEASURES: tuple[Task, ...] = (
    value("cv", "measure", "What is the coefficient of variation of the inter-spike intervals?", _train(41, 2.0, 11.0, 240),
          "isi = np.diff(train_ms)\ntruth = isi.std() / isi.mean()\nalso = (isi.std(ddof=1) / isi.mean(), isi.std(), isi.mean())"),
    state("isi", "measure", "compute the interspike intervals into isi_ms", _train(42, 1.0, 23.0, 90),
          "isi_ms = np.diff(train_ms)", "isi_ms"),
    value("mean-isi", "measure", "mean ISI of this train in ms?", _train(43, 3.0, 7.0, 310), "truth = np.diff(train_ms).mean()"),
    value("train-rate", "measure", "What is the firing rate in Hz? The recording lasted 6 seconds.", _train(44, 1.5, 20.0, 188),
          "truth = train_ms.size / 6\nalso = (train_ms.size,)"),
    value("refractory", "measure", "How many intervals are shorter than 3 ms?", _train(45, 0.8, 14.0, 500),
          "truth = int((np.diff(train_ms) < 3).sum())"),
    state("bins", "measure", "Count the spikes in bins of 50 ms from 0 to 2000 ms and store the counts in counts.", _train(46, 1.2, 13.0, 120),
          "counts = np.histogram(train_ms, bins=np.arange(0, 2001, 50))[0]", "counts"),
    value("fano", "measure", "What is the Fano factor of counts (variance divided by mean)?",
          "import numpy as np\nrng = np.random.default_rng(47)\ncounts = rng.negative_binomial(6, 0.4, 85)",
          "truth = counts.var() / counts.mean()\nalso = (counts.var(ddof=1) / counts.mean(), counts.var(), counts.mean())"),
    value("correlation", "measure", "how strongly are rate_a and rate_b correlated (Pearson)?",
          "import numpy as np\nrng = np.random.default_rng(48)\nrate_a = rng.normal(8, 2, 140)\nrate_b = 0.6 * rate_a + rng.normal(1, 1.7, 140)",
          "truth = np.corrcoef(rate_a, rate_b)[0, 1]"),
    value("peak-frequency", "measure", "At which frequency does signal have the most power?", _signal(51, 500, 4.0, 37.0, 1.3, 0.8),
          "power = np.abs(np.fft.rfft(signal - signal.mean())) ** 2\ntruth = np.fft.rfftfreq(signal.size, 1 / fs_hz)[power.argmax()]",
          tolerance=0.01),
    state("rms", "measure", "Store the root mean square of signal in rms.", _signal(52, 1000, 1.5, 9.0, 2.1, 0.4),
          "rms = np.sqrt(np.mean(signal ** 2))", "rms"),
    state("zscore", "measure", "z-score the signal and call it z", _signal(53, 250, 3.0, 6.0, 0.9, 1.1),
          "z = (signal - signal.mean()) / signal.std()", "z", tolerance=5e-3),
    state("smooth", "measure", "Smooth signal with a moving average over 5 samples (mode 'same' of np.convolve), as smooth.", _signal(54, 200, 2.0, 4.0, 1.0, 0.6),
          "smooth = np.convolve(signal, np.ones(5) / 5, mode='same')", "smooth"),
    state("crossings", "measure", "At which sample indices does v cross -20 mV from below? Store them in crossings (the first sample at or above -20).",
          "import numpy as np\nv = -65 + 60 * (np.sin(np.linspace(0, 23, 900)) > 0.9) * np.hanning(900)",
          "crossings = np.flatnonzero((v[1:] >= -20) & (v[:-1] < -20)) + 1", "crossings"),
    value("power-ratio", "measure", "What is the standard deviation of signal?", _signal(55, 400, 2.5, 12.0, 1.7, 0.3),
          "truth = signal.std()\nalso = (signal.std(ddof=1),)"),
    state("sem", "measure", "Put mean and standard error of the mean of responses into m and sem (sample standard deviation, n - 1).",
          "import numpy as np\nresponses = np.random.default_rng(56).normal(12.5, 3.1, 37)",
          "m = responses.mean()\nsem = responses.std(ddof=1) / np.sqrt(responses.size)", "m sem"),
    state("psth", "measure", "average trials over the first axis and store it as psth",
          "import numpy as np\ntrials = np.random.default_rng(57).poisson(3.0, (22, 45))", "psth = trials.mean(axis=0)", "psth"),
    value("t-difference", "measure", "By how much does the mean of drug exceed the mean of control?",
          "import numpy as np\nrng = np.random.default_rng(58)\ncontrol = rng.normal(9.0, 2.0, 31)\ndrug = rng.normal(11.3, 2.4, 28)",
          "truth = drug.mean() - control.mean()\nalso = (drug.mean(), control.mean())"),
    state("latency", "measure", "For each stimulus in stim_ms find the latency to the first spike after it; put them in a list latencies.",
          "stim_ms = [100.0, 300.0, 500.0, 700.0]\nspikes_ms = [40.0, 112.5, 131.0, 309.0, 420.0, 517.5, 733.0, 760.0]",
          "latencies = [min(s for s in spikes_ms if s > t) - t for t in stim_ms]", "latencies"),
    value("bursts", "measure", "How many pairs of neighbouring spikes are less than 6 ms apart?", _train(59, 0.6, 30.0, 260),
          "truth = int((np.diff(train_ms) < 6).sum())"),
    value("percentile", "measure", "What is the 95th percentile of the ISIs?", _train(60, 1.1, 18.0, 333),
          "truth = np.percentile(np.diff(train_ms), 95)"),
)  # fmt: skip
