"""`design` and `refine`: the agent drafts, a person accepts."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pexpect
import pytest

from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.surfaces.headless_process import call

pytestmark = [pytest.mark.claude, pytest.mark.server]
DRAFT = "notebook: rate.ipynb\nprompt: Compute the rate in Hz.\nchecks: [rate_hz > 0]\n"


def test_draft_is_corrected_once_and_printed(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, scripted_model: ScriptedModel
) -> None:
    monkeypatch.chdir(workspace)
    (workspace / "notes.txt").write_text("Rates are in Hz.")
    scripted_model.extend(Reply.text("```yaml\nprompt: go\n```"), Reply.text(f"Here:\n```yaml\n{DRAFT}```"))
    status, out, err = call("design", "the mean rate", "--from", "notes.txt")
    assert (status, out) == (0, DRAFT), err
    assert "Rates are in Hz." in scripted_model.requests[0].user_texts[0]
    assert "'notebook' is a required property" in scripted_model.requests[1].user_texts[-1]
    assert list(workspace.iterdir()) == [workspace / "notes.txt"]
    status, out, _ = call("design", "--schema")
    assert json.loads(out)["$defs"]["task"]["required"] == ["notebook"]


def test_change_is_a_diff_that_a_person_accepts(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, scripted_model: ScriptedModel
) -> None:
    monkeypatch.chdir(workspace)
    task = workspace / "task.yaml"
    task.write_text(DRAFT)
    store = Store(workspace / "agent-runs")
    place = store.begin("0" * 16)
    (place.path / "run.json").write_text(
        json.dumps(
            {
                "end": "complete",
                "checks": [{"name": "rate_hz > 0", "outcome": "unjudged", "detail": "NameError"}],
            }
        )
    )
    store.accept(place)
    better = DRAFT.replace("Compute the rate in Hz.", "Compute the mean rate in Hz as rate_hz.")
    scripted_model.extend(*[Reply.text(f"```yaml\n{better}```")] * 3)
    status, out, err = call("refine", "task.yaml", "--from", "0000")
    assert status == 0, err
    assert "+prompt: Compute the mean rate in Hz as rate_hz." in out
    assert "check rate_hz > 0: unjudged NameError" in scripted_model.requests[0].user_texts[0]
    assert task.read_text() == DRAFT
    for answer, after in (("n", DRAFT), ("y", better)):
        terminal = pexpect.spawn(
            sys.executable, ["-m", "neuroworkflow_agent", "refine", "task.yaml", "--from", "0000"], timeout=60
        )
        terminal.expect_exact("Change 'task.yaml' so?")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert task.read_text() == after


def test_nothing_is_saved_where_nobody_can_accept(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    status, _, err = call("design", "the rate", "--output", "task.yaml")
    assert (status, "Nobody can accept a draft here" in err) == (2, True)
