"""Cursors of others, as pages of JupyterLab tell them."""

from __future__ import annotations

from typing import Any

import pytest
from jupyter_ydoc import YNotebook
from pycrdt import Assoc, Doc

from neuroworkflow_agent.notebooks.cursors import cells_with_cursors

SOURCES = ("first", "é😀 = 1\nx", "", "last")


def document() -> YNotebook:
    made = YNotebook(Doc(client_id=7))
    cells = [
        {"cell_type": "raw", "id": f"c{number}", "metadata": {}, "source": source}
        for number, source in enumerate(SOURCES)
    ]
    made.set({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    return made


def at(notebook: YNotebook, cell: int, index: int) -> dict[str, Any]:
    """What a page tells of a cursor, which counts characters as UTF-16 has them."""
    text = notebook.ycells[cell]["source"]
    if index == _length(str(text)):
        place = {"type": text.sticky_index(0, Assoc.BEFORE).to_json()["type"], "item": None}
    else:
        client, clock = text.sticky_index(0, Assoc.AFTER).to_json()["item"].values()
        place = {"type": None, "item": {"client": client, "clock": clock + index}}
    head = {**place, "tname": None, "assoc": 0}
    return {
        "user": {"name": "A"},
        "cursors": [{"anchor": head, "head": head, "primary": True, "empty": True}],
    }


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(("cell", "text"), list(enumerate(SOURCES)))
def test_the_cell_of_a_cursor_is_known_wherever_it_is_in_it(cell: int, text: str) -> None:
    notebook = document()
    for index in range(_length(text) + 1):
        assert {f"c{cell}"} == cells_with_cursors(notebook, [at(notebook, cell, index)])


def test_cursors_stay_known_while_others_type_and_cells_come_and_go() -> None:
    notebook = document()
    states = [at(notebook, 0, 2), at(notebook, 3, 4), {}, None]
    notebook.ycells[0]["source"].insert(0, "more ")
    del notebook.ycells[1]
    assert cells_with_cursors(notebook, states) == {"c0", "c3"}


def test_a_cursor_in_what_is_gone_is_in_no_cell() -> None:
    notebook = document()
    states = [at(notebook, 0, 2), at(notebook, 3, 1), at(notebook, 3, 4)]
    del notebook.ycells[0]["source"][0:4]
    del notebook.ycells[3]
    other = YNotebook(Doc())
    other.ydoc.apply_update(notebook.ydoc.get_update())
    for each in (notebook, other):
        assert cells_with_cursors(each, states) == frozenset()


@pytest.mark.parametrize(
    "state",
    [
        None, 3, "x", {"cursors": None}, {"cursors": {"head": 1}}, {"cursors": [None, {"head": "x"}, {"head": {}}]},
        *(
            {"cursors": [{"head": {key: found}}]}
            for key in ("item", "type")
            for found in (
                None, 1, {"client": 7}, {"client": "7", "clock": 1}, {"client": -1, "clock": -1}, {"client": 7, "clock": 1 << 70},
                {"client": 99, "clock": 0}, {"client": 7, "clock": 1e9}, {"client": True, "clock": True}, {"client": 7, "clock": 0},
            )
        ),
        {"cursors": [{"head": {"tname": "cells"}}]}, {"cursors": [{"head": {"tname": "none"}}] * 1000},
    ],
)  # fmt: skip
def test_what_is_not_a_cursor_in_a_text_is_passed_over(state: Any) -> None:
    assert cells_with_cursors(document(), [state]) == frozenset()
