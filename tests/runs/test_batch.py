"""Plans, and jobs brought to their results, whoever is killed; jobs here are small shell commands."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.batch import Batch
from neuroworkflow_agent.runs.executors.base import Ended
from neuroworkflow_agent.runs.executors.local import LocalExecutor
from neuroworkflow_agent.runs.plan import Plan, make_plan
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.summary import rows, write_csv
from neuroworkflow_agent.runs.task import Task, read_tasks
from neuroworkflow_agent.wire import USED_UP
from tests import tiers
from tests.runs.shell_jobs import job_that
from tests.surfaces.headless_process import write

Made = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path) -> Made:
    """Makes plans of so many jobs."""
    write(tmp_path / "a.ipynb", [new_code_cell("x = 1")])

    def make(count: int = 3, times: int = 1, text: str = "") -> Plan:
        path = tmp_path / "task.yaml"
        path.write_text(f"notebook: a.ipynb\nparameters: {{each: {{n: {list(range(count))}}}}}\n{text}")
        return plan_of(read_tasks(path), tmp_path / "runs", times)

    return make


def plan_of(tasks: list[Task], store: Path, times: int = 1) -> Plan:
    return make_plan(
        tasks, store, models=(), times=times, isolated=False, identity=lambda _task, model: model or "m"
    )


def finished(plan: Plan) -> list[bool]:
    store = Store(plan.store)
    return [store.result(job.key) is not None for job in plan.jobs()]


def test_the_same_line_finds_the_same_plan(planned: Made, tmp_path: Path) -> None:
    plan = planned(3, times=2)
    assert len(plan) == 6
    assert planned(3, times=2).path == plan.path
    assert planned(4, times=2).path != plan.path
    assert [(plan.job(n).parameters, plan.job(n).repetition) for n in (0, 1, 5)] == [
        ({"n": 0}, 1),
        ({"n": 0}, 2),
        ({"n": 2}, 2),
    ]
    assert [job.key for job in plan.jobs()] == [plan.job(n).key for n in range(6)]
    assert list(plan.path.parent.glob("*.part")) == []
    with pytest.raises(RunError, match="none with the number 6"):
        plan.job(6)
    write(tmp_path / "a.ipynb", [new_code_cell("x = 2")])
    assert planned(3, times=2).path != plan.path


def test_jobs_run_once_and_the_next_go_does_the_rest(planned: Made, tmp_path: Path) -> None:
    plan = planned(5)
    done = Batch(
        plan,
        LocalExecutor(lambda n: job_that(plan, n, cost_usd=0.25, end="limit" if n == 3 else "complete"), 1),
        budget_usd=0.7,
    ).run()
    assert (done.done, done.stopped, done.is_complete) == (3, "The budget of $0.7 is used up.", False)
    rest = Batch(plan, LocalExecutor(lambda n: job_that(plan, n), 2)).run()
    assert (rest.earlier, rest.starts, rest.done, rest.cost_usd) == (3, 2, 5, 0.75)
    assert finished(plan) == [True] * 5
    write_csv(plan, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("task,kind,notebook,parameter.n,model,repetition,run,end")
    assert [row["end"] for row in rows(plan)] == ["complete"] * 5


def test_budget_of_the_users_that_is_used_up_ends_the_batch(planned: Made) -> None:
    plan = planned(4)
    message = f"Your {USED_UP}: $5."

    def command(index: int) -> list[str]:
        return job_that(plan, index, end="limit", message=message, name="1") if index else job_that(plan, 0)

    tally = Batch(plan, LocalExecutor(command, 1)).run()
    assert (tally.results, tally.starts, tally.stopped) == ({"complete": 1}, 2, message)
    rest = Batch(plan, LocalExecutor(lambda n: job_that(plan, n), 1)).run()
    assert (rest.earlier, rest.starts, rest.is_complete) == (1, 3, True)


def test_a_job_whose_process_dies_is_started_again_but_not_for_ever(planned: Made) -> None:
    plan = planned(3)

    def command(index: int) -> list[str]:
        starts = Store(plan.store).starts(plan.job(index).key)
        if index == 2:
            return ["sh", "-c", "echo no such module >&2; exit 2"]
        return job_that(plan, index, before="kill -9 $$" if index == 0 or starts == 0 else "")

    tally = Batch(plan, LocalExecutor(command, 2)).run()
    assert finished(plan) == [False, True, False]
    assert dict(tally.without) == {"its process died 3 times; without a word": 1, "no such module": 1}
    assert [row["starts"] for row in rows(plan)] == [3, 2, 0]


def test_what_an_executor_says_does_not_count_without_files(planned: Made) -> None:
    plan = planned(1)

    class Liar:
        capacity: int | None = 1
        told = 0

        def submit(self, indexes: object) -> None:
            self.told += 1

        def wait(self) -> list[Ended]:
            return [Ended(0, 0, "all is well")]

        def withdraw(self) -> None: ...

        def close(self) -> None: ...

    tally = Batch(plan, Liar()).run()
    assert (tally.done, tally.without.total()) == (0, 1)


def test_cells_that_a_spreadsheet_would_run_are_texts(planned: Made, tmp_path: Path) -> None:
    plan = planned(1, text="values: {x: x}\n")
    place = Store(plan.store).begin(plan.job(0).key)
    (place.path / "run.json").write_text(json.dumps({"end": "complete", "values": {"x": "=HYPERLINK(1)"}}))
    Store(plan.store).accept(place)
    write_csv(plan, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1].endswith(",'=HYPERLINK(1)")


@pytest.mark.timeout(1200)
def test_killed_at_any_moment_each_job_has_one_whole_result(planned: Made) -> None:
    rng = random.Random(tiers.SEED)
    kills = tiers.count(50, at_least=3)
    plan = planned(15 * kills)
    while not all(finished(plan)):
        command = [sys.executable, "-m", "tests.runs.shell_jobs", str(plan.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
            assert driver.stdout is not None
            driver.stdout.readline()
            if kills:
                time.sleep(rng.uniform(0.0, 0.6))
                kills -= 1
                children = (
                    psutil.Process(driver.pid).children(recursive=True) if driver.poll() is None else []
                )
                for victim in rng.sample(children, min(2, len(children))) if rng.random() < 0.5 else []:
                    _kill(victim.pid)
                _kill(driver.pid)
    assert kills == 0 or not tiers.THOROUGH  # under load all may be done before
    store = Store(plan.store)
    for job in plan.jobs():
        places = store.places(job.key)
        assert [place.is_result for place in places].count(True) == 1
        assert json.loads((places[-1].path / "run.json").read_text())["end"] == "complete"


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


NO_OPS = """
import sys
from pathlib import Path
from neuroworkflow_agent.runs.batch import Batch
from neuroworkflow_agent.runs.executors.local import LocalExecutor
from neuroworkflow_agent.runs.plan import Plan
plan, peaks = Plan(Path(sys.argv[1])), []
def command(index):
    home = plan.store / plan.job(index).key
    keep = f"mkdir -p {home}/1.part && echo '{{\\"end\\": \\"complete\\"}}' > {home}/1.part/run.json && mv {home}/1.part {home}/run"
    return ["sh", "-c", keep]
def report(tally):  # not by getrusage, which begins with what the process was forked from
    peaks.append(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]))
tally = Batch(plan, LocalExecutor(command, 4), report=report).run()
assert tally.is_complete and tally.starts == len(plan), tally
print(peaks[len(peaks) // 10], peaks[-1])
"""


@pytest.mark.timeout(1800)
def test_many_jobs_take_no_memory(planned: Made) -> None:
    plan = planned(tiers.count(10_000, at_least=200))
    command = [sys.executable, "-c", NO_OPS, str(plan.path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    early_kib, last_kib = map(int, done.stdout.split())
    assert last_kib <= 150_000
    assert last_kib - early_kib <= 5_000


@pytest.mark.timeout(1800)
def test_many_jobs_are_planned_and_found_again(planned: Made) -> None:
    count = tiers.count(100_000, at_least=2_000)
    plan = planned(count)
    store = Store(plan.store)
    for job in plan.jobs():
        if job.index % 2:
            place = store.begin(job.key)
            (place.path / "run.json").write_text('{"end": "complete"}')
            store.accept(place)
    batch = Batch(planned(count), LocalExecutor(lambda _n: ["true"], 1))
    assert len(batch.look()) == count - count // 2
    assert batch.tally.done == count // 2
