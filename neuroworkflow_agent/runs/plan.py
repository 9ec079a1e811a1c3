"""The jobs of a batch, one line of a file each, in an order that follows from what was asked alone.

    agent-runs/batches/PLAN/plan.json      tasks, models, how many jobs
    agent-runs/batches/PLAN/jobs.jsonl     what differs from job to job
    agent-runs/batches/PLAN/jobs.index     where each line begins, 8 bytes each

The name of a plan is the hash of its jobs' keys, so the same line finds the same plan. It is made under another name and
renamed as a whole; nothing rewrites it. Neither who plans nor who reads holds more than a few bytes a job.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.asked import Asked, digest, digests, settings_of
from neuroworkflow_agent.runs.task import Task, judging_of

_BATCHES = "batches"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_BYTES = 8


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One run that is to be made."""

    index: int
    """From 0."""
    key: str
    task: Mapping[str, Any]
    """What the jobs of its task have in common."""
    notebook: Path
    parameters: Mapping[str, Any]
    model: str | None
    """As for `--model`; None for what the environment says."""
    repetition: int

    @property
    def inputs(self) -> tuple[str, ...]:
        """Patterns of the files that it reads, with its parameters in them."""
        return _filled(self.task["inputs"], self.parameters)


class Plan:
    """A plan that is there.

    Raises
    ------
    RunError
        If there is none that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            told = json.loads((path / "plan.json").read_bytes())
            self._places = array("Q", (path / "jobs.index").read_bytes())
        except (OSError, ValueError) as error:
            raise RunError(f"'{path}' holds no plan of a batch.") from error
        self._tasks: list[dict[str, Any]] = told["tasks"]
        self._models: list[str | None] = told["models"]

    def __len__(self) -> int:
        return len(self._places)

    @property
    def store(self) -> Path:
        """Where the runs of its jobs are kept."""
        return self.path.parent.parent

    def job(self, index: int) -> PlannedJob:
        """One of its jobs.

        Raises
        ------
        RunError
            If it has no such one.
        """
        if not 0 <= index < len(self):
            raise RunError(f"The plan has {len(self):,} jobs, and none with the number {index}.")
        with (self.path / "jobs.jsonl").open("rb") as file:
            file.seek(self._places[index])
            return self._read(index, file.readline())

    def jobs(self) -> Iterator[PlannedJob]:
        """All of them, in order."""
        with (self.path / "jobs.jsonl").open("rb") as file:
            for index, line in enumerate(file):
                yield self._read(index, line)

    def _read(self, index: int, line: bytes) -> PlannedJob:
        key, task, notebook, parameters, model, repetition = json.loads(line)
        return PlannedJob(
            index, key, self._tasks[task], Path(notebook), parameters, self._models[model], repetition
        )


def make_plan(
    tasks: Sequence[Task],
    store: Path,
    *,
    models: Sequence[str | None],
    times: int | None,
    isolated: bool,
    identity: Callable[[Task, str | None], str],
) -> Plan:
    """Write the plan of some tasks: each notebook with each row of parameters, each model and repetition.

    Parameters
    ----------
    store
        Where its runs are to be kept.
    models
        For every task; empty for each task's own.
    times
        Repetitions of every job; None for each task's own.
    isolated
        Whether runs work in directories of their own where a task does not say.
    identity
        Names the model that serves a task, as its key has it.

    Raises
    ------
    RunError
        If a task names nothing, or the plan cannot be written.
    """
    home = store / _BATCHES
    part = home / f"{secrets.token_hex(8)}.part"
    try:
        part.mkdir(parents=True)
        name = _write(part, tasks, models, times, isolated=isolated, identity=identity)
        target = home / name
        if not target.is_dir():
            with contextlib.suppress(OSError):  # somebody plans the same
                part.rename(target)
        return Plan(target)
    except OSError as error:
        raise RunError(
            f"A plan cannot be kept in '{store}': {error.strerror}. Give another directory."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(
    part: Path,
    tasks: Sequence[Task],
    models: Sequence[str | None],
    times: int | None,
    *,
    isolated: bool,
    identity: Callable[[Task, str | None], str],
) -> str:
    """Write the files of a plan; gives its name."""
    known: list[str | None] = []
    places, hashed, position = array("Q"), hashlib.sha256(), 0
    told = [_shared(task, isolated=isolated) for task in tasks]
    with (part / "jobs.jsonl").open("wb") as file:
        for number, (task, shared) in enumerate(zip(tasks, told, strict=True)):
            for row in _rows(task, shared, models, times, identity):
                if row[3] not in known:
                    known.append(row[3])
                line = (
                    json.dumps([row[0], number, row[1], row[2], known.index(row[3]), row[4]]).encode() + b"\n"
                )
                places.append(position)
                position += file.write(line)
                hashed.update(row[0].encode())
        file.flush()
        os.fsync(file.fileno())
    (part / "jobs.index").write_bytes(places.tobytes())
    (part / "plan.json").write_text(
        json.dumps({"tasks": told, "models": known, "jobs": len(places)}, indent=1)
    )
    return hashed.hexdigest()[:16]


def _rows(
    task: Task,
    shared: Mapping[str, Any],
    models: Sequence[str | None],
    times: int | None,
    identity: Callable[[Task, str | None], str],
) -> Iterator[tuple[str, str, dict[str, Any], str | None, int]]:
    """(key, notebook, parameters, model, repetition) of each job of a task."""
    chosen = [*models] or [*task.models] or [None]
    settings = settings_of(task.job, task.session, judging_of(shared["judging"]).as_json())
    for notebook in task.found_notebooks():
        hashed = digest(notebook)
        for parameters in task.rows():
            inputs = _inputs(_filled(task.inputs, parameters), task.root)
            for model in chosen:
                served = identity(task, model)
                for repetition in range(1, (times or task.repetitions) + 1):
                    asked = Asked(
                        str(notebook), hashed, task.prompt, served, parameters, inputs, settings, repetition
                    )
                    yield asked.key, str(notebook), parameters, model, repetition


def _shared(task: Task, *, isolated: bool) -> dict[str, Any]:
    """What the jobs of a task have in common."""
    own = task.isolated if task.isolated is not None else isolated or task.judging.may_write is not None
    return {
        "name": task.name,
        "kind": task.kind,
        "root": str(task.root),
        "prompt": task.prompt,
        "inputs": list(task.inputs),
        "isolated": own,
        "job": dict(task.job),
        "session": dict(task.session),
        "judging": task.judging.as_json(),
    }


def _filled(patterns: Sequence[str], parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Patterns with `{name}` as the parameter of that name."""

    def value(found: re.Match[str]) -> str:
        return str(parameters[found[1]]) if found[1] in parameters else found[0]

    return tuple(_PLACEHOLDER.sub(value, pattern) for pattern in patterns)


@lru_cache(maxsize=4096)
def _inputs(patterns: tuple[str, ...], root: Path) -> dict[str, str]:
    return digests(patterns, root)
