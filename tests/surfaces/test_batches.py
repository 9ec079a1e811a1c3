"""`batch` and `eval` as users meet them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from benchmarks.tasks.split import half
from benchmarks.tasks.suite import GRADER, write_suite
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.runs.record import read_files
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.summary import rows
from neuroworkflow_agent.runs.task import read_tasks
from neuroworkflow_agent.surfaces import batches
from neuroworkflow_agent.surfaces.batch_job import run_job
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests import tiers
from tests.surfaces.headless_process import call, read, write

pytestmark = [pytest.mark.kernel, pytest.mark.claude, pytest.mark.server]


@pytest.fixture
def place(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workspace)
    cells = [new_code_cell("n = 0", metadata={"tags": ["parameters"]}), new_code_cell("y = 100 // n")]
    write(workspace / "a.ipynb", cells)
    return workspace


def test_batch_over_notebooks_and_parameters_is_resumed_and_summed_up(place: Path) -> None:
    (place / "rows.csv").write_text("n\n1\n0\n")
    asked = ("batch", "*.ipynb", "--parameters", "rows.csv", "--json", "--csv", "out.csv")
    status, out, err = call(*asked)
    told = json.loads(out)
    assert status == 1, err
    assert (told["jobs"], told["results"]) == (2, {"complete": 1, "error": 1})
    with (place / "out.csv").open() as file:
        found = [(row["parameter.n"], row["end"], row["starts"]) for row in csv.DictReader(file)]
    assert found == [("1", "complete", "1"), ("0", "error", "1")]
    # The notebook is as it was; each run has its own.
    assert [cell.outputs for cell in read(place / "a.ipynb").cells] == [[], []]
    assert list(place.glob("agent-runs/*/run/*.part")) == []
    status, out, _ = call(*asked)
    assert (status, json.loads(out)["starts"], json.loads(out)["earlier"]) == (1, 0, 2)
    page = (Path(told["plan"]) / "summary.html").read_text()
    assert "ZeroDivisionError" in page
    assert "<script" not in page


def test_batch_says_what_cannot_work(place: Path) -> None:
    for arguments, said in (
        (["nothing*.ipynb"], "names no notebook"),
        (["a.ipynb", " "], "The prompt is empty"),
        (["a.ipynb", "--no-wait"], "--no-wait goes with --slurm"),
        (["task.yaml"], "No file at 'task.yaml'"),
        (["a.ipynb", "-p", "x"], "'x' sets nothing"),
    ):
        status, _, err = call("batch", *arguments)
        assert (status, said in err) == (2, True), err
    assert list(place.glob("agent-runs/batches/*")) == []


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_suite_of_tasks_over_two_models_gives_their_known_rates(place: Path) -> None:
    tasks = 30
    # One of these models is right on four fifths of the tasks, the other on half of them.
    rights = {"good": tasks - tasks // 5, "poor": tasks // 2}
    for name, right in rights.items():
        code = f"ok = n <= {right}\nopen('out.txt', 'w').write('1')"
        call_ = {"tool": "mcp__neuroworkflow__run_code", "input": {"code": code}}
        (place / f"{name}.json").write_text(json.dumps([[call_], [{"text": "The rate is 5 kHz."}]]))
    (place / "suite.yaml").write_text(
        f"models: ['scripted:good.json', 'scripted:poor.json']\n"
        f"tasks:\n  - name: right\n    kind: arithmetic\n    notebook: a.ipynb\n    prompt: be right\n"
        f"    parameters: {{each: {{n: {list(range(1, tasks + 1))}}}}}\n"
        f"    checks: [ok, {{file: out.txt}}]\n    side_effects: {{may_write: [out.txt]}}\n"
    )
    status, out, err = call("eval", "suite.yaml", "--html", "eval.html", "--json")
    assert status == 0, err
    told = json.loads(out)
    # R 4.2: prop.test(x, 30, correct = FALSE)$conf.int
    intervals = ((0.6269430, 0.9049489), (0.3315413, 0.6684587))
    for model, right, interval in zip(told["models"], rights.values(), intervals, strict=True):
        assert (model["rate"]["passed"], model["rate"]["count"]) == (right, tasks)
        found = model["rate"]["interval"]
        assert (found["low"], found["high"]) == pytest.approx(interval, abs=1e-6)
        assert (model["pass_k"], model["falsehoods"]) == (pytest.approx(right / tasks), 0)
    (difference,) = told["differences"]
    assert (difference["worse"], difference["better"]) == (rights["good"] - rights["poor"], 0)
    # Each run worked in a directory of its own.
    assert not (place / "out.txt").exists()
    page = (place / "eval.html").read_text()
    assert "runs review" in page
    assert page.count("<circle") >= 5
    # What a person says counts more than checks.
    run_id = told["trials"][0]["run_id"]
    assert call("runs", "verdict", run_id, "fail", "--note", "by luck")[0] == 0
    status, out, _ = call("eval", "suite.yaml")
    assert f"{rights['good'] - 1} of {tasks}" in out


def test_what_prepares_the_kernel_is_neither_shown_nor_laid_to_the_run(
    place: Path, scripted_model: ScriptedModel
) -> None:
    (place / "failing.ipynb").write_text((place / "a.ipynb").read_text().replace("100 // n", "1 / 0"))
    (place / "task.yaml").write_text(
        "notebook: failing.ipynb\nprompt: explain\nprepare: |\n  import random as hidden\n  open('made.csv', 'w').close()\n"
        "allow_errors: true\nside_effects: {may_write: []}\n"
        'checks: [hidden.random() < 1, \'lambda run: run.shown == "7" and run.answer == "By zero."\']\n'
    )
    scripted_model.extend(Reply.code("print(7, end='')"), Reply.text("By zero."))
    store = Store(place / "agent-runs")
    plan = batches.plan(read_tasks(place / "task.yaml"), store, models=(), times=1, isolated=False)
    try:
        assert run_job(plan, 0) == 0
    finally:
        shared_portal().stop()
    assert "hidden" not in str(scripted_model.requests[0])
    assert "ZeroDivisionError" in str(scripted_model.requests[0])
    result = store.result(plan.job(0).key)
    assert result is not None
    assert [each["path"] for each in read_files(result)["changes"]] == ["failing.ipynb"]
    assert "hidden" not in (result.path / "after.ipynb").read_text()


@pytest.mark.thorough
def test_code_under_prepare_that_fails_ends_the_run(place: Path) -> None:
    (place / "task.yaml").write_text("notebook: a.ipynb\nprepare: nothing_there\nvalues: {y: y}\n")
    store = Store(place / "agent-runs")
    plan = batches.plan(read_tasks(place / "task.yaml"), store, models=(), times=1, isolated=True)
    try:
        assert run_job(plan, 0) == 1
    finally:
        shared_portal().stop()
    (row,) = rows(plan)
    assert (row["end"], "under prepare failed: NameError" in row["message"]) == ("error", True)


REFERENCE = f"exec({GRADER}._task.reference, globals())\nprint(globals().get('truth', ''))"
MODELS = {
    "right": [
        [{"tool": "mcp__neuroworkflow__run_code", "input": {"code": REFERENCE}}],
        [{"text": "That is it."}],
    ],
    "bold": [[{"text": "It is computed, stored and shown: 987654.321"}]],
}


@pytest.mark.timeout(1800 if tiers.THOROUGH else 120)
def test_requests_that_models_are_measured_on_are_a_suite(place: Path) -> None:
    """A model that runs each request's own reference passes; one that only claims to have states falsehoods."""
    able = [task for task in half("work") if task.form in ("value", "state", "picture")]
    chosen = tiers.sample(able, at_least=1)
    suite = write_suite(chosen, place / "suite")
    models = [f"scripted:{name}.json" for name in MODELS][: 2 if tiers.THOROUGH else 1]
    for name, replies in MODELS.items():
        (place / f"{name}.json").write_text(json.dumps(replies))
    store = Store(place / "agent-runs")
    plan = batches.plan(read_tasks(suite), store, models=models, times=1, isolated=True)
    try:
        for job in plan.jobs():
            run_job(plan, job.index)
    finally:
        shared_portal().stop()
    given = [option for model in models for option in ("--model", model)]
    status, out, err = call("eval", suite, *given, "--json")
    assert (status, json.loads(out)["batch"]["earlier"]) == (0, len(plan)), err
    told = [
        (each["rate"]["passed"], each["falsehoods"], each["unjudged"]) for each in json.loads(out)["models"]
    ]
    assert told == [(len(chosen), 0, 0), (0, len(chosen), 0)][: len(models)]
