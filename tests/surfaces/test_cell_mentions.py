"""Cells that a message names: which ones are meant, what the model gets of them, and what is said when there is none."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.notebooks.document import Holder, NotebookDocument
from neuroworkflow_agent.notebooks.edits import Applied, Edit
from neuroworkflow_agent.surfaces.cell_mentions import attach_cells, completions


class Held(Holder):
    """A notebook in memory."""

    def __init__(self, *cells: Any) -> None:
        self.notebook = new_notebook(cells=list(cells))
        self.reads = 0

    @property
    def name(self) -> str:
        return "a.ipynb"

    async def read(self) -> Any:
        self.reads += 1
        return self.notebook

    async def apply(self, _edits: Sequence[Edit], _running: Collection[str]) -> list[Applied]:
        raise AssertionError("A message changes nothing.")


def picture(colour: str) -> Any:
    Image.new("RGB", (8, 8), colour).save(buffer := io.BytesIO(), "PNG")
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode(), "text/plain": "<Figure>"}
    return new_output("display_data", data)


@pytest.fixture
def held() -> Held:
    plot = new_code_cell("plot(x)", id="plot", execution_count=7, outputs=[picture("red"), picture("blue")])
    return Held(
        new_markdown_cell("# Rates", id="title"),
        new_code_cell("x = 1\nx", id="load", execution_count=5, outputs=[new_output("stream", text="secret 1")]),
        plot,
        new_code_cell("twin(1)", id="one", execution_count=9),
        new_code_cell("twin(2)", id="two", execution_count=9),
        new_code_cell("", id="5"),
    )  # fmt: skip


async def attached(held: Held, prompt: str, **more: Any) -> list[tuple[str, str, int]]:
    """Label, text and number of pictures."""
    made = await attach_cells(prompt, NotebookDocument(held), secrets=["secret"], **more)
    return [(each.label, each.text, len(each.pictures)) for each in made]


@pytest.mark.parametrize("before", range(9_940, 9_980, 5))
async def test_secret_is_kept_back_where_a_cell_is_cut(before: int) -> None:
    held = Held(new_code_cell(f"{'a' * before}{'secret' * 5}{'b' * 60_000}", id="long"))
    made = await attach_cells("@cell long", NotebookDocument(held), secrets=["secret" * 5])
    assert "secret" not in made[0].text


async def test_number_is_the_one_beside_the_cell_and_an_id_names_any(held: Held) -> None:
    for prompt in (
        "Why is @cell 5 slow?",
        "See @cell [5].",
        "@cell load, please",
        "(@cell 5 and @cell load)",
    ):
        ((label, text, pictures),) = await attached(held, prompt)
        assert label in ("cell [5]", "cell load")
        assert text.startswith(
            "The user points at a cell of a.ipynb: [5], code, run 5, id load, number 2 from the top."
        )
        assert "x = 1\nx\nOutputs:" in text
        assert "secret" not in text
        assert pictures == 0
    ((_, text, pictures),) = await attached(held, "Make @cell 7 larger.")
    assert (text.count("<Figure>"), pictures) == (2, 2)
    ((_, text, _),) = await attached(held, "Shorten @cell title.")
    assert text.endswith("# Rates")


@pytest.mark.parametrize(
    "prompt",
    ["mail me@cell 5", "@cellular 5", "@cell\n5", "@app.cell 5", "a selection", "@rates", "@selections"],
)
async def test_other_words_name_no_cell(held: Held, prompt: str) -> None:
    assert await attached(held, prompt) == []
    assert held.reads == 0


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("6", "No cell has the number [6] beside it. Near it are [5] (x = 1), [7] (plot(x)), [9] (twin(1)) and [9] (twin(2))."),
        ("9", "'@cell one' (twin(1)) and '@cell two' (twin(2))"),
        ("plotx", "The notebook has no cell 'plotx'. It has 'plot' (plot(x))."),
    ],
)  # fmt: skip
async def test_near_ones_are_named_where_there_is_no_such_cell(held: Held, reference: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await attached(held, f"Fix @cell {reference}")
    assert said in str(caught.value)


async def test_notebook_that_was_not_run_says_how_cells_are_named() -> None:
    with pytest.raises(ConfigError, match=r"none was run\. A cell without one is named by its id: .@cell ID"):
        await attached(Held(new_code_cell("x")), "Fix @cell 1")


async def test_selection_is_what_the_page_says(held: Held) -> None:
    ((label, text, _),) = await attached(
        held, "Explain @selection.", selection={"cells": ["load"], "text": "x = 1"}
    )
    assert label == "selection"
    assert "the user has selected:\nx = 1\nThe whole cell:\nx = 1\nx" in text
    both = await attached(held, "Join @selection", selection={"cells": ["one", "two"], "text": ""})
    assert [text.rpartition("\n")[2] for _, text, _ in both] == ["twin(1)", "twin(2)"]
    with pytest.raises(ConfigError, match="Name the cell instead, as in '@cell 5'"):
        await attached(held, "Explain @selection.")


async def test_many_long_cells_share_one_budget() -> None:
    held = Held(*[new_code_cell(f"x{n} = 1\n" * 20_000, id=f"c{n}") for n in range(21)])
    made = await attached(held, " ".join(f"@cell c{n}" for n in range(20)))
    assert len(made) == 20
    assert sum(len(text) for _, text, _ in made) <= 40_000
    with pytest.raises(ConfigError, match="20 cells at most"):
        await attached(held, " ".join(f"@cell c{n}" for n in range(21)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["cell", "selection"]),
        ("sel", ["selection"]),
        ("rates", []),
        ("cell", ["cell title", "cell 5", "cell 7", "cell one", "cell two", "cell 5"]),
        ("cell 7", ["cell 7"]),
        ("cell twin", ["cell one", "cell two"]),
        ("cell loa", ["cell 5"]),
        ("cell RATES", ["cell title"]),
    ],
)
async def test_cells_are_completed_by_number_id_and_text(held: Held, query: str, found: list[str]) -> None:
    assert [each["value"] for each in await completions(NotebookDocument(held), query, 12)] == found
