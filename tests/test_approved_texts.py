"""Texts that the user has approved: by their hashes, several of one file, from several processes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from neuroworkflow_agent.approved_texts import ApprovedTexts
from neuroworkflow_agent.directories import state_directory


def test_text_that_was_approved_stays_so_whatever_the_file_holds_meanwhile(tmp_path: Path) -> None:
    approved, path = ApprovedTexts("things"), tmp_path / "a"
    for text in ("A", "B", "odd \ud800"):
        assert not approved.has(path, text)
        approved.add(path, text)
    assert [approved.has(path, text) for text in ("A", "B", "odd \ud800", "C")] == [True, True, True, False]
    assert not approved.has(tmp_path / "b", "A")
    assert (approved.remove(path), approved.remove(path), approved.has(path, "A")) == (True, False, False)


def test_only_so_many_are_kept_of_one_file(tmp_path: Path) -> None:
    approved = ApprovedTexts("things")
    for number in range(60):
        approved.add(tmp_path / "a", str(number))
    assert [approved.has(tmp_path / "a", str(number)) for number in (0, 9, 10, 59)] == [
        False,
        False,
        True,
        True,
    ]


def test_approval_from_before_there_were_several_counts(tmp_path: Path) -> None:
    approved, path = ApprovedTexts("things"), tmp_path / "a"
    approved.add(path, "A")
    file = state_directory() / "approved-things.json"
    (name, (one,)), *_ = json.loads(file.read_text()).items()
    file.write_text(json.dumps({name: one}))
    assert approved.has(path, "A")
    file.write_text("[]")
    assert not approved.has(path, "A")


def test_approvals_at_once_are_all_kept(tmp_path: Path) -> None:
    approved = ApprovedTexts("things")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: approved.add(tmp_path / str(number), "A"), range(40)))
    assert all(approved.has(tmp_path / str(number), "A") for number in range(40))
