"""Entries on their way to the database: files that outlive the process, and lose and double nothing."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.gateway import journal as journals
from neuroworkflow_agent.gateway.journal import Journal
from neuroworkflow_agent.gateway.totals import Entry
from neuroworkflow_agent.gateway.usage import Usage
from tests import tiers

DATABASE = "postgresql+psycopg://gateway:secret@db.example/usage"


def entry(n: int) -> Entry:
    """One of many."""
    return Entry(f"id-{n}", date(2026, 11, 26), "hub:Ä\n\u2028b", Usage("m", n, 2, 3, 4), 0.1 * n, n % 2 == 0)


def opened(directory: Path, database: str = DATABASE) -> Journal:
    """A journal at work."""
    journal = Journal(directory, database)
    journal.open()
    return journal


def drained(journal: Journal, most: int = 500) -> list[Entry]:
    """All that it gives, settled."""
    found: list[Entry] = []
    while entries := journal.next(most):
        found += entries
        journal.settle()
    return found


def test_what_was_appended_is_given_until_it_is_settled(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for n in range(3):
        journal.append(entry(n))
    assert journal.next(2) == journal.next(2) == [entry(0), entry(1)]
    journal.append(entry(3))
    journal.settle()
    journal.settle()
    assert journal.is_empty is False
    assert drained(journal) == [entry(2), entry(3)]
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_files_are_for_this_user_alone_and_name_no_password(tmp_path: Path) -> None:
    journal = opened(tmp_path / "deep" / "journals")
    journal.append(entry(1))
    (file,) = (tmp_path / "deep" / "journals").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "secret" not in file.name + file.read_text()
    journal.close()


def test_next_process_takes_up_what_a_dead_one_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    dead = opened(tmp_path)
    dead.append(entry(1))
    dead.close()
    living, other = opened(tmp_path), opened(tmp_path, "sqlite:////elsewhere.db")
    living.append(entry(2))
    late = opened(tmp_path)
    assert (drained(living), drained(late), drained(other)) == ([entry(1), entry(2)], [], [])
    for journal in (living, late, other):
        journal.close()
    assert list(tmp_path.iterdir()) == []


def test_line_that_was_being_written_when_the_process_died_takes_no_other_with_it(tmp_path: Path) -> None:
    dead = opened(tmp_path)
    for n in range(3):
        dead.append(entry(n))
    dead.close()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:10] + b"\xff" + whole[11:-20])
    journal = opened(tmp_path)
    assert drained(journal, 1) == [entry(1)]
    journal.close()
    (kept,) = tmp_path.iterdir()
    assert kept.suffix == ".damaged"


def test_it_stays_small_while_it_is_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_ROTATE_BYTES", 2_000)
    journal = opened(tmp_path)
    found: list[Entry] = []
    journal.append(entry(0))
    for n in range(1, 200):
        found += journal.next(500)
        journal.append(entry(n))
        journal.settle()
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 5_000
    assert [*found, *drained(journal)] == [entry(n) for n in range(200)]
    journal.close()


def test_full_disk_leaves_whole_lines_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    journal.append(entry(1))
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:7]))
        with pytest.raises(OSError, match="full"):
            journal.append(entry(2))
    journal.append(entry(3))
    assert drained(journal) == [entry(1), entry(3)]
    journal.close()


def test_directory_that_cannot_be_written_to_is_named_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file/journals.*NEUROWORKFLOW_GATEWAY_JOURNAL_DIR"):
        opened(tmp_path / "file" / "journals")


@pytest.mark.timeout(900)
def test_nothing_is_lost_however_often_a_process_is_killed(tmp_path: Path) -> None:
    """Each says what it has appended; killed at any moment, it has left that and at most one entry more."""
    code = (
        "import sys, pathlib; from tests.gateway.test_journal import *\n"
        "journal, n = opened(pathlib.Path(sys.argv[1])), int(sys.argv[2])\n"
        "while True:\n    journal.append(entry(n)); print(n, flush=True); n += 1\n"
    )
    chance, first = random.Random(tiers.SEED), 0
    for _ in range(tiers.count(100, at_least=2)):
        command = [sys.executable, "-c", code, str(tmp_path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(chance.randrange(1, 200))]
            process.send_signal(signal.SIGKILL)
            said += [int(line) for line in process.stdout]
        journal = opened(tmp_path)
        found = drained(journal, chance.randrange(1, 50))
        journal.close()
        assert found == [entry(n) for n in range(first, first + len(found))]
        assert said[-1] in (first + len(found) - 1, first + len(found) - 2)
        first += len(found)
