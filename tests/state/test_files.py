"""Files of a turn are put back as they were, unless somebody has changed them since."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.ids import new_turn_id
from neuroworkflow_agent.state import file_copies, scan
from neuroworkflow_agent.state.turn_files import TurnFiles
from neuroworkflow_agent.workspace import Workspace


@pytest.fixture
def files(workspace: Path) -> TurnFiles:
    return TurnFiles(new_turn_id(), Workspace(workspace))


def write(files: TurnFiles, path: Path, text: str) -> None:
    """As the Write tool does."""
    files.before_write(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    files.after_write(path)


def run(files: TurnFiles, code: Callable[[], object]) -> None:
    """As `run_code` does."""
    files.before_code()
    code()
    files.after_code()


def told(files: TurnFiles) -> dict[str, str]:
    """What is said of each file."""
    return {each.name: each.obstacle or each.verb for each in files.effects()}


def undo(files: TurnFiles) -> dict[str, str]:
    """Take everything back; what was left, and why."""
    done = files.take_back([each.key for each in files.effects()])
    return {each.name: each.obstacle for each in done if each.obstacle}


def test_written_files_are_as_before(files: TurnFiles, workspace: Path) -> None:
    old = workspace / "old.py"
    old.write_text("old\n")
    old.chmod(0o750)
    write(files, old, "new\n")
    write(files, old, "newer\n")
    write(files, workspace / "deep" / "er" / "made.py", "made\n")
    assert told(files) == {"old.py": "is restored", "deep/er/made.py": "is deleted"}
    assert undo(files) == {}
    assert (old.read_text(), stat.S_IMODE(old.stat().st_mode)) == ("old\n", 0o750)
    assert sorted(each.name for each in workspace.iterdir()) == ["old.py"]
    assert files.effects() == []


def test_what_code_writes_is_noticed(files: TurnFiles, workspace: Path) -> None:
    for name in ("changed", "gone", "moved", "same"):
        (workspace / name).write_text(f"{name}\n")
    (workspace / "gone").chmod(0o600)

    def code() -> None:
        (workspace / "changed").write_text("CHANGED\n")
        os.utime(workspace / "changed", ns=(0, 0))
        (workspace / "gone").unlink()
        (workspace / "moved").rename(workspace / "elsewhere")
        (workspace / "sub").mkdir()
        (workspace / "sub" / "made").write_text("made\n")

    run(files, code)
    assert told(files) == {
        "changed": "is restored",
        "elsewhere": "is deleted",
        "gone": "is restored",
        "moved": "is restored",
        "sub/made": "is deleted",
    }
    assert undo(files) == {}
    texts = {each.name: each.read_text() for each in workspace.iterdir() if each.is_file()}
    assert texts == {name: f"{name}\n" for name in ("changed", "gone", "moved", "same")}
    assert stat.S_IMODE((workspace / "gone").stat().st_mode) == 0o600


def test_what_the_user_changed_since_stays(files: TurnFiles, workspace: Path) -> None:
    for name in ("edited", "deleted", "replaced"):
        (workspace / name).write_text("old\n")
        write(files, workspace / name, "agent\n")
    write(files, workspace / "made", "agent\n")
    (workspace / "edited").write_text("user\n")
    (workspace / "made").write_text("user\n")
    (workspace / "deleted").unlink()
    (workspace / "replaced").unlink()
    (workspace / "replaced").symlink_to(workspace / "edited")
    since = "it was changed since"
    assert undo(files) == {
        "edited": since,
        "deleted": since,
        "replaced": "its place leads elsewhere by now",
        "made": since,
    }
    assert (workspace / "edited").read_text() == (workspace / "made").read_text() == "user\n"
    assert not (workspace / "deleted").exists()


def test_a_change_of_the_users_in_the_middle_is_not_lost(files: TurnFiles, workspace: Path) -> None:
    path = workspace / "notes.md"
    path.write_text("old\n")
    write(files, path, "agent\n")
    path.write_text("agent\nuser\n")
    run(files, lambda: path.write_text("code\n"))
    assert told(files) == {"notes.md": "is restored, as you had changed it during the turn"}
    assert undo(files) == {}
    assert path.read_text() == "agent\nuser\n"


def test_a_new_process_knows_it_too(workspace: Path) -> None:
    turn_id = new_turn_id()
    files = TurnFiles(turn_id, Workspace(workspace))
    (workspace / "a").write_text("old\n")
    write(files, workspace / "a", "new\n")
    with (state_directory("undo") / turn_id / "files.jsonl").open("ab") as journal:
        journal.write(b'{"path": "half a li')
    later = TurnFiles.load(turn_id, Workspace(workspace))
    assert undo(later) == {}
    assert (workspace / "a").read_text() == "old\n"
    assert TurnFiles.load(turn_id, Workspace(workspace)).effects() == []


def test_a_turn_that_was_killed_while_it_wrote_is_not_guessed_at(workspace: Path) -> None:
    turn_id = new_turn_id()
    (workspace / "a").write_text("old\n")
    TurnFiles(turn_id, Workspace(workspace)).before_write(workspace / "a")
    (workspace / "a").write_text("half\n")
    assert undo(TurnFiles.load(turn_id, Workspace(workspace))) == {
        "a": "it is not known how the turn left it"
    }
    assert (workspace / "a").read_text() == "half\n"


def test_links_pipes_and_large_files_are_left_alone(
    files: TurnFiles, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_copies, "MAX_KEPT_BYTES", 1000)
    monkeypatch.setattr(scan, "MAX_FILE_BYTES", 1000)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret\n")
    (workspace / "link").symlink_to(outside / "secret")
    (workspace / "directory").symlink_to(outside)
    os.mkfifo(workspace / "pipe")
    (workspace / "large").write_bytes(b"x" * 2000)

    def code() -> None:
        (outside / "secret").write_text("changed\n")
        (workspace / "large").write_bytes(b"y" * 2000)

    run(files, code)
    for name in ("link", "pipe"):
        files.before_write(workspace / name)
        files.after_write(workspace / name)
    assert told(files) == {"large": "it is too large to be kept before code runs, so it was not kept"}
    assert undo(files) != {}
    assert (outside / "secret").read_text() == "changed\n"


def test_what_stands_in_a_files_place_stops_the_others_not(files: TurnFiles, workspace: Path) -> None:
    for name in ("folder", "pipe", "other"):
        (workspace / name).write_text("old\n")
        write(files, workspace / name, "new\n")
    for name, make in (("folder", os.mkdir), ("pipe", os.mkfifo)):
        (workspace / name).unlink()
        make(workspace / name)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert undo(files) == {"folder": "it was changed since", "pipe": "it was changed since"}
    assert (workspace / "other").read_text() == "old\n"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_a_killed_undo_has_left_goes_with_the_next(files: TurnFiles, workspace: Path) -> None:
    (workspace / "a").write_text("old\n")
    write(files, workspace / "a", "new\n")
    command = [sys.executable, "-c", _KILLED, str(workspace / "a")]
    subprocess.run(command, check=False)
    assert len(list(workspace.iterdir())) == 2
    (workspace / "a").write_text(
        "old\n"
    )  # it was killed after the rename, and before it removed the other one
    assert undo(files) == {}
    assert [each.name for each in workspace.iterdir()] == ["a"]


_KILLED = """\
import os, sys
from pathlib import Path
from neuroworkflow_agent.replacing import Temporary
Temporary(Path(sys.argv[1])).write(b"old")
os.kill(os.getpid(), 9)
"""


def test_a_directory_swapped_for_a_link_leads_nowhere(
    files: TurnFiles, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "d").mkdir()
    (workspace / "d" / "a").write_text("old\n")
    write(files, workspace / "d" / "a", "new\n")
    outside = tmp_path / "outside"
    (workspace / "d").rename(outside)
    (workspace / "d").symlink_to(outside)
    assert undo(files) == {"d/a": "its place leads elsewhere by now"}
    assert (outside / "a").read_text() == "new\n"


def test_a_large_workspace_is_said_not_to_be_seen_whole(
    files: TurnFiles, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_FILES", 5)
    for number in range(10):
        (workspace / f"f{number}").write_text("x")
    run(files, lambda: (workspace / "new").write_text("x"))
    assert files.effects() == []
    assert files.gaps == ["The workspace is too large to look for all files that code has changed."]


def test_an_editor_that_writes_during_the_undo_keeps_its_text(files: TurnFiles, workspace: Path) -> None:
    path = workspace / "raced"
    for number in range(30):
        path.write_text("old\n")
        turn = TurnFiles(new_turn_id(), Workspace(workspace))
        write(turn, path, "agent\n")
        editor = threading.Thread(target=path.write_text, args=(f"user {number}\n",))
        editor.start()
        left = undo(turn)
        editor.join()
        assert path.read_text() == f"user {number}\n" or not left


def test_old_turns_go(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_copies, "_MAX_TURNS", 2)
    turns = [new_turn_id() for _ in range(4)]
    for turn in turns:
        write(TurnFiles(turn, Workspace(workspace)), workspace / "a", turn)
    file_copies.sweep()
    assert len(list(state_directory("undo").iterdir())) == 2
    assert TurnFiles.load(turns[0], Workspace(workspace)).effects() == []


UNDO = """
import sys
from pathlib import Path
from neuroworkflow_agent.state.turn_files import TurnFiles
from neuroworkflow_agent.workspace import Workspace
files = TurnFiles.load(sys.argv[1], Workspace(Path(sys.argv[2])))
for effect in files.effects():
    print(effect.name, flush=True)
    files.take_back([effect.key])
