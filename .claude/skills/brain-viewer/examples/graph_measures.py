"""Graph measures of the viewer's connectivity, and correlations of its activity.

Definitions: Rubinov & Sporns, NeuroImage 52 (2010) 1059-1069. A connection's length is 1 / weight, so that strong
ones are short; weights are unitless.
"""

import math
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def weight_matrix(data: dict[str, Any]) -> FloatArray:
    """Weights between regions, shape (n_regions, n_regions), symmetric, 0 where there is no connection.

    Raises
    ------
    ValueError
        If a connection is in the file twice, leads from a region to itself, or has a weight that is not above 0.
    """
    weights = np.zeros((len(data["regions"]),) * 2)
    for i, j, weight, _length_mm in data["connections"]:
        if i == j or not 0 < weight < math.inf or weights[i, j]:
            raise ValueError(
                f"The connection {[i, j, weight]} is one to itself, a second one, or without a positive weight."
            )
        weights[i, j] = weights[j, i] = weight
    return weights


def degree(weights: ArrayLike) -> NDArray[np.int64]:
    """Number of connections of each region."""
    return np.count_nonzero(np.asarray(weights), axis=1)


def strength(weights: ArrayLike) -> FloatArray:
    """Sum of the weights of each region's connections."""
    return np.asarray(weights, float).sum(axis=1)


def nodal_efficiency(weights: ArrayLike, *, weighted: bool = True) -> FloatArray:
    """Mean of 1 / distance from each region to all others, unitless, 0 for an isolated one to 1.

    The mean over all regions is the global efficiency. Weights are divided by the largest, so that 1 means that all
    regions are joined by connections as strong as that; without `weighted` each connection has length 1.

    References
    ----------
    Latora & Marchiori, Physical Review Letters 87 (2001) 198701.
    """
    given = np.asarray(weights, float)
    n, largest = len(given), given.max(initial=0.0)
    if n < 2 or largest == 0:
        return np.zeros(n)
    lengths = largest / given[given > 0] if weighted else np.ones(np.count_nonzero(given))
    graph = nx.empty_graph(n)
    graph.add_weighted_edges_from(zip(*np.nonzero(given), lengths, strict=True), weight="length")
    distance = np.asarray(nx.floyd_warshall_numpy(graph, range(n), weight="length"))
    np.fill_diagonal(distance, np.inf)
    return (1 / distance).sum(axis=1) / (n - 1)


@dataclass(frozen=True)
class Modules:
    """Groups of regions that are connected more among themselves than their strengths would have it."""

    label: NDArray[np.int64]
    """Of each region; 0 is the largest group."""
    modularity: float
    """Q of this partition, unitless; the best of all runs."""
    all_modularities: FloatArray
    """Q of each run."""
    agreement: float
    """Share of pairs of regions that runs agree about, whether in one module or not; 1 for identical runs."""


def modules(weights: ArrayLike, *, resolution: float = 1.0, runs: int = 20, seed: int = 1) -> Modules:
    """Modules by Louvain's method, which depends on chance: the best of many runs, and how far they agree.

    References
    ----------
    Blondel et al., Journal of Statistical Mechanics (2008) P10008; Newman, Physical Review E 70 (2004) 056131.
    """
    graph = nx.from_numpy_array(np.asarray(weights, float))
    found = [
        nx.community.louvain_communities(graph, weight="weight", resolution=resolution, seed=seed + k)
        for k in range(runs)
    ]
    scores = np.array(
        [nx.community.modularity(graph, each, weight="weight", resolution=resolution) for each in found]
    )
    labels = np.array([_labels(each, len(graph)) for each in found])
    together = (labels[:, :, None] == labels[:, None, :]).mean(axis=0)[np.triu_indices(len(graph), 1)]
    agreement = float((together**2 + (1 - together) ** 2).mean()) if together.size else 1.0
    return Modules(labels[scores.argmax()], float(scores.max()), scores, agreement)


def _labels(groups: list[set[int]], n: int) -> NDArray[np.int64]:
    label = np.zeros(n, np.int64)
    for number, group in enumerate(sorted(groups, key=lambda each: (-len(each), min(each)))):
        label[list(group)] = number
    return label


def functional_connectivity(data: dict[str, Any], *, from_ms: float = 0.0) -> FloatArray:
    """Correlation (Pearson's r) of the activity of each pair of regions, shape (n_regions, n_regions).

    A region whose activity does not change has none: nan.

    Parameters
    ----------
    from_ms
        Activity before is left out, such as a simulation's first transient.

    Raises
    ------
    ValueError
        If there is no activity in the file, or fewer than ten time points of it.
    """
    if not data.get("bold"):
        raise ValueError(
            "There is no activity in the file; the viewer node writes it with display_data='bold'."
        )
    times_ms, activity = np.asarray(data["bold"]["time"], float), np.asarray(data["bold"]["data"], float)
    chosen = activity[times_ms >= from_ms]
    if len(chosen) < 10:
        raise ValueError(f"{len(chosen)} time points from {from_ms:g} ms on are too few for a correlation.")
    moving = chosen.std(axis=0) > 1e-12 * np.abs(chosen).max(axis=0, initial=0.0)
    found = np.full((chosen.shape[1],) * 2, np.nan)
    found[np.ix_(moving, moving)] = np.corrcoef(chosen[:, moving], rowvar=False)
    return found


def independent_points(series: ArrayLike) -> float:
    """How many independent points two series like this one have for their correlation.

    n (1 - a^2) / (1 + a^2), with a the correlation of neighbouring points. The standard error of a small r is 1 over
    the root of it.

    References
    ----------
    Bartlett, Journal of the Royal Statistical Society 98 (1935) 536-543.
    """
    x = np.asarray(series, float) - np.mean(series)
    a = float((x[1:] * x[:-1]).sum() / (x * x).sum())
    return len(x) * (1 - a * a) / (1 + a * a)
