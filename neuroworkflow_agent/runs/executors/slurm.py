"""Jobs as a Slurm array: `sbatch` takes them, files say what came of them, `squeue` says what is still there.

A `SlurmExecutor` owns nothing that outlives a command: arrays go on without it, and the next one for the same plan finds
those that are queued or run, by a file beside the plan. `close` leaves them alone unless it is told to cancel them.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import ConfigError, RunError
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.runs.executors.base import Ended, job_command

_POLL_S = 2.0
_SLOW_POLL_S = 15.0
_MAX_TASKS = 1_000
"""One less than Slurm's own default for MaxArraySize; more jobs share a task of the array."""
_COMMAND_TIMEOUT_S = 60
_GONE = "Invalid job id"
_TAIL_BYTES = 2_000


class SlurmExecutor:
    """Runs jobs as arrays.

    Parameters
    ----------
    plan
        The plan's directory, on a file system that the nodes share.
    at_once
        Most tasks that run at a time; None for no limit of ours.
    options
        More options of `sbatch`.
    stops_with_us
        Whether `close` cancels what is queued or runs.

    Raises
    ------
    ConfigError
        If Slurm's commands are not here.
    """

    capacity: int | None = None

    def __init__(
        self, plan: Path, *, at_once: int | None, options: Sequence[str] = (), stops_with_us: bool = False
    ) -> None:
        if missing := next((name for name in ("sbatch", "squeue") if shutil.which(name) is None), None):
            raise ConfigError(f"--slurm needs Slurm's commands, and {missing!r} is not on the PATH here.")
        self._plan = plan.resolve()
        self._home = self._plan / "slurm"
        self._at_once = at_once
        self._options = list(options)
        self._stops_with_us = stops_with_us
        self._arrays: dict[str, list[list[int]]] = {}
        """Jobs of each task of the arrays that are not over, by the array's id."""
        self._seen: dict[str, set[int]] = {}
        """Tasks that have not ended, as `squeue` last had them."""
        self._started = time.monotonic()

    def under_way(self) -> set[int]:
        """Jobs of earlier arrays of the plan that are queued or run; they are waited for, too."""
        for file in sorted(self._home.glob("array-*.json")):
            told = json.loads(file.read_bytes())
            if alive := self._alive(told["id"], len(told["tasks"])):
                self._arrays[told["id"]] = told["tasks"]
                self._seen[told["id"]] = alive
            else:
                file.unlink(missing_ok=True)
        return {
            index
            for array, alive in self._seen.items()
            for task in alive
            for index in self._arrays[array][task]
        }

    def submit(self, indexes: Sequence[int]) -> None:
        """See `Executor.submit`."""
        if not indexes:
            return
        size = -(-len(indexes) // _MAX_TASKS)
        tasks = [list(indexes[start : start + size]) for start in range(0, len(indexes), size)]
        self._home.mkdir(exist_ok=True)
        stamp = f"{time.time_ns():x}"
        chunks = self._home / f"tasks-{stamp}"
        chunks.write_text("".join(f"{' '.join(map(str, task))}\n" for task in tasks))
        limit = f"%{self._at_once}" if self._at_once else ""
        command = [
            "sbatch", "--parsable", f"--array=0-{len(tasks) - 1}{limit}", "--requeue", "--job-name=neuroworkflow-agent",
            f"--output={self._home}/%A_%a.out", "--open-mode=append", f"--chdir={Path.cwd()}", *self._options,
        ]  # fmt: skip
        array = _run(command, self._script(chunks)).split(";")[0].strip()
        told = {"id": array, "tasks": tasks}
        write_private(self._home / f"array-{stamp}.json", json.dumps(told).encode())
        self._arrays[array] = tasks
        self._seen[array] = set(range(len(tasks)))

    def wait(self) -> list[Ended]:
        """See `Executor.wait`."""
        if not self._arrays:
            return []
        time.sleep(_POLL_S if time.monotonic() - self._started < 10 * _SLOW_POLL_S else _SLOW_POLL_S)
        found: list[Ended] = []
        for array, tasks in list(self._arrays.items()):
            alive = self._alive(array, len(tasks))
            for task in sorted(self._seen[array] - alive):
                message = self._last_words(array, task)
                found += [Ended(index, None, message) for index in tasks[task]]
            self._seen[array] = alive
            if not alive:
                del self._arrays[array], self._seen[array]
        return found

    def withdraw(self) -> None:
        """See `Executor.withdraw`."""
        if self._arrays:
            _run(["scancel", "--state=PENDING", *self._arrays])

    def close(self) -> None:
        """See `Executor.close`."""
        arrays, self._arrays = list(self._arrays), {}
        if self._stops_with_us and arrays:
            subprocess.run(["scancel", *arrays], check=False, timeout=_COMMAND_TIMEOUT_S)

    def _script(self, chunks: Path) -> str:
        """What each task runs: its line of the file with the tasks."""
        line = f'$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {shlex.quote(str(chunks))})'
        return f"#!/bin/sh\nexec {shlex.join(job_command(self._plan, [], python=sys.executable))} {line}\n"

    def _alive(self, array: str, count: int) -> set[int]:
        """Tasks of an array that are queued or run."""
        told = _run(["squeue", "--noheader", "--array", "--format=%i %t", f"--jobs={array}"], allow=_GONE)
        alive: set[int] = set()
        for line in told.splitlines():
            name, _, state = line.partition(" ")
            if state.strip() not in ("CD", "F", "TO", "CA", "NF", "OOM", "BF", "DL"):
                alive |= _numbers(name.partition("_")[2], count)
        return alive

    def _last_words(self, array: str, task: int) -> str:
        try:
            data = (self._home / f"{array}_{task}.out").read_bytes()[-_TAIL_BYTES:]
        except OSError:
            return (
                f"Slurm's task {array}_{task} wrote nothing; 'scontrol show job {array}_{task}' may say why."
            )
        lines = data.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"Slurm's task {array}_{task} ended without a word."


def _numbers(text: str, count: int) -> set[int]:
    """Task numbers as squeue writes them: `7`, or `[3-5,9%2]`."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text.split("%")[0]):
        found |= set(range(int(first), min(int(last or first), count - 1) + 1))
    return found


def _run(command: Sequence[str], text: str | None = None, *, allow: str = "") -> str:
    """Standard output of one of Slurm's commands.

    Raises
    ------
    RunError
        If it fails.
    """
    options: dict[str, Any] = {"input": text, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, check=False, timeout=_COMMAND_TIMEOUT_S, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"{command[0]} did not answer. Is Slurm's controller there? 'sinfo' says.") from error
    if done.returncode and not (allow and allow in done.stderr):
        said = " ".join(done.stderr.split())[:300]
        raise RunError(f"{command[0]} refused: {said}")
    return str(done.stdout)
