"""What a request is about, as far as its words tell."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.models.local.request import Request, missing_file, short_error

FAILED = "In [1]:\ncount = len(trial)\nNameError: name 'trial' is not defined"


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("which neuron fires fastest?", True),
        ("What is the mean of rates?", True),
        ("load data/session1.npz", True),
        ("explain what rates holds", True),
        ("What is in log.csv?", True),
        ("Which day was 3 May 1999?", True),
        ("Hello!", False),
        ("Say hello.", False),
        ("Write a poem of forty lines about a neuron.", False),
        ("What is an action potential?", False),
        ("Explain the Fano factor.", False),
        ("how does a synapse work?", False),
    ],
)
def test_only_talk_needs_no_code(text: str, needs: bool) -> None:
    assert Request(text, names=("rates",)).needs_code is needs


@pytest.mark.parametrize(
    ("text", "why", "repair"),
    [
        ("Why did my cell fail?", True, False),
        ("what does this error mean", True, False),
        ("fix it", False, True),
        ("Why does it fail? Repair it.", False, True),
        ("make it work", False, True),
    ],
)
def test_reason_and_repair_are_told_apart(text: str, why: bool, repair: bool) -> None:
    request = Request(text, FAILED)
    assert (request.asks_why, request.is_repair) == (why, repair)
    assert (Request(text).asks_why, Request(text).is_repair) == (False, False)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("load data/session1.npz", "data/session1.npz"),
        ("mean of x in run 3.csv", "3.csv"),
        ("save it as out.csv", ""),
        ("plot e.g. the trace", ""),
    ],
)
def test_file_to_be_read_is_found(text: str, file: str) -> None:
    assert Request(text).reads == file


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (
            FAILED,
            "`NameError: name 'trial' is not defined`. Nothing of that name exists here; there is `trials`.",
        ),
        (
            "Error: ModuleNotFoundError: No module named 'neo.io'",
            "The package `neo` is not installed in this kernel",
        ),
        ("Error: KeyError: 'sst'", "The cell stopped with this error: `KeyError: 'sst'`."),
    ],
)
def test_failed_cell_is_explained_by_its_own_error(cells: str, says: str) -> None:
    assert says in Request("why?", cells, ("trials", "n")).explanation


@pytest.mark.parametrize(
    ("output", "file"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: 'data/session1.npz'", "data/session1.npz"),
        ("FileNotFoundError: a.npy not found.", "a.npy"),
        ("KeyError: 'x'", ""),
    ],
)
def test_missing_file_is_named(output: str, file: str) -> None:
    assert missing_file(output) == file


def test_repair_is_asked_for_in_words() -> None:
    assert Request("make it work", FAILED).names_repair
    assert not Request("plot the trials", FAILED).names_repair
    assert not Request("make it work").names_repair


def test_error_is_cut_to_its_place_and_its_words() -> None:
    assert (
        short_error("---\nNameError  Traceback\n      1 a = 1\n----> 2 b\n\nNameError: b")
        == "at: b\nNameError: b"
    )
    assert short_error("SyntaxError: bad") == "SyntaxError: bad"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("compute the intervals into isi_ms", "isi_ms"),
        ("Smooth it over 5 samples (mode 'same'), as smooth.", "smooth"),
        ("z-score the signal and call it z", "z"),
        ("Store the spike times in a list spikes.", "spikes"),
        ("put them in a list called found", "found"),
        ("Make samples with mean 2, called noise.", "noise"),
        ("Save settings as settings.json.", ""),
        ("Show the matrix as an image with a colour bar.", ""),
        ("leave it as it is", ""),
        ("mean rate in Hz?", ""),
        ("How many spikes are in bin 3?", ""),
    ],
)
def test_name_of_the_result_is_found(text: str, name: str) -> None:
    assert Request(text).result == name
