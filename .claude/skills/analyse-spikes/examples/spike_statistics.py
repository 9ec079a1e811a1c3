"""Measures of spike trains. Times in ms, rates in Hz; too few spikes give nan."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def mean_rate(spikes_ms: ArrayLike, window_ms: tuple[float, float], n_neurons: int = 1) -> float:
    """Mean firing rate in Hz.

    Parameters
    ----------
    spikes_ms : array, shape (n_spikes,)
        Spike times in ms, any order, of one neuron or of all.
    window_ms : (start, stop)
        Half-open interval [start, stop) in ms.
    n_neurons
        How many neurons the spikes are of, silent ones too.

    Raises
    ------
    ValueError
        If the window is empty or `n_neurons` < 1.

    References
    ----------
    Dayan & Abbott, Theoretical Neuroscience (2001), section 1.2.
    """
    start, stop = window_ms
    if not stop > start or n_neurons < 1:
        raise ValueError(f"A window and neurons are needed, got {window_ms!r} and {n_neurons!r}.")
    times = np.asarray(spikes_ms, float)
    return float(np.count_nonzero((times >= start) & (times < stop)) / n_neurons / (stop - start) * 1000.0)


def intervals(spikes_ms: ArrayLike) -> FloatArray:
    """Inter-spike intervals of one neuron in ms, shape (n_spikes - 1,)."""
    return np.diff(np.sort(np.asarray(spikes_ms, float)))


def cv(spikes_ms: ArrayLike) -> float:
    """Coefficient of variation of the intervals, unitless; 1 for a Poisson process.

    References
    ----------
    Dayan & Abbott, Theoretical Neuroscience (2001), section 1.4.
    """
    isi = intervals(spikes_ms)
    return float(isi.std() / isi.mean()) if isi.size >= 2 and isi.mean() > 0 else float("nan")


def cv2(spikes_ms: ArrayLike) -> float:
    """Mean local variation of neighbouring intervals, unitless; 1 for a Poisson process.

    References
    ----------
    Holt et al., Journal of Neurophysiology 75 (1996) 1806-1814.
    """
    isi = intervals(spikes_ms)
    if isi.size < 2:
        return float("nan")
    return float(np.mean(2 * np.abs(np.diff(isi)) / (isi[1:] + isi[:-1])))


def counts(spikes_ms: ArrayLike, window_ms: tuple[float, float], bin_ms: float) -> NDArray[np.int64]:
    """Spikes in each whole bin of the window, shape (n_bins,)."""
    n_bins = int((window_ms[1] - window_ms[0]) / bin_ms)
    edges = window_ms[0] + bin_ms * np.arange(n_bins + 1)
    return np.histogram(np.asarray(spikes_ms, float), edges)[0]


def fano(spikes_ms: ArrayLike, window_ms: tuple[float, float], bin_ms: float) -> float:
    """Variance over mean of the counts, unitless; 1 for a Poisson process.

    References
    ----------
    Fano, Physical Review 72 (1947) 26-29.
    """
    found = counts(spikes_ms, window_ms, bin_ms)
    return float(found.var() / found.mean()) if found.size >= 2 and found.mean() > 0 else float("nan")


def synchrony(trains_ms: list[ArrayLike], window_ms: tuple[float, float], bin_ms: float) -> float:
    """Synchrony chi of a population, unitless: 0 for many asynchronous neurons, 1 for identical ones.

    References
    ----------
    Golomb, Scholarpedia 2(1):1347 (2007), doi:10.4249/scholarpedia.1347.
    """
    binned = np.array([counts(train, window_ms, bin_ms) for train in trains_ms], float)
    single = binned.var(axis=1).mean() if len(binned) >= 2 else 0.0
    return float(np.sqrt(binned.mean(axis=0).var() / single)) if single > 0 else float("nan")


def correlation(
    trains_ms: list[ArrayLike], window_ms: tuple[float, float], bin_ms: float
) -> tuple[float, int]:
    """Mean pairwise correlation of binned counts (unitless), and how many pairs it is of; constant ones are left out."""
    binned = np.array([counts(train, window_ms, bin_ms) for train in trains_ms], float)
    varying = binned[binned.std(axis=1) > 0]
    if len(varying) < 2:
        return float("nan"), 0
    upper = np.corrcoef(varying)[np.triu_indices(len(varying), 1)]
    return float(upper.mean()), int(upper.size)
