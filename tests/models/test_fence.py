"""The first Python block of a text, however it is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroworkflow_agent.models.local.fence import FenceReader, repeats

CASES = [
    ("Hello.", "Hello.", None),
    ("Look:\n```python\nx = 1\nx\n```\nmore", "Look:\n", "x = 1\nx"),
    ("```py\nx\n```", "", "x"),
    ("```\nx\n```", "", "x"),
    ("```python\nnever closed", "", "never closed"),
    ("use `x` and ``y``", "use `x` and ``y``", None),
    ("```python\ns = '''```'''\n```", "", "s = '''```'''"),
    ("```json\n{}\n```", "```json\n{}\n```", None),
    ("```python\n```", "", ""),
    ("", "", None),
]


@pytest.mark.parametrize(("text", "prose", "code"), CASES)
@given(sizes=st.lists(st.integers(1, 7), min_size=1))
def test_pieces_do_not_matter(text: str, prose: str, code: str | None, sizes: list[int]) -> None:
    reader, shown, rest = FenceReader(), "", text
    while rest:
        size = sizes[len(rest) % len(sizes)]
        shown += reader.feed(rest[:size])
        rest = rest[size:]
    shown += reader.finish()
    assert (shown, reader.code) == (prose, code)


def test_circles_are_noticed() -> None:
    reader = FenceReader()
    reader.feed("```python\n" + "print('the same line')\n" * 10)
    assert reader.is_done
    reader.finish()
    assert reader.code is None


@pytest.mark.parametrize("text", ["x = 1\ny = 2\n", "[0, 0, 0, 0, 0, 0]", "-" * 40, "1, 2, 3, 4, 5, 6, 7, 8"])
def test_ordinary_repetition_is_not_a_circle(text: str) -> None:
    assert not repeats(text)
