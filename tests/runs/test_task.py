"""Tasks and suites as YAML files."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.task import judging_of, read_tasks
from neuroworkflow_agent.yaml_files import parse_value


def test_rows_are_combined_with_each(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").touch()
    (tmp_path / "subjects.csv").write_text("subject,rate_hz\n007,22.5\nm2,1e3\n")
    path = tmp_path / "task.yaml"
    path.write_text(
        "notebook: '*.ipynb'\nprompt: go\n"
        "parameters:\n  csv: subjects.csv\n  each: {seed: [1, 2]}\n  set: {day: 2026-11-26}\n"
    )
    (task,) = read_tasks(path)
    assert task.name == "task"
    assert task.found_notebooks() == [tmp_path / "a.ipynb"]
    assert list(task.rows()) == [
        {"day": "2026-11-26", "subject": subject, "rate_hz": rate, "seed": seed}
        for subject, rate in (("007", 22.5), ("m2", 1000.0))
        for seed in (1, 2)
    ]


def test_suite_takes_tasks_and_their_files(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("notebook: a.ipynb\n")
    suite = tmp_path / "suite.yaml"
    suite.write_text("models: [local]\ntasks:\n  - one.yaml\n  - {notebook: b.ipynb, kind: plots}\n")
    assert [(task.name, task.kind) for task in read_tasks(suite)] == [("one", ""), ("suite-2", "plots")]
    suite.write_text("tasks: [one.yaml, one.yaml]\n")
    with pytest.raises(RunError, match="two tasks named 'one'"):
        read_tasks(suite)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompt: go\n", "'notebook' is a required property"),
        ("notebook: a.ipynb\nchekcs: []\n", "'chekcs' was unexpected"),
        ("notebook: a.ipynb\nchecks: [{file: a, answer: b}]\n", "one condition, not 2"),
        ("notebook: a.ipynb\ntimeout: -1\n", "timeout"),
        ("notebook: [a.ipynb\n", "not YAML"),
        ("notebook: !!python/object/apply:os.system ['true']\n", "not YAML"),
        ("a: &a [1]\nb: *a\n", "aliases are not read"),
        ("notebook: a\nnotebook: b\n", "there twice"),
        ("- a\n", "not of type 'object'"),
        ("", "not of type 'object'"),
        ("notebook: nothing*.ipynb\n", "names no notebook"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(text)
    with pytest.raises(RunError, match=said):
        read_tasks(path)[0].found_notebooks()


def test_judging_reads_what_it_writes() -> None:
    told = {
        "checks": ["x > 1", {"name": "made", "file": "a.csv"}],
        "side_effects": {"may_write": ["a.csv"]},
        "values": {"x": "x"},
    }
    assert judging_of(judging_of(told).as_json()) == judging_of(told)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-2.5e1", -25.0), ("007", "007"), ("true", True), ("None", None), ("yes", "yes"), ("[1, 2]", [1, 2]), ("[x", "[x"), ("a b", "a b"), ("NaN", "NaN")],
)  # fmt: skip
def test_values_of_the_command_line(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)
