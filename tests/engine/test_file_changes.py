"""What a call of Write or Edit is about to do, told with the lines of the real file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.engine.file_changes import change_of
from neuroworkflow_agent.events import FileChange, ToolResult, ToolUse
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.workspace import Workspace
from tests.conftest import SessionMaker

LINES = "".join(f"line {number}\n" for number in range(1, 201))


def change(workspace: Path, tool: str, **given: Any) -> FileChange | None:
    return change_of(ToolUseId("t"), tool, given, Workspace(workspace))


def edit(workspace: Path, old: str, new: str, **more: Any) -> str | None:
    found = change(workspace, "Edit", file_path="a.txt", old_string=old, new_string=new, **more)
    return found.diff if found is not None else None


def test_edit_is_told_with_the_number_of_its_line(workspace: Path) -> None:
    (workspace / "sub").mkdir()
    (workspace / "sub" / "a.txt").write_text(LINES)
    path = str(workspace / "sub" / "a.txt")
    found = change(workspace, "Edit", file_path=path, old_string="ne 121", new_string="NE 121")
    assert found is not None
    assert found.path == str(Path("sub") / "a.txt")
    lines = found.diff.splitlines()
    assert (lines[0], lines[4:6]) == ("@@ -118,7 +118,7 @@", ["-line 121", "+liNE 121"])


def test_every_place_is_told_where_all_are_replaced(workspace: Path) -> None:
    (workspace / "a.txt").write_text(LINES)
    assert edit(workspace, "line 1", "x") is None  # there are many: the tool is going to refuse
    heads = [
        line
        for line in (edit(workspace, "line 5", "x", replace_all=True) or "").splitlines()
        if line[0] == "@"
    ]
    assert heads == ["@@ -2,7 +2,7 @@", "@@ -47,16 +47,16 @@"]


@pytest.mark.parametrize(
    ("content", "old", "new", "expected"),
    [
        (b"a\r\nb\r\n", "a\nb", "a\nc", "@@ -1,2 +1,2 @@\n a\n-b\n+c"),
        (b"a\n", "z", "y", None),
        (b"\xff\xfe", "a", "b", None),
        (b"a" * 3_000_000, "b", "c", None),
        (b"", "", "new\n", "@@ -0,0 +1 @@\n+new"),
        (b"full", "", "new", None),
    ],
    ids=["Windows lines", "not there", "no text", "too long", "empty", "no place"],
)
def test_what_cannot_be_told_is_left(
    content: bytes, old: str, new: str, expected: str | None, workspace: Path
) -> None:
    (workspace / "a.txt").write_bytes(content)
    assert edit(workspace, old, new) == expected


def test_write_over_a_file_tells_what_changes_and_a_new_file_everything(workspace: Path) -> None:
    new = change(workspace, "Write", file_path="new.txt", content="a\nb")
    assert new is not None
    assert new.diff == "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file"
    (workspace / "old.txt").write_text(LINES)
    over = change(workspace, "Write", file_path="old.txt", content=LINES.replace("line 9\n", ""))
    assert over is not None
    assert over.diff.splitlines()[0] == "@@ -6,7 +6,6 @@"


def test_write_that_changes_the_ends_of_lines_says_so(workspace: Path) -> None:
    (workspace / "a.txt").write_bytes(b"x\r\ny\n")
    found = change(workspace, "Write", file_path="a.txt", content="x\ny\n")
    assert found is not None
    assert found.diff == "@@ -1,2 +1,2 @@\n-x\r\n+x\n y"


def test_pipes_links_out_and_odd_input_are_not_opened(workspace: Path, tmp_path: Path) -> None:
    os.mkfifo(workspace / "a.txt")
    assert edit(workspace, "a", "b") is None
    (tmp_path / "outside.txt").write_text("a")
    (workspace / "link.txt").symlink_to(tmp_path / "outside.txt")
    assert change(workspace, "Edit", file_path="link.txt", old_string="a", new_string="b") is None
    assert change(workspace, "Write", file_path=["a"], content="b") is None
    assert change(workspace, "Write", file_path="a\0", content="b") is None
    assert change(workspace, "Read", file_path="a.txt") is None


@pytest.mark.claude
def test_change_is_told_before_it_is_done_and_without_secrets(
    workspace: Path,
    scripted_model: ScriptedModel,
    make_session: SessionMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = workspace / "settings.py"
    path.write_text(f"key = '{'k' * 20}'\nrate_hz = 5\n")
    scripted_model.extend(
        Reply.tool("Read", file_path=str(path)),
        Reply.tool("Edit", file_path=str(path), old_string="rate_hz = 5", new_string="rate_hz = 7"),
        Reply.text("Done."),
    )
    monkeypatch.setenv("MY_API_KEY", "k" * 20)
    events = list(make_session().start("change it"))
    told = [event for event in events if isinstance(event, FileChange)]
    assert [event.path for event in told] == ["settings.py"]
    assert "-rate_hz = 5\n+rate_hz = 7" in told[0].diff
    assert "k" * 20 not in told[0].diff
    uses = {event.tool_use_id for event in events if isinstance(event, ToolUse)}
    done = [event for event in events if isinstance(event, ToolResult)][-1]
    assert told[0].tool_use_id in uses
    assert told[0].tool_use_id == done.tool_use_id
    assert events.index(told[0]) < events.index(done)
    assert not done.is_error
    assert path.read_text().endswith("rate_hz = 7\n")
