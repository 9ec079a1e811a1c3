"""Which cells may be out of date."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from neuroworkflow_agent.notebooks.staleness import Staleness


def notebook(**cells: tuple[str, int | None]) -> Any:
    made = [
        new_code_cell(source, id=name, execution_count=number) for name, (source, number) in cells.items()
    ]
    return new_notebook(cells=[new_markdown_cell("x"), *made])


def rates(**numbers: int | None) -> Any:
    sources = {
        "load": "rates = [1, 2]",
        "mean": "mean = sum(rates) / len(rates)",
        "title": "title = 'Rates'",
        "show": "print(title, mean)",
        "alone": "1 + 1",
        "never": "print(rates)",
    }
    standard: dict[str, int | None] = {"load": 1, "mean": 2, "title": 3, "show": 4, "alone": 5, "never": None}
    return notebook(**{name: (sources[name], {**standard, **numbers}[name]) for name in sources})


def test_cells_that_were_run_in_their_order_are_up_to_date() -> None:
    assert Staleness().of(rates()) == frozenset()


@pytest.mark.parametrize("about", ["python", ["python"], None])
def test_metadata_of_any_shape_are_no_obstacle(about: object) -> None:
    changed = rates(load=6)
    changed.metadata.update(language_info=about, kernelspec=about)
    assert Staleness().of(changed) == {"mean", "show"}


def test_what_depends_on_a_cell_that_was_run_anew_may_be_out_of_date() -> None:
    assert Staleness().of(rates(load=6)) == {"mean", "show"}
    assert Staleness().of(rates(title=6)) == {"show"}
    assert Staleness().of(rates(load=6, mean=7, show=8)) == frozenset()


def test_what_depends_on_a_name_that_was_changed_outside_cells_may_be_until_it_is_run_again() -> None:
    staleness = Staleness()
    assert staleness.of(rates()) == frozenset()
    staleness.note_changed(["rates"])
    assert staleness.of(rates()) == {"mean", "show"}
    assert staleness.of(rates(mean=6)) == {"show"}
    assert staleness.of(rates(mean=6, show=7)) == frozenset()
    staleness.note_changed(["elsewhere"])
    assert staleness.of(rates(mean=6, show=7)) == frozenset()
    staleness.note_changed(["mean"])
    assert staleness.of(rates(mean=6, show=7)) == {"show"}
    assert staleness.of(rates(mean=8, show=9)) == frozenset()


def test_a_cell_whose_text_was_changed_since_may_be_and_what_depends_on_it() -> None:
    staleness = Staleness()
    given = rates()
    staleness.of(given)
    given.cells[1].source = "rates = [5]"
    assert staleness.of(given) == {"load", "mean", "show"}
    given.cells[1].execution_count = 6
    assert staleness.of(given) == {"mean", "show"}


def test_a_change_in_place_counts_for_the_cells_below() -> None:
    given = notebook(a=("rates = []", 1), b=("rates.append(1)", 4), c=("print(rates)", 3), d=("rates", 5))
    assert Staleness().of(given) == {"c"}


def test_a_name_that_is_given_anew_below_is_another_one() -> None:
    given = notebook(a=("x = 1", 9), b=("x = 2", 2), c=("print(x)", 3))
    assert Staleness().of(given) == frozenset()


def test_what_is_not_python_is_left_alone() -> None:
    given = rates(load=6)
    given.metadata["language_info"] = {"name": "R"}
    assert Staleness().of(given) == frozenset()
