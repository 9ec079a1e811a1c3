"""Draws the viewer's network and its measures: `python graph_figure.py results/viewer`."""

import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from graph_measures import (
    degree,
    functional_connectivity,
    modules,
    nodal_efficiency,
    strength,
    weight_matrix,
)
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from viewer import load

_LABELLED = 40
"""Regions whose names can be read along an axis."""


def draw(data: dict[str, Any], *, seed: int = 1, drawn_percent: float = 15.0, from_ms: float = 0.0) -> Figure:
    """The matrix by modules, the brain from above, each region's measures, and correlations of activity.

    Parameters
    ----------
    drawn_percent
        Share of the connections that are drawn on the brain, the strongest ones, in percent.
    from_ms
        Activity before is left out.
    """
    weights = weight_matrix(data)
    found = modules(weights, seed=seed)
    order = np.lexsort((-strength(weights), found.label))
    figure, axes = plt.subplots(2, 2, figsize=(12, 10), layout="constrained")
    colours = plt.get_cmap("tab10")(found.label % 10)
    _draw_matrix(axes[0, 0], data, weights, found.label, order)
    axes[0, 0].set_title(f"{found.label.max() + 1} modules, Q = {found.modularity:.2f}")
    _draw_brain(axes[0, 1], data, weights, colours, drawn_percent)
    _draw_regions(axes[1, 0], data, weights, colours)
    _draw_correlations(axes[1, 1], data, order, from_ms)
    return figure


def _names(data: dict[str, Any]) -> list[str]:
    return [each["name"] for each in data["regions"]]


def _sizes(values: Any) -> Any:
    """Areas of dots in square points, smaller where there are many."""
    return (10 + 240 * np.asarray(values, float) / max(values.max(), 1e-300)) * min(1.0, 60 / len(values))


def _label(axes: Axes, data: dict[str, Any], order: Any) -> None:
    names = _names(data)
    if len(names) <= _LABELLED:
        shown = [names[k] for k in order]
        axes.set_xticks(range(len(names)), shown, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), shown, fontsize=7)
    else:
        axes.set(xlabel="region, by module and strength", ylabel="region, by module and strength")


def _draw_matrix(axes: Axes, data: dict[str, Any], weights: Any, label: Any, order: Any) -> None:
    shown = np.where(weights > 0, weights, np.nan)[np.ix_(order, order)]
    picture = axes.imshow(shown, cmap="viridis", norm=LogNorm())
    axes.figure.colorbar(picture, ax=axes, label="weight (unitless); white: none")
    for edge in np.flatnonzero(np.diff(label[order])) + 0.5:
        axes.axhline(edge, color="red", linewidth=1)
        axes.axvline(edge, color="red", linewidth=1)
    _label(axes, data, order)


def _draw_brain(axes: Axes, data: dict[str, Any], weights: Any, colours: Any, drawn_percent: float) -> None:
    x, y = ([each[axis] for each in data["regions"]] for axis in "xy")
    count = int(np.ceil(len(data["connections"]) * drawn_percent / 100))
    for i, j, weight, _length_mm in data["connections"][:count]:
        width = 0.3 + 2.5 * weight / weights.max()
        axes.plot([x[i], x[j]], [y[i], y[j]], color="0.6", linewidth=width, zorder=1)
    sizes = _sizes(strength(weights))
    axes.scatter(x, y, s=sizes, c=colours, edgecolors="black", linewidths=0.5, zorder=2)
    if len(x) <= _LABELLED:
        for name, *at in zip(_names(data), x, y, strict=True):
            axes.annotate(name, at, xytext=(5, 5), textcoords="offset points", fontsize=7)
    axes.set(xlabel="x (mm)", ylabel="y (mm)", aspect="equal")
    axes.set_title(f"Colour: module; size: strength; the strongest {drawn_percent:g} %")


def _draw_regions(axes: Axes, data: dict[str, Any], weights: Any, colours: Any) -> None:
    across, up = strength(weights), nodal_efficiency(weights)
    sizes = _sizes(degree(weights))
    axes.scatter(across, up, s=sizes, c=colours, edgecolors="black", linewidths=0.5)
    for k in np.argsort(across)[::-1][:8]:
        axes.annotate(
            _names(data)[k], (across[k], up[k]), xytext=(5, 5), textcoords="offset points", fontsize=7
        )
    axes.set(xlabel="strength (unitless)", ylabel="nodal efficiency (unitless)")
    axes.set_title(f"Size: degree; global efficiency {up.mean():.2f}")


def _draw_correlations(axes: Axes, data: dict[str, Any], order: Any, from_ms: float) -> None:
    try:
        found = functional_connectivity(data, from_ms=from_ms)
    except ValueError as error:
        axes.axis("off")
        axes.text(0.5, 0.5, str(error), ha="center", va="center", wrap=True)
        return
    picture = axes.imshow(found[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1)
    axes.figure.colorbar(picture, ax=axes, label="Pearson's r of activity")
    points = np.count_nonzero(np.asarray(data["bold"]["time"]) >= from_ms)
    axes.set_title(f"Functional connectivity, {points} time points")
    _label(axes, data, order)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/viewer")
    draw(load(folder)).savefig(folder / "graph_measures.png", dpi=110)
    print(f"Written to {folder / 'graph_measures.png'}")
