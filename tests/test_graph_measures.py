"""The brain viewer skill's measures give the values that are published or follow from a formula."""

from __future__ import annotations

import importlib
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pytest

from tests.test_skills import OURS

EXAMPLES = OURS / "brain-viewer" / "examples"
_MODULES = ("make_dataset", "viewer", "graph_measures", "graph_figure")


@pytest.fixture(scope="module")
def examples() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield {name: importlib.import_module(name) for name in _MODULES}
    finally:
        sys.path.remove(str(EXAMPLES))
        for name in _MODULES:
            del sys.modules[name]


@pytest.fixture
def measures(examples: dict[str, ModuleType]) -> ModuleType:
    return examples["graph_measures"]


def _karate(weight: str | None = None) -> Any:
    """Zachary's karate club, as networkx has it."""
    return nx.to_numpy_array(nx.karate_club_graph(), weight=weight)


def _data(weights: Any, activity: Any = None) -> dict[str, Any]:
    n = len(weights)
    pairs = [[i, j, float(weights[i, j]), 1.0] for i in range(n) for j in range(i + 1, n) if weights[i, j]]
    bold = (
        None
        if activity is None
        else {"time": list(range(len(activity))), "data": np.asarray(activity).tolist()}
    )
    regions = [{"name": f"L_{k}", "x": float(k % 6), "y": float(k // 6), "z": 0.0} for k in range(n)]
    return {
        "meta": {},
        "regions": regions,
        "connections": sorted(pairs, key=lambda each: -each[2]),
        "bold": bold,
    }


def test_karate_club_has_its_published_degrees_and_strengths(measures: ModuleType) -> None:
    """Zachary, Journal of Anthropological Research 33 (1977) 452-473; KONECT `ucidata-zachary`."""
    degrees = measures.degree(measures.weight_matrix(_data(_karate())))
    assert (len(degrees), degrees.sum() / 2, degrees.max(), round(degrees.mean(), 3)) == (34, 78, 17, 4.588)
    assert (degrees[0], degrees[33], degrees[32], degrees[11]) == (16, 17, 12, 1)
    strengths = measures.strength(measures.weight_matrix(_data(_karate("weight"))))
    assert (strengths[11], strengths[9], strengths.sum() / 2) == (3, 3, 231)


def test_karate_club_has_its_published_modularity(measures: ModuleType) -> None:
    """0.42 by Louvain's method: Blondel et al. (2008), table 1; 0.419: Newman, PNAS 103 (2006) 8577-8582, table 1.

    Sobolevsky et al., arXiv:1712.05110, prove that the known partition is the best there is.
    """
    found = measures.modules(_karate())
    assert found.modularity == pytest.approx(0.4198, abs=5e-5)
    assert round(found.modularity, 2) == 0.42
    assert found.label.max() + 1 == 4
    assert [int((found.label == k).sum()) for k in range(4)] == [12, 11, 6, 5]
    assert len(found.all_modularities) == 20
    assert found.all_modularities.max() == found.modularity
    assert 0.8 < found.agreement <= 1.0
    assert (measures.modules(_karate()).label == found.label).all()


def test_ring_of_cliques_has_the_modularity_of_its_formula(measures: ModuleType) -> None:
    """Q = 1 - 2 / (m (m - 1) + 2) - 1 / n: Fortunato & Barthelemy, PNAS 104 (2007) 36-41."""
    n, m = 5, 6
    found = measures.modules(nx.to_numpy_array(nx.ring_of_cliques(n, m)))
    assert found.modularity == pytest.approx(1 - 2 / (m * (m - 1) + 2) - 1 / n)
    assert found.agreement == pytest.approx(1.0)
    assert [len(set(found.label[k * m : (k + 1) * m])) for k in range(n)] == [1] * n


@pytest.mark.parametrize(
    ("graph", "efficiency"),
    [
        (nx.complete_graph(7), 1.0),
        (nx.star_graph(9), 12 / 20),  # n = 10: (n + 2) / (2 n)
        (nx.cycle_graph(7), (1 + 1 / 2 + 1 / 3) / 3),  # n odd: the mean of 1 / k up to (n - 1) / 2
        (nx.path_graph(4), (3 + 2 / 2 + 1 / 3) / 6),
        (nx.empty_graph(5), 0.0),
        (nx.disjoint_union(nx.complete_graph(3), nx.complete_graph(3)), 12 / 30),
        (nx.Graph([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)]), 0.9166666666666666),  # networkx's documentation
        (nx.karate_club_graph(), (78 + 265 / 2 + 137 / 3 + 73 / 4 + 8 / 5) / 561),  # pairs at each distance
    ],
    ids=["complete", "star", "cycle", "path", "empty", "two parts", "documented", "karate"],
)
def test_efficiency_follows_its_definition(graph: Any, efficiency: float, measures: ModuleType) -> None:
    """Latora & Marchiori, PRL 87 (2001) 198701; closed forms of Ek et al., AKCE 12 (2015) 1-13."""
    found = measures.nodal_efficiency(nx.to_numpy_array(graph, weight=None), weighted=False)
    assert found.mean() == pytest.approx(efficiency)
    assert found.mean() == pytest.approx(nx.global_efficiency(graph))


def test_strong_connections_are_short(measures: ModuleType) -> None:
    """From 0 to 2 the way over 1, of length 2, is shorter than the weak connection, of length 4."""
    weights = np.array([[0, 8, 2], [8, 0, 8], [2, 8, 0]], float)
    assert measures.nodal_efficiency(weights) == pytest.approx([3 / 4, 1.0, 3 / 4])
    assert measures.nodal_efficiency(weights / 1000) == pytest.approx([3 / 4, 1.0, 3 / 4])


def test_correlation_of_oscillations_is_the_cosine_of_their_phases(measures: ModuleType) -> None:
    phases = np.array([0.0, math.pi / 3, math.pi / 2, math.pi])
    activity = np.sin(2 * math.pi * np.arange(40)[:, None] / 20 + phases)
    activity = np.column_stack([activity, np.full(40, 0.1)])
    found = measures.functional_connectivity(_data(np.zeros((5, 5)), activity))
    assert found[:4, :4] == pytest.approx(np.cos(phases[:, None] - phases[None]), abs=1e-9)
    assert np.isnan(found[4]).all()
    late = np.vstack([np.full((10, 5), 1e6), activity])
    assert measures.functional_connectivity(_data(np.zeros((5, 5)), late), from_ms=10.0)[
        0, 1
    ] == pytest.approx(0.5)


def test_alike_neighbours_count_as_fewer_points(measures: ModuleType) -> None:
    """The spread of r between two independent series is 1 / sqrt(n) for as many points as are told."""
    source = np.random.default_rng(3)
    noise = source.standard_normal((2_000, 200))
    for k in range(1, 200):
        noise[:, k] += 0.8 * noise[:, k - 1]
    spread = np.std([np.corrcoef(noise[k], noise[k + 1])[0, 1] for k in range(0, 2_000, 2)])
    told = np.mean([measures.independent_points(each) for each in noise])
    assert 1 / spread**2 == pytest.approx(told, rel=0.2)
    assert measures.independent_points(source.standard_normal(5_000)) == pytest.approx(5_000, rel=0.02)


@pytest.mark.parametrize(
    "extra", [[3, 3, 0.5, 1.0], [1, 0, 0.5, 1.0], [4, 5, 0.0, 1.0], [4, 5, math.nan, 1.0]]
)
def test_file_that_is_no_network_is_refused(extra: list[float], measures: ModuleType) -> None:
    data = _data(np.ones((6, 6)) - np.eye(6))
    data["connections"] = [each for each in data["connections"] if each[:2] != [4, 5]] + [extra]
    with pytest.raises(ValueError, match="one to itself, a second one, or without a positive weight"):
        measures.weight_matrix(data)


def test_missing_activity_is_said_and_the_picture_is_made_without_it(
    measures: ModuleType, examples: dict[str, ModuleType]
) -> None:
    for data, says in (
        (_data(_karate()), "no activity in the file"),
        (_data(_karate(), np.zeros((9, 34))), "9 time points"),
    ):
        with pytest.raises(ValueError, match=says):
            measures.functional_connectivity(data)
        figure = examples["graph_figure"].draw(data)
        assert [axes.get_title() for axes in figure.axes[:3]] == [
            "4 modules, Q = 0.42",
            "Colour: module; size: strength; the strongest 15 %",
            "Size: degree; global efficiency 0.49",
        ]
        assert says in figure.axes[3].texts[0].get_text()
        plt.close(figure)


def test_skills_own_lines_run_on_its_dataset(
    examples: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("results/viewer")
    folder.mkdir(parents=True)
    made = examples["make_dataset"].make_dataset()
    (folder / "connectivity_data.json").write_text(json.dumps(made))
    (block,) = re.findall(r"```python\n(.*?)```", (EXAMPLES.parent / "SKILL.md").read_text(), re.DOTALL)
    ran: dict[str, Any] = {}
    exec(block, ran)
    told = capsys.readouterr().out
    assert told.startswith("R_V2: strength 2.24, degree 10\nR_PFC: ")
    assert "global efficiency 0.256\n4 modules, Q 0.196, agreement of runs 0." in told
    assert ran["r"].shape == (16, 16)
    assert [axes.get_title() for axes in ran["figure"].axes][3] == "Functional connectivity, 10 time points"
    assert [text.get_text() for text in ran["figure"].axes[1].texts] == [
        each["name"] for each in made["regions"]
    ]
    plt.close("all")
