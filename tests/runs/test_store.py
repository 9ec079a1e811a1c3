"""Directories of runs: each start has its own, and one of them is the result."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.runs.asked import Asked, digests
from neuroworkflow_agent.runs.event_file import read_events
from neuroworkflow_agent.runs.record import read_files, read_record
from neuroworkflow_agent.runs.store import Place, Store
from neuroworkflow_agent.runs.verdicts import read_verdicts

KEY = "0123456789abcdef"


def begun(store: Store, name: str = "run.json") -> Place:
    """A start with a file in it."""
    place = store.begin(KEY)
    (place.path / name).touch()
    return place


def test_key_follows_from_what_was_asked_and_from_nothing_else(tmp_path: Path) -> None:
    def asked(**more: object) -> Asked:
        told: dict = {
            "notebook": "a.ipynb",
            "notebook_sha256": "0" * 64,
            "prompt": "go",
            "model": "m",
            **more,
        }
        return Asked(**told)

    same = asked(notebook="elsewhere/b.ipynb")
    assert asked().key == same.key
    others = [
        asked(prompt="stop"), asked(model="n"), asked(parameters={"x": 1}), asked(repetition=2),
        asked(inputs={"d": "1"}), asked(settings={"mode": "plan"}), asked(notebook_sha256="1" * 64), asked(prompt=None),
    ]  # fmt: skip
    assert len({each.key for each in [asked(), *others]}) == 9
    assert asked(parameters={"a": 1, "b": 2}).key == asked(parameters={"b": 2, "a": 1}).key


def test_first_start_that_ends_is_the_result_and_stays_so(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, two = begun(store), begun(store)
    assert store.result(KEY) is None
    assert store.accept(two).run_id == KEY
    late = store.accept(one)
    assert (late.run_id, late.is_result) == (f"{KEY}.1", False)
    assert store.starts(KEY) == 2
    assert [place.run_id for place in store.places(KEY)] == [f"{KEY}.1", KEY]


def test_again_keeps_the_earlier_result_beside_the_new_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.accept(begun(store, "first"))
    store.accept(begun(store, "second"), again=True)
    found = {place.run_id: [path.name for path in place.path.iterdir()] for place in store.places(KEY)}
    assert found == {f"{KEY}.1": ["first"], KEY: ["second"]}


def test_many_that_end_at_once_leave_one_result_and_lose_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ready = threading.Barrier(8)

    def start() -> None:
        place = begun(store)
        ready.wait()
        store.accept(place)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    places = store.places(KEY)
    assert [place.is_result for place in places] == [False] * 7 + [True]
    assert all((place.path / "run.json").exists() for place in places)


def test_found_by_the_beginning_of_an_id(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.accept(store.begin(KEY))
    part = store.begin("01ff" * 4)
    assert store.find("0123").run_id == KEY
    assert store.find("01ff").path == part.path
    for wrong in ("ffff", "01", "../..", "0123.7"):
        with pytest.raises(RunError, match="No run"):
            store.find(wrong)
    store.begin("0123" + "f" * 12)
    with pytest.raises(RunError, match="2 runs"):
        store.find("0123")


def test_inputs_are_files_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1")
    assert list(digests(["data/*.csv"], tmp_path)) == ["data/a.csv"]
    for wrong in ("nothing*", "/etc/passwd", "../x", ""):
        with pytest.raises(RunError, match="names no file"):
            digests([wrong], tmp_path)


def test_what_code_planted_beside_a_record_is_not_followed_and_not_waited_for(tmp_path: Path) -> None:
    place = Store(tmp_path / "runs").begin(KEY)
    (tmp_path / "secret.json").write_text('{"end": "complete"}')
    (place.path / "run.json").symlink_to(tmp_path / "secret.json")
    os.mkfifo(place.path / "events.jsonl")
    os.mkfifo(place.path / "files.json")
    (place.path / "verdicts").mkdir()
    os.mkfifo(place.path / "verdicts" / "a.json")
    assert read_record(place).state == "unreadable"
    assert list(read_events(place.path)) == []
    assert read_files(place)["changes"] == []
    assert read_verdicts(place) == []
