"""What a batch costs beside a loop over `run`, and how soon a large one is planned and found again.

A job and a run of the loop are each a process with a kernel and a session of its own, one at a time; they are measured in
turn, a few of each, so that a drift of the machine hits both alike. `BENCH_JOBS` (20) is how many of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks.rows import Row
from neuroworkflow_agent.runs.batch import Batch
from neuroworkflow_agent.runs.executors.local import LocalExecutor
from neuroworkflow_agent.runs.plan import Plan, make_plan
from neuroworkflow_agent.runs.store import RESULT, Store
from neuroworkflow_agent.runs.task import read_tasks

_JOBS = 10
_PIECES = int(os.environ.get("BENCH_JOBS", "20")) // _JOBS
_MANY = 100_000
_PROMPT = "how many are there?"
_SCRIPT = [
    [{"tool": "mcp__neuroworkflow__run_code", "input": {"code": "print(len(values))"}}],
    [{"text": "There are three."}],
]


def rows() -> list[Row]:
    """Jobs beside runs; jobs planned and looked for."""
    ratio, batch_s, loop_s = _beside_a_loop()
    planned_s, found_s = _many()
    return [
        Row(
            f"{_PIECES * _JOBS} jobs, one at a time, beside a loop over run",
            f"{ratio:.3f}x ({batch_s:.2f} s a job, {loop_s:.2f} s a run)", "<= 1.1x", ratio <= 1.1,
        ),
        Row(
            f"{_MANY:,} jobs planned, and again with half of them done",
            f"{planned_s + found_s:.1f} s ({planned_s:.1f} s the first time)", "<= 60 s", planned_s + found_s <= 60,
        ),
    ]  # fmt: skip


def _beside_a_loop() -> tuple[float, float, float]:
    """(ratio, seconds a job, seconds a run)."""
    batch_s = loop_s = 0.0
    with _place() as place:
        _command(place, "run", "a0.ipynb", _PROMPT, *_model())  # what is read from disk once
        for piece in range(_PIECES):
            notebooks = [f"a{piece * _JOBS + number}.ipynb" for number in range(_JOBS)]
            started = perf_counter()
            given = f"n: [{', '.join(map(str, range(piece * _JOBS, (piece + 1) * _JOBS)))}]"
            (place / "task.yaml").write_text(
                f"notebook: a0.ipynb\nprompt: {_PROMPT}\nparameters: {{each: {{{given}}}}}\n"
            )
            _command(place, "batch", "task.yaml", "--max-parallel", "1", *_model())
            batch_s += perf_counter() - started
            started = perf_counter()
            for number, notebook in enumerate(notebooks):
                _command(place, "run", notebook, _PROMPT, "-p", f"n={number}", *_model())
            loop_s += perf_counter() - started
    return batch_s / loop_s, batch_s / (_PIECES * _JOBS), loop_s / (_PIECES * _JOBS)


@contextmanager
def _place() -> Iterator[Path]:
    """A workspace with notebooks and a script."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "script.json").write_text(json.dumps(_SCRIPT))
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cells = [
            new_code_cell("n = 0", metadata={"tags": ["parameters"]}),
            new_code_cell("values = [1, 2, 3]"),
        ]
        for number in range(_PIECES * _JOBS):
            nbformat.write(
                new_notebook(cells=cells, metadata={"kernelspec": spec}), place / f"a{number}.ipynb"
            )
        yield place


def _model() -> tuple[str, str]:
    return ("--model", "scripted:script.json")


def _command(place: Path, *arguments: str) -> None:
    home = str(place / ".home")
    environ = {**os.environ, "CLAUDE_CONFIG_DIR": home, "XDG_STATE_HOME": home}
    command = [sys.executable, "-m", "neuroworkflow_agent", *arguments, "--quiet"]
    subprocess.run(command, cwd=place, env=environ, check=True, capture_output=True)


def _many() -> tuple[float, float]:
    """Seconds to plan, and seconds to plan again and see what is done."""
    with _place() as place:
        task = place / "many.yaml"
        task.write_text(f"notebook: a0.ipynb\nparameters: {{each: {{n: {list(range(_MANY))}}}}}\n")
        started = perf_counter()
        plan = _planned(task)
        planned_s = perf_counter() - started
        for job in plan.jobs():
            if job.index % 2:
                result = plan.store / job.key / RESULT
                result.mkdir(parents=True)
                (result / "run.json").write_text('{"end": "complete"}')
        started = perf_counter()
        waiting = Batch(_planned(task), LocalExecutor(lambda _index: ["true"], 1)).look()
        found_s = perf_counter() - started
        assert len(waiting) == _MANY // 2
    return planned_s, found_s


def _planned(task: Path) -> Plan:
    store = Store(task.parent / "agent-runs")
    return make_plan(
        read_tasks(task), store.root, models=(), times=1, isolated=False, identity=lambda _task, _model: "m"
    )
