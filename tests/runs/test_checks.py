"""Checks of a run that has ended: passed, failed, or could not be judged."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.kernels.base import Execution, ExecutionError
from neuroworkflow_agent.runs.checks import State, judge, matches
from neuroworkflow_agent.runs.files import FileChange
from neuroworkflow_agent.runs.task import judging_of


def in_namespace(names: dict[str, Any]) -> Any:
    """Runs code as a kernel does, in these names."""

    def execute(code: str, timeout_s: float) -> Execution:
        printed, error = io.StringIO(), None
        try:
            with contextlib.redirect_stdout(printed):
                exec(code, names)
        except Exception as raised:  # noqa: BLE001 - whatever code raises is data
            error = ExecutionError(type(raised).__name__, str(raised), ())
        outputs = ({"output_type": "stream", "name": "stdout", "text": printed.getvalue()},)
        return Execution(code, "error" if error else "ok", outputs, 1, error, 0.0)

    return execute


def state(tmp_path: Path, **more: Any) -> State:
    told: dict[str, Any] = {
        "end": "complete", "shown": "22.5\n3", "answer": "The rate is 22.5 Hz.", "execute": in_namespace({"rate_hz": 22.5, "n": 3}), "language": "python",
        "workspace": tmp_path, "changes": [], "pictures": 1, "cost_usd": None, "seconds": 4.0, **more,
    }  # fmt: skip
    return State(**told)


CHANGES = [FileChange("out.csv", None, "1", "run_code"), FileChange("data/raw.csv", "1", "2", "run_code")]


@pytest.mark.parametrize(
    ("check", "outcome"),
    [
        ("rate_hz > 20", "passed"),
        ("rate_hz > 30", "failed"),
        ("nothing > 30", "unjudged"),
        ("rate_hz >", "unjudged"),
        ("(rate_hz > 20 and\n n == 3)", "passed"),
        ("lambda run: f'{rate_hz} Hz' in run.answer and run.shown and run.end == 'complete'", "passed"),
        ("lambda run: 'kHz' in run.answer", "failed"),
        ("lambda run: run.nothing", "unjudged"),
        ("'x'.startswith", "unjudged"),
        ("type('Model', (), {'__call__': print})()", "passed"),
        ({"truthful": "n == 4"}, "failed"),
        ({"file": "out.csv"}, "passed"),
        ({"file": "*.png"}, "failed"),
        ({"file": "../outside"}, "failed"),
        ({"no_file": "out.*"}, "failed"),
        ({"unchanged": "data"}, "failed"),
        ({"unchanged": "data/other.csv"}, "passed"),
        ({"answer": "22[.]5 hz"}, "passed"),
        ({"not_answer": "kHz"}, "passed"),
        ({"falsehood": "rate is 2"}, "failed"),
        ({"pictures": 1}, "passed"),
        ({"pictures": 2}, "failed"),
        ({"cost_usd": 0.5}, "unjudged"),
        ({"seconds": 3}, "failed"),
    ],
)
def test_each_kind(tmp_path: Path, check: Any, outcome: str) -> None:
    (tmp_path / "out.csv").touch()
    judging = judging_of({"checks": [check]})
    found = judge(judging.checks, None, {}, state(tmp_path, changes=CHANGES))
    assert [each.outcome for each in found.checks] == [outcome]
    assert found.verdict == outcome
    assert found.states_falsehood == (check in ({"falsehood": "rate is 2"}, {"truthful": "n == 4"}))


def test_values_are_kept_as_json_has_them_and_leave_no_name(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    names = {"rate_hz": numpy.float64(22.5), "spikes": numpy.arange(3)}
    wanted = {"rate": "rate_hz", "list": "[rate_hz, 'a']", "odd": "spikes", "gone": "missing"}
    found = judge((), None, wanted, state(tmp_path, execute=in_namespace(names)))
    assert found.values == {
        "rate": 22.5, "list": [22.5, "a"], "odd": "array([0, 1, 2])", "gone": "not known: NameError: name 'missing' is not defined",
    }  # fmt: skip
    assert names.keys() == {"rate_hz", "spikes", "__builtins__"}


def test_write_outside_what_is_allowed_fails_and_is_named(tmp_path: Path) -> None:
    (found,) = judge((), ["out.csv"], {}, state(tmp_path, changes=CHANGES)).checks
    assert (found.outcome, found.detail) == (
        "failed",
        "written though not allowed: data/raw.csv (by run_code)",
    )
    assert judge((), ["out.csv", "data"], {}, state(tmp_path, changes=CHANGES)).verdict == "passed"
    shared = judge((), ["out.csv"], {}, state(tmp_path, changes=CHANGES, is_shared=True))
    assert shared.verdict == "unjudged"


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a/b/c.png", "a", True), ("a/b/c.png", "a/", True), ("a/b/c.png", "**/*.png", True), ("c.png", "**/*.png", True),
        ("a/b/c.png", "*.png", False), ("ab", "a", False), ("a.csv", "a?csv", True), ("a+b", "a+b", True), ("a/b", "*", True),
    ],
)  # fmt: skip
def test_patterns(path: str, pattern: str, fits: bool) -> None:
    assert matches(path, pattern) is fits


def test_other_languages_are_not_judged_by_expressions(tmp_path: Path) -> None:
    found = judge(judging_of({"checks": ["x == 1"]}).checks, None, {}, state(tmp_path, language="r"))
    assert (found.checks[0].outcome, found.checks[0].detail) == ("unjudged", "the kernel's language is r")
