"""Texts that are cut."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.text import one_line


@pytest.mark.parametrize(
    ("text", "max_chars", "line"),
    [
        ("a = 1\n  b = 2", 40, "a = 1 b = 2"),
        ("%chat plot the rates and raise the threshold", 40, "%chat plot the rates and raise the thre…"),
        ("ab cd", 4, "ab…"),
        ("x" * 300, 200, f"{'x' * 70} [… 160 of 300 characters left out …] {'x' * 70}"),
    ],
)
def test_a_line_that_is_cut_keeps_its_beginning(text: str, max_chars: int, line: str) -> None:
    assert one_line(text, max_chars) == line
    assert len(line) <= max_chars
