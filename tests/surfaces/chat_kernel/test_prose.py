"""Which cells are sentences rather than code."""

from __future__ import annotations

import time

import pytest

from neuroworkflow_agent.surfaces.chat_kernel.prose import is_prose

SENTENCES = [
    "which neuron fires fastest?",
    "Plot the rates of all neurons",
    "plot spikes_ms against time, please",
    "Load rates.csv, and tell me whether\nthe second condition fires faster.",
    "what is x.mean() of these values?",
    "Why is my mean (in Hz) so large?",
    "¿cuál es la media de x?",
    "発火率が一番高いのはどれ?",
    "図を描いてください。",
]
PYTHON = [
    "",
    "x",
    "hello world",
    "データ",
    "import numpy as np",
    "from a import b",
    "y is not None",
    "not a in b",
    "x if y else z",
    "raise E from e",
    "print x y",
    "for x in range(3) print(x)",
    "def f(x) return x",
    "if the rate is high:\n    stop = True",
    "x.y z.w a.b = 3",
    "df.groupby('a').mean()",
    "pip install numpy pandas",
    "run the model",
    "ls my data dir",
    "%time foo bar baz",
    "?? what is this",
    "# a comment of some words",
    "select * from table",
    "word " * 1000,
]
R = ["library(ggplot2)", "for x in y", "x <- c(1, 2) mean x", "function of x", "if x then y"]
TYPESCRIPT = ["import React from react", "const x of y", "export default thing", "return the value"]


@pytest.mark.parametrize("language", ["python", "r", "typescript", "javascript"])
@pytest.mark.parametrize("text", SENTENCES)
def test_sentences_are_told(text: str, language: str) -> None:
    assert is_prose(text, language)


@pytest.mark.parametrize(
    ("language", "code"),
    [*(("python", code) for code in PYTHON), *(("r", code) for code in R), *(("typescript", code) for code in TYPESCRIPT)],
)  # fmt: skip
def test_code_right_or_wrong_is_none(language: str, code: str) -> None:
    assert not is_prose(code, language)


@pytest.mark.parametrize("language", ["bash", "octave", "brainfuck"])
def test_where_sentences_may_be_code_there_are_none(language: str) -> None:
    assert not any(is_prose(text, language) for text in SENTENCES)


@pytest.mark.parametrize("run", ["'" * 3900, "'" * 1900 + "." * 1900, "('" * 1900])
def test_a_run_of_marks_is_told_at_once(run: str) -> None:
    since = time.monotonic()
    assert not is_prose(f"Hello {run}{{", "python")
    assert time.monotonic() - since < 2
