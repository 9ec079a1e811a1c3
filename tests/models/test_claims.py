"""What of a small model's text and code is made up."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.models.local.claims import (
    ProseGate,
    is_invented,
    is_repetition,
    is_supported,
    overwritten,
)

CELL = "import numpy as np\nrates = np.load('rates.npy')\nn = 40"


@pytest.mark.parametrize(
    ("sentence", "evidence", "supported"),
    [
        ("The rate is 66.2 Hz.", "66.2381", True),
        ("The rate is 66 Hz.", "66.2381", True),
        ("The rate is 67 Hz.", "66.2381", False),
        ("It is -3.", "-3", True),
        ("It is 3.", "-3", False),
        ("It is 0.", "0.3", False),
        ("Neuron 1 fires fastest.", "27 66.2", False),
        ("It has 1,210 spikes.", "1210", True),
        ("It was a Sunday.", "", False),
        ("It was a Sunday.", "Sunday", True),
        ("The equation is by Walther Nernst.", "the nernst equation", False),
        ("Use Python for it.", "", True),
        ("An action potential travels along the axon.", "", True),
        ("See unit_7 in x2.", "", True),
    ],
)
def test_numbers_names_and_dates_need_support(sentence: str, evidence: str, supported: bool) -> None:
    assert is_supported(sentence, evidence) is supported


@pytest.mark.parametrize("size", [1, 4, 100])
def test_gate_leaves_out_a_sentence_and_goes_on(size: int) -> None:
    text = "A spike is short. It lasts 1.5 ms on average. Then comes a pause.\nDone"
    gate = ProseGate("what is a spike?")
    shown = "".join(gate.feed(text[at : at + size]) for at in range(0, len(text), size)) + gate.finish()
    assert shown == "A spike is short. Then comes a pause.\nDone"
    assert not gate.is_open


@pytest.mark.parametrize(
    ("code", "printed", "asked", "invented"),
    [
        ("print('The CV is', 0.53)", "The CV is 0.53", "what is the CV?", True),
        ("print('neuron 27')", "neuron 27", "which neuron?", True),
        ("cv = 0.53\nprint(cv)", "0.53", "cv?", True),
        ("print(37 * 41)", "1517", "37 * 41?", False),
        ("x = 5\nprint(x)", "5", "put 5 into x", False),
        ("print(len(rows))", "217", "how many?", False),
        ("print('done')", "done", "save it", False),
        ("print(3, len(rows))", "3 217", "how many?", False),
    ],
)
def test_printed_number_has_to_be_computed(code: str, printed: str, asked: str, invented: bool) -> None:
    assert is_invented(code, printed, asked) is invented


@pytest.mark.parametrize(
    ("code", "repeats"),
    [
        (CELL, True),
        ("# load\nn = 40", True),
        ("import os\nn = 40", True),
        (CELL + "\nprint(rates.mean())", False),
        ("print(rates.mean())", False),
    ],
)
def test_user_s_own_cell_is_known_again(code: str, repeats: bool) -> None:
    assert is_repetition(code, CELL) is repeats
    assert not is_repetition(code, "")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("rates = [1.0, 2.0]", "rates"),
        ("rates = np.random.rand(9)", "rates"),
        ("rates = rates[rates > 0]", ""),
        ("fast = rates > 5", ""),
        ("rates, k = [1], 2", "rates"),
        ("other = 3", ""),
        ("not python at all", ""),
    ],
)
def test_user_s_data_is_not_made_up_again(code: str, name: str) -> None:
    assert overwritten(code, ("rates", "n")) == name