"""


def test_a_kill_in_the_middle_leaves_whole_files_and_the_rest_for_later(workspace: Path) -> None:
    turn_id = new_turn_id()
    files = TurnFiles(turn_id, Workspace(workspace))
    old, new = "old\n" * 20_000, "new\n" * 20_000
    for number in range(60):
        (workspace / f"f{number}").write_text(old)
        write(files, workspace / f"f{number}", new)
    for count in (1, 5, 20):
        command = [sys.executable, "-c", UNDO, turn_id, str(workspace)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(count):
                process.stdout.readline()
            process.kill()
        assert {(workspace / f"f{number}").read_text() for number in range(60)} <= {old, new}
    assert undo(TurnFiles.load(turn_id, Workspace(workspace))) == {}
    assert {(workspace / f"f{number}").read_text() for number in range(60)} == {old}


def test_where_there_is_no_place_for_copies_a_turn_goes_on_and_that_is_said(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_names: str) -> Path:
        raise ConfigError("The state directory cannot be written.")

    monkeypatch.setattr(file_copies, "state_directory", nowhere)
    files = TurnFiles(new_turn_id(), Workspace(workspace))
    (workspace / "a").write_text("old")
    write(files, workspace / "a", "new")
    files.end()
    file_copies.sweep()
    assert (workspace / "a").read_text() == "new"
    assert files.gaps == ["a could not be kept: The state directory cannot be written."]
