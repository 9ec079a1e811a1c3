"""Which code cells are prompts of a chat kernel."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from neuroworkflow_agent.prompt_cells import is_prompt, with_magic
from neuroworkflow_agent.surfaces.chat_kernel.prompts import prompt_in

MARKED = {"neuroworkflow_agent": {"prompt": True}}


@pytest.mark.parametrize("source", ["%chat go\non, please", "\n %%chat\ngo", "%chat"])
def test_cell_that_begins_with_the_magic_is_one(source: str) -> None:
    assert is_prompt(new_code_cell(source))
    assert with_magic(source, {}) == source


@pytest.mark.parametrize("blank", ["\t", "\r", "\u00a0", "\u3000", "\f", "\r\n"])
def test_whatever_blank_follows_the_magic_the_kernel_knows_it_too(blank: str) -> None:
    for magic in ("%chat", "%%chat"):
        assert is_prompt(new_code_cell(f"{magic}{blank}hi"))
        prompt = prompt_in(f"{magic}{blank}hi", {})
        assert prompt is not None
        assert "hi" in (prompt.line, prompt.cell)


@pytest.mark.parametrize("source", ["%chat --new hi", "%context nodes"])
def test_marked_cell_that_is_a_magic_is_that_magic_for_everybody(source: str) -> None:
    assert prompt_in(source, MARKED) == prompt_in(with_magic(source, MARKED), {})


@pytest.mark.parametrize("source", ["x <- 1", "%chatter", "x = '%chat'", ""])
def test_cell_of_code_is_none(source: str) -> None:
    assert not is_prompt(new_code_cell(source))


def test_cell_that_is_marked_is_one_whatever_stands_in_it() -> None:
    assert is_prompt(new_code_cell("x = 1", metadata=MARKED))
    assert with_magic("--help me", MARKED) == "%%chat --\n--help me"
    assert with_magic(" ", MARKED) == " "


@pytest.mark.parametrize("about", [None, "prompt", [], {}, {"prompt": 1}, {"prompt": "true"}])
def test_other_metadata_mark_nothing(about: Any) -> None:
    assert not is_prompt(new_code_cell("x", metadata={"neuroworkflow_agent": about}))
