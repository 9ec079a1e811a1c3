"""`batch` and `eval` as users meet them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.runs.record import read_record
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.task import read_tasks
from neuroworkflow_agent.surfaces import batches
from neuroworkflow_agent.surfaces.batch_job import run_job
from neuroworkflow_agent.testing import Failure, Reply, ScriptedModel
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
def test_suite_of_tasks_over_two_models_gives_their_known_rates(place: Path) -> None:
    tasks = tiers.count(30, at_least=2)
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
    for model, right in zip(told["models"], rights.values(), strict=True):
        assert (model["rate"]["passed"], model["rate"]["count"]) == (right, tasks)
        assert model["rate"]["interval"]["low"] < right / tasks <= model["rate"]["interval"]["high"]
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


def test_a_run_that_is_cut_off_is_tried_again_after_a_pause(
    place: Path, monkeypatch: pytest.MonkeyPatch, scripted_model: ScriptedModel
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")
    scripted_model.extend(Failure(429, "slow down"), Reply.text("Done."))
    (place / "task.yaml").write_text("notebook: a.ipynb\nprompt: go\nexecute: false\n")
    store = Store(place / "agent-runs")
    plan = batches.plan(read_tasks(place / "task.yaml"), store, models=(), times=1, isolated=False)
    try:
        assert run_job(plan, 0, pause_s=0.01) == 0
        assert run_job(plan, 0) == 0
    finally:
        shared_portal().stop()
    told = [
        (found.told["end"], found.told["exit_code"])
        for found in map(read_record, store.places(plan.job(0).key))
    ]
    assert told == [("cut_off", 4), ("complete", 0)]
    assert len(scripted_model.requests) == 2
