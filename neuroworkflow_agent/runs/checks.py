"""What has to be true when a run has ended, and whether it is.

A check passes, fails, or could not be judged: an expression that raises has judged nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from neuroworkflow_agent.runs.expressions import Execute, evaluated, is_true
from neuroworkflow_agent.runs.files import FileChange
from neuroworkflow_agent.text import one_line

Outcome: TypeAlias = Literal["passed", "failed", "unjudged"]
Kind: TypeAlias = Literal[
    "expr",
    "truthful",
    "file",
    "no_file",
    "unchanged",
    "answer",
    "not_answer",
    "falsehood",
    "pictures",
    "cost_usd",
    "seconds",
]
_FALSEHOODS: tuple[Kind, ...] = ("truthful", "falsehood")
"""Checks that fail where the answer states as fact what is false."""
_DETAIL_CHARS = 300


@dataclass(frozen=True, slots=True)
class Check:
    """One condition."""

    kind: Kind
    given: Any
    """An expression, a path, a pattern or a number."""
    name: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What became of it."""

    name: str
    kind: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A run that has ended, as checks look at it."""

    end: str
    """How the turn ended."""
    answer: str
    shown: str
    """What the agent's code showed, as text."""
    execute: Execute
    """In its kernel."""
    language: str
    workspace: Path
    changes: Sequence[FileChange]
    """Of files, the run's own notebook left out."""
    pictures: int
    """How many the notebook holds that were not there before."""
    cost_usd: float | None
    seconds: float
    is_shared: bool = False
    """Whether others worked in the same workspace, so that a change may be theirs."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What all checks say."""

    checks: tuple[CheckResult, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of the expressions that were asked for."""

    @property
    def verdict(self) -> str:
        """`passed` if all did, `failed` if one did, else `unjudged`; empty without checks."""
        outcomes = {each.outcome for each in self.checks}
        return next((word for word in ("failed", "unjudged", "passed") if word in outcomes), "")

    @property
    def states_falsehood(self) -> bool:
        """Whether the answer states as fact what is false."""
        return any(each.kind in _FALSEHOODS and each.outcome == "failed" for each in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For `run.json`."""
        return {
            "verdict": self.verdict,
            "checks": [asdict(each) for each in self.checks],
            "values": dict(self.values),
            "states_falsehood": self.states_falsehood,
        }


def judge(
    checks: Iterable[Check], may_write: Sequence[str] | None, values: Mapping[str, str], state: State
) -> Judged:
    """Look at a run that has ended.

    Parameters
    ----------
    may_write
        Patterns of paths that may be written; None for any.
    values
        Expressions by the names of what is to be kept of them.
    """
    results = [_judged(check, state) for check in checks]
    if may_write is not None:
        results.append(_side_effects(may_write, state))
    return Judged(tuple(results), {name: _value(expression, state) for name, expression in values.items()})


def _judged(check: Check, state: State) -> CheckResult:
    outcome, detail = _JUDGES[check.kind](check.given, state)
    return CheckResult(check.name, check.kind, outcome, one_line(detail, _DETAIL_CHARS))


def _expression(given: Any, state: State) -> tuple[Outcome, str]:
    run = {"end": state.end, "answer": state.answer, "shown": state.shown}
    told, why = is_true(str(given), run, state.execute, state.language)
    if why:
        return "unjudged", why
    return ("passed", "") if told is True else ("failed", "")


def _file(given: Any, state: State) -> tuple[Outcome, str]:
    return ("passed", "") if _matching(given, state) else ("failed", "it is not there")


def _no_file(given: Any, state: State) -> tuple[Outcome, str]:
    found = _matching(given, state)
    return ("failed", f"{found[0]} is there") if found else ("passed", "")


def _unchanged(given: Any, state: State) -> tuple[Outcome, str]:
    changed = [each.path for each in state.changes if matches(each.path, str(given))]
    if changed and state.is_shared:
        return "unjudged", f"{', '.join(changed)} changed, and other runs worked in the same directory"
    return ("failed", f"changed: {', '.join(changed)}") if changed else ("passed", "")


def _answer(given: Any, state: State) -> tuple[Outcome, str]:
    return (
        ("passed", "")
        if re.search(str(given), state.answer, re.IGNORECASE)
        else ("failed", "not in the answer")
    )


def _not_answer(given: Any, state: State) -> tuple[Outcome, str]:
    found = re.search(str(given), state.answer, re.IGNORECASE)
    return ("failed", f"the answer says {found.group()!r}") if found else ("passed", "")


def _pictures(given: Any, state: State) -> tuple[Outcome, str]:
    return _at_least(state.pictures, given, "picture" if state.pictures == 1 else "pictures")


def _cost(given: Any, state: State) -> tuple[Outcome, str]:
    if state.cost_usd is None:
        return "unjudged", "no price is known"
    return _at_most(state.cost_usd, given, "US dollars")


def _seconds(given: Any, state: State) -> tuple[Outcome, str]:
    return _at_most(state.seconds, given, "s")


def _at_least(found: float, wanted: float, unit: str) -> tuple[Outcome, str]:
    return ("passed" if found >= wanted else "failed"), f"{found:g} {unit}"


def _at_most(found: float, wanted: float, unit: str) -> tuple[Outcome, str]:
    return ("passed" if found <= wanted else "failed"), f"{found:.4g} {unit}"


_JUDGES: dict[Kind, Callable[[Any, State], tuple[Outcome, str]]] = {
    "expr": _expression,
    "truthful": _expression,
    "file": _file,
    "no_file": _no_file,
    "unchanged": _unchanged,
    "answer": _answer,
    "not_answer": _not_answer,
    "falsehood": _not_answer,
    "pictures": _pictures,
    "cost_usd": _cost,
    "seconds": _seconds,
}


def _side_effects(may_write: Sequence[str], state: State) -> CheckResult:
    """Whether anything was written that may not be; told by what changed."""
    outside = [
        f"{each.path} (by {each.by})"
        for each in state.changes
        if not any(matches(each.path, pattern) for pattern in may_write)
    ]
    name = "side_effects"
    if not outside:
        return CheckResult(name, name, "passed")
    listed = one_line(", ".join(outside), _DETAIL_CHARS)
    if state.is_shared:
        return CheckResult(name, name, "unjudged", f"{listed}; other runs worked in the same directory")
    return CheckResult(name, name, "failed", f"written though not allowed: {listed}")


def matches(path: str, pattern: str) -> bool:
    """Whether a path from the workspace is one that a pattern names; `**` stands for any directories, and a directory for all in it."""
    return re.fullmatch(_as_regex(pattern.strip("/")), path) is not None


def _as_regex(pattern: str) -> str:
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return f"{''.join(special.get(piece, re.escape(piece)) for piece in pieces)}(?:/.*)?"


def _matching(given: Any, state: State) -> list[str]:
    root = state.workspace
    if Path(str(given)).is_absolute() or ".." in Path(str(given)).parts:
        return []
    return sorted(str(path.relative_to(root)) for path in root.glob(str(given)) if path.is_file())


def _value(expression: str, state: State) -> Any:
    told, why = evaluated(expression, state.execute, state.language)
    return f"not known: {why}" if why else told
