"""A small file is replaced as a whole, by one writer or many."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neuroworkflow_agent.private_files import write_private


@pytest.mark.parametrize(("is_program", "mode"), [(False, 0o600), (True, 0o700)])
def test_only_its_user_may_read_it(is_program: bool, mode: int, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o666)
    write_private(target, b"new", is_program=is_program)
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", mode)
    assert list(tmp_path.iterdir()) == [target]


def test_readers_find_one_writers_whole(tmp_path: Path) -> None:
    target, whole = tmp_path / "file", [bytes([65 + number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write_private, target, data) for data in whole * 5]
        while not all(each.done() for each in writing):
            if target.exists():
                assert target.read_bytes() in whole
    assert list(tmp_path.iterdir()) == [target]


def test_a_planted_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "file"
    victim.write_text("mine")
    target.symlink_to(victim)
    write_private(target, b"new")
    assert victim.read_text() == "mine"
    assert target.read_bytes() == b"new"


def test_what_cannot_be_written_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no room"):
        write_private(target, b"new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_error_names_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_private(tmp_path / "file", b"new")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "file"), None)
