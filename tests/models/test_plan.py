"""A comment that is being written, told as a sentence."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.models.local.plan import UNTOLD, PlanReader

ASKED = "which trials at 20 Hz are fast?"


def told(code: str, size: int) -> list[str]:
    reader = PlanReader(ASKED)
    pieces = [reader.feed(code[start : start + size]) for start in range(0, len(code), size)]
    return [piece for piece in (*pieces, reader.finish()) if piece]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("# the mean of x, then its spread\nx.mean()\n", "The mean of x, then its spread.\n\n"),
        ("# what is the mean?\nx.mean()", "What is the mean?\n\n"),
        ("#the mean: \nfoo of the bar\n", "The mean.\n\n"),
        ("# rates at 20 Hz: e.g. of x.\n", "Rates at 20 Hz: e.g. of x.\n\n"),
        ("# counts of all 500 trials\n", "Counts of all …\n\n"),
        ("# the mean over the mon", "The mean over the …\n\n"),
        ("# neuron 27 fires at 66.2 Hz\n", UNTOLD),
        ("# in Paris we count\n", UNTOLD),
        ("# the mean", ""),
        ("#\n# the mean of x\n", UNTOLD),
        ("x = 1  # the mean of x\n", UNTOLD),
        ("\n# the mean of x\n", UNTOLD),
        ("", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_comment_becomes_a_sentence_up_to_what_nobody_said(code: str, sentence: str, size: int) -> None:
    assert "".join(told(code, size)) == sentence


def test_words_are_told_as_soon_as_they_are_whole() -> None:
    assert told("# the mean of x, then its spread\n", 4) == ["The mean of", " x,", " then", " its", " spread.\n\n"]  # fmt: skip


def test_comment_that_takes_long_to_come_is_told_after_what_is_told_meanwhile() -> None:
    reader = PlanReader(ASKED)
    assert [reader.hurry(), reader.hurry()] == [UNTOLD, ""]
    assert reader.feed("# the mean of x\n") == "The mean of x.\n\n"
    reader = PlanReader(ASKED)
    assert [reader.hurry(), reader.feed("x = 1\n"), reader.finish()] == [UNTOLD, "", ""]
    reader = PlanReader(ASKED)
    assert [reader.feed("# the mean of x"), reader.hurry()] == ["The mean of", ""]
