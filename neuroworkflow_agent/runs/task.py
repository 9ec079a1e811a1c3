"""A task as its YAML file says it: what to ask, of which notebooks, with which values, and what has to be true then.

`task.schema.json` beside this module says which files are tasks and suites; editors complete by it.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.checks import Check, Kind
from neuroworkflow_agent.yaml_files import parse_value, read_yaml

SCHEMA = Path(__file__).with_name("task.schema.json")
_SESSION = ("mode", "max_turns", "max_budget_usd")
_JOB = {
    "prepare": "prepare",
    "execute": "execute",
    "kernel": "kernel",
    "timeout": "timeout_s",
    "allow_errors": "allow_errors",
}


@dataclass(frozen=True, slots=True)
class Judging:
    """What is looked at when a run has ended."""

    checks: tuple[Check, ...] = ()
    may_write: tuple[str, ...] | None = None
    """Patterns of what may be written; None for anything."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Expressions whose values are kept, by name."""

    def as_json(self) -> dict[str, Any]:
        """JSON-safe, and read back by `judging_of`."""
        return {
            "checks": [{"name": each.name, each.kind: each.given} for each in self.checks],
            "may_write": None if self.may_write is None else list(self.may_write),
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Task:
    """One file, checked."""

    name: str
    kind: str
    root: Path
    """The directory that its paths start from."""
    notebooks: tuple[str, ...]
    """Paths or patterns."""
    prompt: str | None
    parameters: Mapping[str, Any]
    inputs: tuple[str, ...]
    models: tuple[str, ...]
    """Empty for what a run would choose."""
    repetitions: int
    isolated: bool | None
    """Whether each run works in a directory of its own; None where the file does not say."""
    job: Mapping[str, Any]
    """Settings of the run: `prepare`, `execute`, `kernel`, `timeout_s`, `allow_errors`."""
    session: Mapping[str, Any]
    """Settings of its session: `mode`, `max_turns`, `max_budget_usd`."""
    judging: Judging

    def found_notebooks(self) -> list[Path]:
        """The notebooks that it names, in order.

        Raises
        ------
        RunError
            If a pattern names none.
        """
        found: list[Path] = []
        for pattern in self.notebooks:
            given = Path(pattern).expanduser()
            base, rest = (
                (Path(given.anchor), str(given.relative_to(given.anchor)))
                if given.is_absolute()
                else (self.root, pattern)
            )
            paths = sorted(path for path in base.glob(rest) if path.is_file() and path.suffix == ".ipynb")
            if not paths:
                raise RunError(f"{pattern!r} names no notebook in '{self.root}'.")
            found += [path for path in paths if path not in found]
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """The values of the parameters of each run of a notebook, in order.

        Raises
        ------
        RunError
            If the CSV file cannot be read.
        """
        told = self.parameters
        rows = [*told.get("rows", ()), *(_csv_rows(self.root / told["csv"]) if "csv" in told else ())] or [{}]
        each = told.get("each", {})
        for row in rows:
            for chosen in itertools.product(*each.values()):
                yield {**told.get("set", {}), **row, **dict(zip(each, chosen, strict=True))}


def read_tasks(path: Path) -> list[Task]:
    """The tasks of a file: one, or all of a suite.

    Raises
    ------
    RunError
        With the place and what would work.
    """
    told = checked(read_yaml(path), path)
    if "tasks" not in told:
        return [_task(told, path)]
    tasks = []
    for number, each in enumerate(told["tasks"], 1):
        if isinstance(each, str):
            tasks += read_tasks(path.parent / each)
        else:
            tasks.append(_task({"name": f"{path.stem}-{number}", **each}, path))
    names = [task.name for task in tasks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RunError(f"'{path}' has two tasks named {twice!r}. Give each a name of its own.")
    return tasks


def suite_models(path: Path) -> list[str]:
    """The models that a suite names; empty if it names none."""
    return list(checked(read_yaml(path), path).get("models", ()))


def checked(told: Any, path: Path | str) -> dict[str, Any]:
    """What a file says, if it is a task or a suite.

    Raises
    ------
    RunError
        If it is none.
    """
    from jsonschema.exceptions import best_match

    wanted = "suite" if isinstance(told, dict) and "tasks" in told else "task"
    error = best_match(_validators()[wanted].iter_errors(told))
    if error is not None:
        place = "/".join(map(str, error.absolute_path))
        raise RunError(f"'{path}' is not a task{f' at {place!r}' if place else ''}: {error.message[:300]}")
    return dict(told)


def read_judging(path: Path) -> Judging:
    """What a task's file wants to be looked at; the notebook may be left out there.

    Raises
    ------
    RunError
        If it is no task.
    """
    told = read_yaml(path)
    return judging_of(checked({"notebook": "any.ipynb", **told} if isinstance(told, dict) else told, path))


def judging_of(told: Mapping[str, Any]) -> Judging:
    """Checks, what may be written and values, of a task's mapping or of `Judging.as_json`."""
    may_write = told.get("may_write", (told.get("side_effects") or {}).get("may_write"))
    return Judging(
        tuple(_check(each) for each in told.get("checks") or ()),
        None if may_write is None else tuple(may_write),
        dict(told.get("values") or {}),
    )


def _task(told: Mapping[str, Any], path: Path) -> Task:
    notebook = told["notebook"]
    return Task(
        name=str(told.get("name") or path.stem),
        kind=str(told.get("kind") or ""),
        root=path.parent.resolve(),
        notebooks=(notebook,) if isinstance(notebook, str) else tuple(notebook),
        prompt=told.get("prompt"),
        parameters=dict(told.get("parameters") or {}),
        inputs=tuple(told.get("inputs") or ()),
        models=tuple(told.get("models") or ()),
        repetitions=int(told.get("repetitions") or 1),
        isolated=told.get("isolated"),
        job={_JOB[name]: told[name] for name in _JOB if name in told},
        session={name: told[name] for name in _SESSION if name in told},
        judging=judging_of(told),
    )


def _check(told: str | Mapping[str, Any]) -> Check:
    if isinstance(told, str):
        return Check("expr", told, told)
    kinds = [name for name in told if name != "name"]
    if len(kinds) != 1:
        raise RunError(f"A check has one condition, not {len(kinds)}: {dict(told)!r}.")
    kind: Kind = kinds[0]  # type: ignore[assignment]
    given = told[kind]
    return Check(kind, given, str(told.get("name") or (given if kind == "expr" else f"{kind}: {given}")))


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"'{path}' cannot be read as CSV: {error}") from error
    if not rows or any(None in row or None in row.values() for row in rows):
        raise RunError(f"'{path}' needs a head, and rows with as many values.")
    return [{name: parse_value(value) for name, value in row.items()} for row in rows]


@cache
def _validators() -> dict[str, Any]:
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return {
        kind: Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema["$defs"]})
        for kind in ("task", "suite")
    }
