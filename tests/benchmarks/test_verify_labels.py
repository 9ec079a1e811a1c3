"""The labels that `verify` is measured against, and the notebooks made bad for it."""

from __future__ import annotations

import base64
import copy
import io
import random
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from benchmarks.verify_changes import changes
from benchmarks.verify_labels import differing, label, shown


def said(*texts: str) -> Any:
    return shown([new_output("stream", name="stdout", text=text) for text in texts])


def drawn(level: int) -> str:
    """A picture of one pixel."""
    made = io.BytesIO()
    Image.new("RGB", (1, 1), (100, 100, level)).save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


def displayed(**data: str) -> Any:
    return shown(
        [new_output("display_data", data={kind.replace("_", "/"): each for kind, each in data.items()})]
    )


@pytest.mark.parametrize(
    ("before", "fresh", "expected"),
    [
        (["a 1", "a 1"], ["a 1"], "good"),
        (["a 1", "a 1"], ["a 2"], "bad"),
        (["took 0.12 s", "took 0.15 s"], ["took 9.1 s"], "good"),
        (["took 0.12 s: 3", "took 0.15 s: 3"], ["took 9.1 s: 4"], "bad"),
        (["<A at 0x7f01>", "<A at 0x7f02>"], ["<B at 0x7f03>"], "bad"),
        (["5", "5"], ["5", "6"], "good"),
        (["5", "5"], ["6", "7"], "unclear"),
        (["1 2", "1 2 3"], ["1 2"], "unclear"),
        (["1", "1"], ["1", "1 2"], "unclear"),
        (["1", "1"], ["1 2"], "bad"),
        (["a", "a"], [""], "bad"),
    ],
)
def test_what_all_runs_agree_on_is_a_result(before: list[str], fresh: list[str], expected: str) -> None:
    assert label([said(each) for each in before], [said(each) for each in fresh]) == expected


def test_what_counts_is_on_the_screen_and_every_byte_of_it() -> None:
    assert said("a\n", "b") == said("a\nb")
    assert displayed(text_html="<b>1</b>", text_plain="x") == displayed(text_html="<b>1</b>", text_plain="y")
    picture, other, alike = (displayed(image_png=drawn(level), text_plain="x") for level in (100, 109, 108))
    assert (label([picture], [other]), differing([picture], [other])) == ("bad", ("image/png",))
    assert label([picture], [alike]) == "good"
    failed = shown([new_output("error", ename="E", evalue="v", traceback=[])])
    assert differing([said("a")], [failed]) == ("error", "stdout")
    assert shown([new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}})]) == ()


def test_a_change_is_one_and_leaves_the_outputs() -> None:
    cells = [
        new_code_cell(f"a{n} = {n}.5 + b\nprint(a{n}, True)", outputs=[new_output("stream", name="stdout", text=str(n))])
        for n in range(6)
    ]  # fmt: skip
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), *cells])
    before = copy.deepcopy(notebook)
    made = list(changes(notebook, random.Random(5), 12))
    assert notebook == before
    assert len({tuple(cell.source for cell in changed.cells) for _, changed in made}) == 12
    assert {kind for kind, _ in made} == {"delete", "move", "edit", "cut"}
    outputs = {cell.id: cell.outputs for cell in cells}
    for kind, changed in made:
        code = (
            changed.cells if kind == "move" else [cell for cell in changed.cells if cell.cell_type == "code"]
        )
        assert all(cell.outputs == outputs[cell.id] for cell in code if cell.cell_type == "code")
        assert len(changed.cells) == len(before.cells) - (kind == "delete")
