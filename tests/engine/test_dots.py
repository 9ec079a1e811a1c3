"""`..` behind a link, which the operating system and the CLI read differently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neuroworkflow_agent.engine.permissions import Allow, Deny, decide
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import ToolResult
from neuroworkflow_agent.testing import Reply, ScriptedModel, ToolCall
from neuroworkflow_agent.workspace import Workspace
from tests.tools.offered import TOOLS


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("inner/../../outside/x", Deny),  # beside the workspace, without following `inner`
        ("link/../x", Deny),  # beside the workspace, following `link`
        ("inner/../x", Allow),
    ],
)
@pytest.mark.parametrize("tool", ["Read", "Write", "Edit", "Grep", "Glob"])
def test_both_readings_of_dots_stay_inside(tool: str, path: str, expected: type, tmp_path: Path) -> None:
    root = tmp_path.resolve() / "work"
    (root / "deep" / "er").mkdir(parents=True)
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (root / "inner").symlink_to("deep/er")
    (root / "link").symlink_to(tmp_path / "outside" / "deep")
    given = {"path" if tool in ("Grep", "Glob") else "file_path": path, "pattern": "*"}
    assert isinstance(decide(tool, given, Workspace(root), "edit", TOOLS), expected)


def test_dots_behind_a_link_lead_nowhere_else(
    scripted_model: ScriptedModel, make_session: Callable[..., Session], workspace: Path
) -> None:
    (workspace / "x" / "y").mkdir(parents=True)
    (workspace / "a").symlink_to("x/y")
    beside = workspace.parent / "beside"
    beside.mkdir()
    (beside / "secret.txt").write_text("what nobody may read")
    calls = [
        call
        for path in ("a/../../beside", f"{workspace}/a/../../beside")
        for call in (
            ToolCall("Read", {"file_path": f"{path}/secret.txt"}),
            ToolCall("Write", {"file_path": f"{path}/written.txt", "content": "x"}),
            ToolCall("Grep", {"pattern": "nobody", "path": path, "output_mode": "content"}),
            ToolCall("Glob", {"pattern": "*", "path": path}),
            ToolCall("Glob", {"pattern": f"{path}/*"}),
        )
    ]
    scripted_model.extend(Reply(tuple(calls)), Reply.text("ok"))
    turn = make_session().start("look around")
    assert turn.result(60).end == "complete"
    results = [event for event in turn if isinstance(event, ToolResult)]
    assert [result.text for result in results if "is outside the workspace" not in result.text] == []
    assert len(results) == len(calls)
    assert "what nobody may read" not in str(scripted_model.requests[-1].body)
    assert [path.name for path in beside.iterdir()] == ["secret.txt"]
