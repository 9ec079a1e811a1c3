"""The file tools neither read nor write what the user signed in with, also where the workspace is their home."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neuroworkflow_agent.credentials import SignIn, keep, sign_in_file
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import ToolResult
from neuroworkflow_agent.testing import Reply, ScriptedModel


@pytest.mark.parametrize("folder", [".config", "odd (one) [x] {y,z} *?!"])
def test_file_tools_leave_the_key_alone(
    folder: str,
    make_session: Callable[..., Session],
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workspace / folder))  # as where the workspace is the home
    monkeypatch.setitem(sys.modules, "keyring", None)
    with ScriptedModel() as model:
        keep(SignIn("anthropic", model.base_url, model.api_key))
        look_around(model, make_session, workspace, folder)


def look_around(
    model: ScriptedModel, make_session: Callable[..., Session], workspace: Path, folder: str
) -> None:
    path = sign_in_file()
    assert path is not None
    before = path.read_bytes()
    (workspace / "link").symlink_to(path)
    (workspace / "other.json").write_text('{"key": "not the one"}')
    (path.parent / "instructions.md").write_text("key")
    model.extend(
        *(Reply.tool("Read", file_path=name) for name in (str(path), "link", f"{folder}/neuroworkflow-agent/sign-in.json")),
        Reply.tool("Write", file_path=str(path), content="{}"),
        Reply.tool("Edit", file_path="link", old_string="key", new_string="x"),
        Reply.tool("Grep", pattern="key", path=str(path), output_mode="content"),
        Reply.tool("Grep", pattern="key", output_mode="content"),
        Reply.tool("Grep", pattern="key", path=str(path.parent), output_mode="content", glob="*.json"),
        Reply.tool("Grep", pattern="key", path=folder, output_mode="content"),
        Reply.text("ok"),
    )  # fmt: skip
    turn = make_session().start("look around")
    assert turn.result(60).end == "complete"
    results = [event for event in turn if isinstance(event, ToolResult)]
    refused = [
        result for result in results if re.search("holds the user's key|deny rule|is denied", result.text)
    ]
    assert refused == results[:6]
    assert all(result.is_error for result in refused)
    assert "not the one" in results[6].text
    assert "instructions.md" in results[8].text
    assert model.api_key not in json.dumps([request.body for request in model.requests])
    assert path.read_bytes() == before
