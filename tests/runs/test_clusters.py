"""Batches on a real Slurm and on a real Dask cluster: a requeue in the middle, and a worker that dies."""

from __future__ import annotations

import contextlib
import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbformat.v4 import new_code_cell

from neuroworkflow_agent.testing import slurm
from tests import needs
from tests.surfaces.headless_process import call, run, start, wait_for, write

pytestmark = [pytest.mark.kernel, pytest.mark.server, pytest.mark.timeout(240)]
# The first start of job 0 waits to be stopped in the middle.
CELL = """\
import os, time
from pathlib import Path
starts = len(list(Path('.').glob(f'started-{n}-*')))
Path(f'started-{n}-{starts}').touch()
while n == 0 and starts == 0:
    time.sleep(0.05)
y = n + 1"""
ROWS = {0: ("complete", "2"), 1: ("complete", "1")}


@pytest.fixture
def place(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workspace)
    cells = [new_code_cell("n = 5", metadata={"tags": ["parameters"]}), new_code_cell(CELL)]
    write(workspace / "a.ipynb", cells)
    (workspace / "task.yaml").write_text(
        "notebook: a.ipynb\nparameters: {each: {n: [0, 1]}}\nvalues: {y: y}\n"
    )
    return workspace


def results(place: Path) -> dict[int, tuple[str, str]]:
    """How each job ended, and how often it was started."""
    (path,) = place.glob("agent-runs/batches/*/summary.csv")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["value.y"] for row in rows] == ["1", "2"]
    return {int(row["parameter.n"]): (row["end"], row["starts"]) for row in rows}


@pytest.fixture(scope="module")
def slurm_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Slurm]:
    for name in slurm.PROGRAMS:
        if slurm.find(name) is None:
            needs.missing("Slurm", install="sudo apt install slurm-wlm")
    with slurm.Slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def cluster(slurm_cluster: slurm.Slurm, monkeypatch: pytest.MonkeyPatch) -> slurm.Slurm:
    for name, value in slurm_cluster.environ.items():
        monkeypatch.setenv(name, value)
    return slurm_cluster


def test_slurm_array_with_a_requeue_in_the_middle(place: Path, cluster: slurm.Slurm) -> None:
    status, out, err = call("batch", "task.yaml", "--slurm", "--no-wait", "--json")
    assert (status, json.loads(out)["done"]) == (0, 0), err
    # Another command for the same plan waits for what is under way, and hands nothing over.
    process = start("batch", "task.yaml", "--slurm", "--json", "--quiet")
    with ended(process):
        wait_for((place / "started-0-0").exists, process, timeout_s=150)
        cluster.run("scontrol", "requeue", "1_0")
        wait_for(
            lambda: "1_0 PD" in cluster.run("squeue", "--noheader", "--array", "--format=%i %t"), process
        )
        cluster.run("scontrol", "update", "JobId=1_0", "StartTime=now")
        out, err = process.communicate(timeout=150)
    told = json.loads(out)
    assert (process.returncode, told["complete"], told["starts"]) == (0, True, 0), err
    assert results(place) == ROWS
    status, out, err = call("batch", "task.yaml", "--slurm", "--json")
    assert (status, json.loads(out)["earlier"]) == (0, 2), err


