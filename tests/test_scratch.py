"""What a killed owner has left is swept; nothing else is."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from neuroworkflow_agent import scratch
from neuroworkflow_agent.scratch import Scratch, sweep

_OWNER = """\
import sys, time
from neuroworkflow_agent.scratch import Scratch
scratch = Scratch()
(scratch.path / "picture").write_text("large")
(scratch.path / "link").symlink_to(sys.argv[1])
print(scratch.path.parent, flush=True)
time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """What must stay."""
    directory = tmp_path / "precious"
    directory.mkdir()
    (directory / "owner").write_text(os.uname().nodename)
    return directory


def owner(temporary: Path, precious: Path) -> tuple[subprocess.Popen[str], Path]:
    command = [sys.executable, "-c", _OWNER, str(precious)]
    environ = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def left_by_a_killed_owner(temporary: Path, precious: Path) -> Path:
    process, path = owner(temporary, precious)
    process.kill()
    process.communicate()
    assert path.is_dir()
    return path


def test_only_what_dead_owners_left_is_swept(temporary: Path, precious: Path) -> None:
    left = left_by_a_killed_owner(temporary, precious)
    alive, kept = owner(temporary, precious)
    ours = Scratch()
    try:
        sweep()
        assert not left.exists()
        assert (kept / "files" / "picture").read_text() == "large"
        assert ours.path.is_dir()
    finally:
        alive.kill()
        alive.communicate()
    ours.remove()
    ours.remove()
    sweep()
    assert list(temporary.iterdir()) == []
    assert [path.name for path in precious.iterdir()] == ["owner"]


def test_nothing_is_swept_through_links_or_of_others(temporary: Path, precious: Path) -> None:
    prefix = left_by_a_killed_owner(temporary, precious).name[:-8]
    sweep()
    assert list(temporary.iterdir()) == []
    (temporary / f"{prefix}link").symlink_to(precious)
    (temporary / f"{prefix}file").write_text("a file")
    os.mkfifo(temporary / f"{prefix}fifo")
    for name in ("without", "fifo-lock", "link-lock", "elsewhere", "somebody"):
        directory = temporary / f"{prefix}{name}"
        directory.mkdir(mode=0o700)
        (directory / "work").write_text("in use")
    os.mkfifo(temporary / f"{prefix}fifo-lock" / "owner")
    (temporary / f"{prefix}link-lock" / "owner").symlink_to(precious / "owner")
    (temporary / f"{prefix}elsewhere" / "owner").write_text("another machine")
    (temporary / f"{prefix}somebody" / "owner").write_text(os.uname().nodename)
    if os.getuid() == 0:
        os.chown(temporary / f"{prefix}somebody", 54321, 54321)
    else:
        (temporary / f"{prefix}somebody" / "owner").unlink()
    before = sorted(temporary.rglob("*"))
    started = time.monotonic()
    sweep()
    assert sorted(temporary.rglob("*")) == before
    assert time.monotonic() - started < 2
    assert [path.name for path in precious.iterdir()] == ["owner"]


def test_scratch_of_a_forked_owner_stays(temporary: Path, precious: Path) -> None:
    """A child of a killed kernel may go on, and with it what it has open."""
    code = "import os; os.fork() or (time.sleep(1), os._exit(0)); os.kill(os.getpid(), 9)"
    source = _OWNER.replace("time.sleep(600)", code)
    environ = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", source, str(precious)], env=environ, stdout=subprocess.DEVNULL)
    sweep()
    assert len(list(temporary.iterdir())) == 1
    time.sleep(1.2)
    sweep()
    assert list(temporary.iterdir()) == []


def test_scratch_that_cannot_be_made_leaves_nothing(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_root: Path) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scratch, "_lock", full)
    with pytest.raises(OSError, match="No space left"):
        Scratch()
    assert list(temporary.iterdir()) == []
