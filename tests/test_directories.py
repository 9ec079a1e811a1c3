"""A private directory is found wherever there is one, and never somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from neuroworkflow_agent.directories import can_write, private_directory
from neuroworkflow_agent.engine.claude.home import settle_home
from neuroworkflow_agent.errors import ConfigError


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory of a user whose home cannot be written; ours in it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    return tmp_path / "tmp" / f"neuroworkflow-agent-{os.getuid()}"


def test_users_cache_is_used_and_is_theirs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    directory = private_directory("models", "small")
    assert directory == tmp_path / "cache" / "neuroworkflow-agent" / "models" / "small"
    ours = (directory, directory.parent, directory.parent.parent)
    assert [path.stat().st_mode & 0o777 for path in ours] == [0o700] * 3
    assert list(directory.iterdir()) == []
    assert private_directory("models", "small") == directory


def test_without_a_writable_home_the_temporary_directory_is_used(temporary: Path) -> None:
    assert private_directory("skills") == temporary / "skills"
    assert temporary.stat().st_mode & 0o777 == 0o700


_NAMELESS = """\
import os
import neuroworkflow_agent.skills, neuroworkflow_agent.engine.claude.transcripts
from neuroworkflow_agent.directories import private_directory
from neuroworkflow_agent.engine.claude.home import settle_home
os.setgid(54321)
os.setuid(54321)
print(private_directory("skills"))
settle_home()
print(os.environ["CLAUDE_CONFIG_DIR"])
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_user_without_home_and_name_gets_no_directory_called_tilde(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to others
        Path(name).chmod(0o777)
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": name}
        command = [sys.executable, "-c", _NAMELESS]
        done = subprocess.run(command, env=environ, cwd=name, capture_output=True, text=True)
        ours = Path(name) / "neuroworkflow-agent-54321"
        assert (done.stdout.split(), done.stderr) == ([f"{ours}/skills", f"{ours}/claude"], "")
        assert list(Path(name).iterdir()) == [ours]


def test_directory_of_somebody_else_is_refused_with_a_sentence(temporary: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    temporary.symlink_to(theirs)
    expected = f"'{temporary}' is not this user's alone. Set XDG_CACHE_HOME to a directory of yours that can be written."
    with pytest.raises(ConfigError, match=expected):
        private_directory("skills")
    temporary.unlink()
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o777)
    with pytest.raises(ConfigError, match=expected):
        private_directory("skills")
    temporary.rmdir()
    temporary.write_text("in the way")
    with pytest.raises(ConfigError, match="the temporary directory cannot be either"):
        private_directory("skills")
    assert list(theirs.iterdir()) == []


def test_claude_keeps_sessions_where_it_can_write(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "given")
    settle_home()
    assert os.environ["CLAUDE_CONFIG_DIR"] == "given"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "")
    settle_home()
    assert os.environ["CLAUDE_CONFIG_DIR"] == str(temporary / "claude")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    settle_home()
    assert os.environ["CLAUDE_CONFIG_DIR"] == ""
    assert not (tmp_path / ".claude").exists()


def test_whether_files_can_be_made_is_tried(tmp_path: Path) -> None:
    assert can_write(tmp_path / "a" / "b")
    assert not can_write(Path("/dev/null/a"))
    assert not can_write(Path("/proc/nothing/such"))
    assert list(tmp_path.iterdir()) == []


def test_command_that_needs_a_home_says_so_where_there_is_none() -> None:
    command = [sys.executable, "-c", _WITHOUT_HOME, "kernel", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "This user has no home directory, and Jupyter needs one. Set HOME to a directory of yours that can be written.\n"
    )


_WITHOUT_HOME = """
import os, pwd
def unnamed(uid): raise KeyError(uid)
pwd.getpwuid = unnamed
for name in [*os.environ]:
    if name == "HOME" or name.startswith("JUPYTER"): del os.environ[name]
from neuroworkflow_agent.cli import main
main()
"""