@pytest.mark.thorough
def test_slurm_node_without_the_package_says_so_for_each_job(
    place: Path, cluster: slurm.Slurm, bare_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuroworkflow_agent.runs.executors.slurm.sys.executable", bare_python)
    status, out, err = call("batch", "task.yaml", "--slurm", "--json")
    assert status == 1, err
    ((why, count),) = json.loads(out)["without_result"].items()
    assert (count, "No module named neuroworkflow_agent" in why) == (2, True)


@pytest.fixture
def bare_python(tmp_path: Path) -> str:
    """A Python in which this package cannot be imported."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/sitecustomize.py").write_text("import sys\nsys.modules['neuroworkflow_agent'] = None\n")
    python = tmp_path / "bare/python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/bare exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return str(python)


@dataclass
class Dask:
    """A cluster that is there."""

    file: Path
    """Says where its scheduler is."""
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextlib.contextmanager
def dask_cluster(home: Path, workers: int, python: str = sys.executable) -> Iterator[Dask]:
    """A scheduler, and workers of one thread each."""
    file = home / "scheduler.json"
    commands = [["dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1"]]
    commands += [
        ["dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60"]
    ] * workers
    processes: list[subprocess.Popen[bytes]] = []
    for module, *options in commands:
        command = [python, "-m", f"distributed.cli.{module}", "--scheduler-file", str(file), *options]
        said = (home / f"{module}-{len(processes)}.log").open("wb")
        with said:
            processes.append(subprocess.Popen(command, stdout=said, stderr=said, cwd=home))
    try:
        while not file.exists():
            assert processes[0].poll() is None
            time.sleep(0.05)
        yield Dask(file, processes[0], processes[1:])
    finally:
        for process in reversed(processes):
            # One that is told to end waits for its job; the job's end is its standard input's.
            process.kill()
            process.wait()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    with dask_cluster(tmp_path, 2) as cluster:
        yield cluster


def test_dask_worker_that_dies_has_its_job_run_by_another(place: Path, dask: Dask) -> None:
    (place / "task.yaml").write_text((place / "task.yaml").read_text().replace("[0, 1]", "[0]"))
    process = start("batch", "task.yaml", "--dask", dask.file, "--json", "--quiet")
    with ended(process):
        wait_for((place / "started-0-0").exists, process, timeout_s=150)
        workers = map(psutil.Process, (worker.pid for worker in dask.workers))
        next(worker for worker in workers if worker.children()).kill()
        out, err = process.communicate(timeout=150)
    told = json.loads(out)
    assert (process.returncode, told["complete"]) == (0, True), err
    (path,) = place.glob("agent-runs/batches/*/summary.csv")
    with path.open() as file:
        assert [(row["end"], row["starts"]) for row in csv.DictReader(file)] == [("complete", "2")]


@pytest.mark.thorough
def test_dask_workers_without_the_package_say_so_for_each_job(
    place: Path, tmp_path: Path, bare_python: str
) -> None:
    with dask_cluster(tmp_path, 1, bare_python) as cluster:
        status, out, err = run("batch", "task.yaml", "--dask", cluster.file, "--json")
    assert status == 1, err
    ((why, count),) = json.loads(out)["without_result"].items()
    assert (count, "No module named neuroworkflow_agent" in why) == (2, True)


@pytest.mark.thorough
def test_dask_scheduler_that_goes_away_is_said(place: Path, tmp_path: Path) -> None:
    with dask_cluster(tmp_path, 1) as cluster:
        process = start("batch", "task.yaml", "--dask", cluster.file, "--quiet")
        with ended(process):
            wait_for((place / "started-0-0").exists, process, timeout_s=150)
            cluster.scheduler.kill()
            _, err = process.communicate(timeout=150)
    assert (
        err
        == f"The Dask scheduler at {str(cluster.file)!r} went away. Once one is there, the same line does the rest.\n"
    )


@pytest.mark.thorough
def test_no_dask_scheduler_is_said_with_what_would_work(place: Path) -> None:
    status, _, err = run("batch", "task.yaml", "--dask", "tcp://127.0.0.1:1", "--quiet")
    assert (status, "No Dask scheduler answers at 'tcp://127.0.0.1:1'. Start one with" in err) == (2, True)


def test_scheduler_file_that_is_not_there_is_said_at_once(place: Path) -> None:
    status, _, err = run("batch", "task.yaml", "--dask", "cluster.json", "--quiet")
    assert (status, err.startswith("There is no scheduler file 'cluster.json'. ")) == (2, True)


@contextlib.contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Have a process gone in any case."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
