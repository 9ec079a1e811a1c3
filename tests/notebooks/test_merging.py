"""Two versions of a notebook become one by the ids of their cells, or stay two."""

from __future__ import annotations

import copy
import random
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from neuroworkflow_agent.notebooks.merging import fingerprint, merge
from tests import tiers


def versions() -> tuple[Any, Any, Any]:
    base = new_notebook(cells=[new_code_cell(f"{name} = 1", id=name) for name in "abcd"])
    return fingerprint(base), copy.deepcopy(base), copy.deepcopy(base)


def ids(notebook: Any) -> str:
    return " ".join(cell.id for cell in notebook.cells)


def test_what_each_side_changed_is_there_and_ours_stay_the_same_objects() -> None:
    base, ours, theirs = versions()
    mine = ours.cells[0]
    mine.source = "a = 2"
    ours.cells.append(new_code_cell("our end", id="x"))
    theirs.cells[1].source, theirs.metadata["theirs"] = "b = 2", True
    theirs.cells.insert(1, new_code_cell("their middle", id="y"))
    del theirs.cells[3]
    assert merge(base, ours, theirs)
    assert ids(ours) == "a y b d x"
    assert [cell.source for cell in ours.cells] == ["a = 2", "their middle", "b = 2", "d = 1", "our end"]
    assert ours.cells[0] is mine
    assert ours.metadata["theirs"]
    nbformat.validate(ours)


def test_move_of_either_side_is_kept() -> None:
    base, ours, theirs = versions()
    ours.cells.append(ours.cells.pop(0))
    theirs.cells.insert(0, new_code_cell("", id="t"))
    assert merge(base, ours, theirs)
    assert ids(ours) == "t b c d a"
    base, ours, theirs = versions()
    theirs.cells.append(theirs.cells.pop(0))
    ours.cells.append(new_code_cell("", id="x"))
    assert merge(base, ours, theirs)
    assert ids(ours) == "b c d x a"


@pytest.mark.parametrize(
    "change", ["both the same cell", "ours away", "theirs away", "metadata", "no ids", "twins"]
)
def test_what_cannot_be_merged_changes_nothing(change: str) -> None:
    base, ours, theirs = versions()
    match change:
        case "both the same cell":
            ours.cells[0].source, theirs.cells[0].source = "ours", "theirs"
        case "ours away":
            theirs.cells[0].source = "theirs"
            del ours.cells[0]
        case "theirs away":
            ours.cells[0].source = "ours"
            del theirs.cells[0]
        case "metadata":
            ours.metadata["x"], theirs.metadata["x"] = 1, 2
        case "no ids":
            theirs.nbformat_minor = 4
            for cell in theirs.cells:
                del cell["id"]
        case _:
            theirs.cells.append(copy.deepcopy(theirs.cells[0]))
    before = copy.deepcopy(ours)
    assert not merge(base, ours, theirs)
    assert ours == before


def test_random_versions_lose_and_double_nothing() -> None:
    chance = random.Random(tiers.SEED)
    merged = 0
    for _ in range(tiers.count(10_000, at_least=400)):
        base, ours, theirs = versions()
        wanted: dict[str, str] = {cell.id: cell.source for cell in ours.cells}
        for side, name in ((ours, "o"), (theirs, "t")):
            for step in range(chance.randrange(4)):
                _change(side, chance, f"{name}{step}", wanted)
        if merge(base, ours, theirs):
            merged += 1
            assert {cell.id: cell.source for cell in ours.cells} == wanted
            nbformat.validate(ours)
    assert merged > 100


def _change(side: Any, chance: random.Random, name: str, wanted: dict[str, str]) -> None:
    place = chance.randrange(len(side.cells)) if side.cells else -1
    match chance.choice(["insert", "edit", "move", "delete"]):
        case "insert":
            side.cells.insert(place + chance.randrange(2), new_code_cell(name, id=name))
            wanted[name] = name
        case "edit" if place >= 0:
            side.cells[place].source = wanted[side.cells[place].id] = f"by {name}"
        case "move" if place >= 0:
            side.cells.insert(chance.randrange(len(side.cells)), side.cells.pop(place))
        case "delete" if place >= 0:
            wanted.pop(side.cells.pop(place).id, None)
