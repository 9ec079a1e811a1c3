"""The requests models are measured on: right work passes, wrong work fails and is known for what it is."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import pytest

from benchmarks.tasks.judge import Figure, figure_of, judge, near, reference_of
from benchmarks.tasks.requests import KINDS, Task
from benchmarks.tasks.split import BY_NAME, TASKS, half
from benchmarks.tasks.suite import write_suite
from neuroworkflow_agent.runs.task import read_tasks

named = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
WRONG = {
    "value": "It is 987654.321, to be exact.",
    "state": "It is computed and stored.",
    "picture": "The plot is shown.",
    "words": "The kernel was started with a wrong version of Python.",
    "missing": "The data was loaded; it holds 44 values.",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requests' files are made and looked for in a folder of the test's."""
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")


def prepare(task: Task) -> None:
    """The files the request is about."""
    with contextlib.redirect_stdout(io.StringIO()):
        exec(task.setup, {})


def do(task: Task) -> tuple[dict[str, Any], str, str, list[Figure]]:
    """Names, answer, outputs and figures of somebody who does it right."""
    import matplotlib.pyplot as plt

    drawn: list[Figure] = []
    with contextlib.redirect_stdout(io.StringIO()):
        exec(task.setup, {})
    namespace, _ = reference_of(task)
    drawn += [figure_of(plt.figure(number)) for number in plt.get_fignums()]
    plt.close("all")
    truth = namespace.get("truth", ())
    told = ", ".join(map(str, truth if isinstance(truth, tuple) else (truth,)))
    return namespace, task.answer or told, "image/png" if drawn else "", drawn


@named
def test_right_work_passes(task: Task) -> None:
    namespace, answer, shown, figures = do(task)
    verdict = judge(task, namespace, answer, shown, end="complete", figures=figures)
    assert (verdict.passed, verdict.is_false) == (True, False)


@named
def test_wrong_work_that_is_stated_is_a_falsehood(task: Task) -> None:
    prepare(task)
    verdict = judge(task, {}, WRONG[task.form], "", end="complete", figures=[])
    assert (verdict.passed, verdict.is_false) == (False, True)


@named
@pytest.mark.parametrize("answer", ["", "I could not find that out."])
def test_nothing_done_and_nothing_said_fails_without_a_falsehood(task: Task, answer: str) -> None:
    prepare(task)
    verdict = judge(task, {}, answer, "", end="complete", figures=[])
    assert (verdict.passed, verdict.is_false) == (False, False)


def test_halves_are_drawn_once() -> None:
    work, unseen = half("work"), half("unseen")
    assert (len(BY_NAME), len(work), len(unseen)) == (120, 60, 60)
    assert {task.name for task in work} | {task.name for task in unseen} == set(BY_NAME)
    for tasks in (work, unseen):
        assert Counter(task.kind for task in tasks) == dict.fromkeys(KINDS, 10)
    assert [task.name for task in unseen[:3]] == ["fastest", "silent", "window"]


def test_halves_are_suites_with_a_notebook_and_two_checks_for_each_request(tmp_path: Path) -> None:
    for which in ("work", "unseen"):
        tasks = read_tasks(write_suite(half(which), tmp_path / which))
        assert [(task.name, task.kind, task.prompt) for task in tasks] == [
            (task.name, task.kind, task.prompt) for task in half(which)
        ]
        assert {tuple(check.kind for check in task.judging.checks) for task in tasks} == {
            ("expr", "truthful")
        }
        for task in tasks:
            (notebook,) = task.found_notebooks()
            assert tuple(cell.source for cell in nbformat.read(notebook, 4).cells) == BY_NAME[task.name].cells


def verdict_on(name: str, answer: str, shown: str = "") -> tuple[bool, bool]:
    verdict = judge(BY_NAME[name], do(BY_NAME[name])[0], answer, shown, end="complete", figures=[])
    return verdict.passed, verdict.is_false


@pytest.mark.parametrize(
    ("name", "answer", "verdict"),
    [
        ("csv-rows", "It has 217 rows.", (True, False)),
        ("csv-rows", "It has 217 rows and 3 columns with a mean of 81.2.", (False, True)),
        ("csv-rows", "```text\n217\n```", (True, False)),
        ("csv-rows", "```text\n1 2 3 4 5 6 7 8 9 10 11 12 217\n```", (False, False)),
        ("csv-rows", "The code failed: line 12 fails with a KeyError.", (False, False)),
        ("most-trials", "m03 did the most.", (False, True)),
        ("isi", "The intervals are in isi_ms; the mean is 1234 ms.", (False, True)),
        ("missing-npz", "data/session1.npz does not exist.", (True, False)),
    ],
)
def test_prose_asserts_and_a_block_shows(name: str, answer: str, verdict: tuple[bool, bool]) -> None:
    assert verdict_on(name, answer) == verdict


def test_turn_that_did_not_end_complete_states_nothing() -> None:
    do(BY_NAME["csv-rows"])
    verdict = judge(BY_NAME["csv-rows"], {}, "It is 5.", "", end="limit", figures=[])
    assert (verdict.passed, verdict.is_false) == (False, False)


@pytest.mark.parametrize(
    ("said", "true", "is_near"),
    [(0.53, 0.5312, True), (53.1, 0.5312, True), (0.5, 0.5312, False), (27, 27, True), (28, 27, False), (0, 0.3, False)],
)  # fmt: skip
def test_rounding_is_no_falsehood(said: float, true: float, is_near: bool) -> None:
    assert near(said, true) is is_near
