"""What changed in a workspace, told by the files themselves."""

from __future__ import annotations

import os
from pathlib import Path

from neuroworkflow_agent.runs.files import FileWatch


def test_changes_are_told_with_who_made_them_and_content_before_and_after(tmp_path: Path) -> None:
    for name in ("kept", "changed", "deleted", "touched", "back"):
        (tmp_path / name).write_text(name)
    watch = FileWatch(tmp_path)
    (tmp_path / "changed").write_text("other")
    watch.note("Write")
    (tmp_path / "deleted").unlink()
    (tmp_path / "made").write_text("")
    os.utime(tmp_path / "touched", ns=(1, 1))
    (tmp_path / "back").write_text("there")
    watch.note("run_code")
    (tmp_path / "back").write_text("back")
    watch.note("the run", at_any_cost=True)
    found = {each.path: (each.before is None, each.after is None, each.by) for each in watch.changes}
    assert found == {
        "changed": (False, False, "Write"),
        "deleted": (False, True, "run_code"),
        "made": (True, False, "run_code"),
    }


def test_nothing_is_followed_and_nothing_but_files_is_opened(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    root.mkdir()
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to(outside)
    (root / "loop").symlink_to(root)
    watch = FileWatch(root)
    (outside / "deep" / "file").write_text("x")
    (root / "link").unlink()
    (root / "link").symlink_to("/etc/passwd")
    watch.note("run_code")
    assert [(each.path, each.by) for each in watch.changes] == [("link", "run_code")]


def test_same_size_and_time_do_not_hide_a_change(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("aaaa")
    before = path.stat()
    watch = FileWatch(tmp_path)
    path.write_text("bbbb")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    watch.note("run_code")
    assert [each.path for each in watch.changes] == ["data.csv"]


def test_directory_of_runs_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "agent-runs").mkdir()
    watch = FileWatch(tmp_path, [tmp_path / "agent-runs"])
    (tmp_path / "agent-runs" / "x").touch()
    watch.note("the run")
    assert watch.changes == []
