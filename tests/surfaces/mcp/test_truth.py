"""The judge of random edits: what it lets pass, and what not."""

from __future__ import annotations

import nbformat
import pytest

from tests.surfaces.mcp.truth import END, Cell, Placed, Truth

_FIRST = Placed(start=0.0, end=1.0, is_first=True)


def _judged(*cells: tuple[str, list[Placed]]) -> None:
    truth, notebook = Truth(), nbformat.v4.new_notebook()
    for token, placed in cells:
        truth.cells[token] = Cell(token, placed=placed)
        notebook.cells.append(nbformat.v4.new_code_cell(f"print('{token}')\n{END}", id=token))
    truth.check(notebook)


def test_who_was_put_first_later_stands_further_up() -> None:
    later = Placed(start=2.0, end=3.0, is_first=True)
    _judged(("t000002t", [later]), ("t000001t", [_FIRST]))
    with pytest.raises(AssertionError):
        _judged(("t000001t", [_FIRST]), ("t000002t", [later]))


@pytest.mark.parametrize("is_first", [False, True])
def test_where_a_cell_stands_is_not_known_if_its_last_move_was_never_answered(*, is_first: bool) -> None:
    unanswered = Placed(start=2.0, is_first=is_first)
    for cells in (["t000001t", "t000002t"], ["t000002t", "t000001t"]):
        placed = {"t000001t": [_FIRST], "t000002t": [_FIRST, unanswered]}
        _judged(*((cell, placed[cell]) for cell in cells))
