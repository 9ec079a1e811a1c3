"""What a batch does where the endpoint wants to be left alone, or a budget is used up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.runs.batch import Batch
from neuroworkflow_agent.runs.executors.base import Ended
from neuroworkflow_agent.runs.plan import Plan
from neuroworkflow_agent.runs.record import read_record
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.task import read_tasks
from neuroworkflow_agent.surfaces import batch_job, batches
from neuroworkflow_agent.surfaces.batch_job import run_job
from neuroworkflow_agent.testing import Failure, Reply, ScriptedModel
from tests.gateway.conftest import REAL_KEY, SERVICE_TOKEN, gateways
from tests.surfaces.headless_process import write

pytestmark = [pytest.mark.kernel, pytest.mark.claude, pytest.mark.server]


@pytest.fixture
def place(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(workspace)
    write(workspace / "a.ipynb", [new_code_cell("y = 1")])
    yield workspace
    shared_portal().stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long jobs wanted to wait before another try; nobody waits."""
    asked: list[float] = []
    monkeypatch.setattr(batch_job, "wait", asked.append)
    return asked


def plan_of(place: Path, times: int = 1) -> Plan:
    (place / "task.yaml").write_text("notebook: a.ipynb\nprompt: go\nexecute: false\n")
    store = Store(place / "agent-runs")
    return batches.plan(read_tasks(place / "task.yaml"), store, models=(), times=times, isolated=False)


def ends(plan: Plan) -> list[tuple[str, int]]:
    """How each start of the first job ended, and its exit code."""
    records = map(read_record, Store(plan.store).places(plan.job(0).key))
    return [(record.told["end"], record.told["exit_code"]) for record in records]


@pytest.mark.thorough
def test_a_run_that_is_cut_off_is_tried_again_after_ever_longer_pauses(
    place: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch, scripted_model: ScriptedModel
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")
    scripted_model.extend(Failure(429, "slow down"), Failure(529, "Overloaded"), Reply.text("Done."))
    plan = plan_of(place)
    assert run_job(plan, 0) == 0
    assert run_job(plan, 0) == 0
    assert ends(plan) == [("cut_off", 4), ("cut_off", 4), ("complete", 0)]
    assert pauses == [5.0, 20.0]
    assert len(scripted_model.requests) == 3


def test_the_pause_is_as_long_as_the_endpoint_asks_for(
    place: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch, scripted_model: ScriptedModel
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "1")
    scripted_model.extend(*[Failure(429, "slow down", retry_after_s=1)] * 2, Reply.text("Done."))
    plan = plan_of(place)
    assert run_job(plan, 0, pause_s=0.01) == 0
    assert ends(plan) == [("cut_off", 4), ("complete", 0)]
    (pause_s,) = pauses
    assert 1 <= pause_s < 3  # Claude Code adds a little by chance, as it does to its own pauses


@pytest.mark.thorough
def test_what_was_refused_is_not_tried_again(
    place: Path, pauses: list[float], scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Failure(400, "no such thing"))
    plan = plan_of(place)
    assert run_job(plan, 0) == 1
    assert (ends(plan), pauses) == ([("error", 1)], [])


class Here:
    """Runs jobs in this process, one at a time."""

    capacity: int | None = 1

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ended: list[Ended] = []

    def submit(self, indexes: Sequence[int]) -> None:
        self._ended += [Ended(index, run_job(self._plan, index)) for index in indexes]

    def wait(self) -> list[Ended]:
        ended, self._ended = self._ended, []
        return ended

    def withdraw(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.thorough
def test_budget_of_a_gateways_user_holds_for_the_whole_batch(
    place: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedModel(api_key=REAL_KEY) as upstream, gateways(place, upstream) as serve:
        gateway = serve(user_tokens_per_day=1)
        monkeypatch.setenv("NEUROWORKFLOW_BACKEND_URL", gateway.url)
        monkeypatch.setenv("NEUROWORKFLOW_SERVICE_TOKEN", SERVICE_TOKEN)
        upstream.extend(Reply.text("One."))
        plan = plan_of(place, times=4)
        tally = Batch(plan, Here(plan)).run()
        assert (tally.results, tally.starts, tally.is_complete) == ({"complete": 1}, 2, False)
        assert "budget for today is used up" in tally.stopped
        assert (len(upstream.requests), pauses) == (1, [])
