"""A comment that is being written, told as a sentence."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.models.local.plan import PlanReader

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
        ("# neuron 27 fires at 66.2 Hz\n", ""),
        ("# in Paris we count\n", ""),
        ("# the mean", ""),
        ("#\n# the mean of x\n", ""),
        ("x = 1  # the mean of x\n", ""),
        ("\n# the mean of x\n", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_comment_becomes_a_sentence_up_to_what_nobody_said(code: str, sentence: str, size: int) -> None:
    assert "".join(told(code, size)) == sentence


def test_words_are_told_as_soon_as_they_are_whole() -> None:
    assert told("# the mean of x, then its spread\n", 4) == ["The mean of", " x,", " then", " its", " spread.\n\n"]  # fmt: skip
