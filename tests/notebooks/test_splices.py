"""A change of a text is taken back, and nothing that somebody has written beside it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neuroworkflow_agent.notebooks.splices import taken_back


@pytest.mark.parametrize(
    ("before", "after", "now", "expected"),
    [
        ("a = 1", "a = 2", "a = 2", "a = 1"),
        ("a = 1", "a = 2", "a = 2  # theirs", "a = 1  # theirs"),
        ("a = 1", "a = 2", "# theirs\na = 2", "# theirs\na = 1"),
        ("a = 1\nb = 1", "a = 1\nnew\nb = 1", "a = 9\nnew\nb = 1", "a = 9\nb = 1"),
        ("a\nold\nb", "a\nb", "a\nb, theirs", "a\nold\nb, theirs"),
        ("é😀", "é!😀", "é!😀?", "é😀?"),
        ("", "ours", "ours and theirs", " and theirs"),
        ("a = 1", "a = 1", "a = 3", "a = 3"),
        ("a = 1\nb = 1", "a = 2\nb = 1", "# theirs\na = 2\nb = 1  # too", "# theirs\na = 1\nb = 1  # too"),
        ("a = 1", "a = 200", "a = 2!00", None),
        ("x = 0", "x = 1", "y, z = (1, 2)", None),
        ("x = 0", "x = 1", "total(1", None),
        ("a" * 300, "a" * 300 + "b", "c" + "a" * 300 + "bc", "c" + "a" * 300 + "c"),
        ("a" * 3000, "a" * 3000 + "b", "cb" * 3000, None),
        ("a = 1", "b = 2", "c = 3", None),
        ("old", "ours", "", None),
    ],
)
def test_change_is_taken_back_beside_another(before: str, after: str, now: str, expected: str | None) -> None:
    assert taken_back(before, after, now) == expected


TEXT = st.text("ab\n", max_size=6)


@given(head=TEXT, removed=TEXT, put_in=TEXT, tail=TEXT, typed=st.text("XY", min_size=1, max_size=4))
def test_what_is_typed_elsewhere_stays(head: str, removed: str, put_in: str, tail: str, typed: str) -> None:
    before, after = head + removed + tail, head + put_in + tail
    assume(after)  # else nothing says on which side it was typed
    assert taken_back(before, after, after + typed) == before + typed
    assert taken_back(before, after, typed + after) == typed + before
