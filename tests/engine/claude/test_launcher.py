"""`claude` starts in a session of its own, through a launcher that many may make at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neuroworkflow_agent.engine.claude import launcher


@pytest.mark.parametrize("has_setsid", [True, False])
def test_launcher_leads_a_session_and_keeps_arguments(
    has_setsid: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_setsid:
        monkeypatch.setattr("shutil.which", lambda _name: None)
    program = tmp_path / "a program"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint(os.getsid(0) == os.getpid(), sys.argv[1:])\n"
    )
    program.chmod(0o755)
    script = launcher.detached(program, cache=tmp_path / "cache")
    assert script is not None
    result = subprocess.run([script, "a b", "--c=$d"], capture_output=True, text=True, check=True)
    assert result.stdout == "True ['a b', '--c=$d']\n"
    assert os.getsid(0) != os.getpid() or result.stdout.startswith("True")


def test_many_may_make_the_launcher_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: launcher.detached(Path("/bin/true"), cache=tmp_path), range(64)))
    (script,) = made
    assert script is not None
    assert list((tmp_path / "bin").iterdir()) == [script]
    assert script.stat().st_mode & 0o777 == 0o700


def test_without_a_usable_cache_the_program_itself_is_started(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a directory")
    assert launcher.detached(Path("/bin/true"), cache=in_the_way) == Path("/bin/true")


def test_missing_program_is_left_for_the_sdk_to_report() -> None:
    assert launcher.detached(None) is None
