"""Notebooks that a run has written, opened in JupyterLab: nothing that the model wrote loads anything."""

from __future__ import annotations

import itertools
import random
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from neuroworkflow_agent.events import TextDelta, TurnEnd, TurnStart
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.surfaces.turn_cells import TurnCells
from tests import tiers
from tests.render import hostile
from tests.surfaces.panel.browser.shared import SharedPage

_A_FILE = 50
_RENDERED = "(count) => document.querySelectorAll('.jp-RenderedMarkdown').length >= count"


def _written(answers: list[str]) -> Any:
    notebook = new_notebook()
    for number, answer in enumerate(answers):
        transcript = TurnCells(notebook)
        turn = TurnId(f"turn_{number}")
        for event in (TurnStart(turn, answer), TextDelta(answer), TurnEnd(turn, "complete", "", None, 1.0)):
            transcript.handle(event)
    return notebook


def _requests(page: SharedPage, notebook: Any) -> list[str]:
    """What JupyterLab asks of other hosts when it opens the notebook."""
    count = len(notebook.cells)
    notebook.cells.insert(0, new_code_cell())  # the cell that is selected is not rendered
    page.show_file(nbformat.writes(notebook))
    page.tab.wait_for_function(_RENDERED, arg=count)
    page.tab.wait_for_timeout(1500)  # maths and drawings come later
    return [url for url in page.requests if not url.startswith((page.lab.url, "data:", "blob:"))]


@pytest.mark.timeout(1200 if tiers.THOROUGH else 120)
def test_no_hostile_answer_loads_anything(shared_page: SharedPage) -> None:
    chance = random.Random(tiers.SEED)
    answers = chance.sample(hostile.every_answer(), tiers.count(1000, at_least=_A_FILE))
    answers += itertools.islice(hostile.mixed_answers(chance), tiers.count(1000, at_least=_A_FILE))
    for first in range(0, len(answers), _A_FILE):
        notebook = _written(answers[first : first + _A_FILE])
        assert _requests(shared_page, notebook) == []


def test_the_same_answers_load_where_they_are_written_as_they_come(shared_page: SharedPage) -> None:
    cells = [new_markdown_cell(text) for text in hostile.LOADING]
    assert any(url.startswith(hostile.URL) for url in _requests(shared_page, new_notebook(cells=cells)))
