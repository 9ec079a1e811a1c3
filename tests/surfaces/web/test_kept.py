"""What is kept of a workspace's chats, by more than one server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.surfaces.web.kept import Kept, KeptFile
from neuroworkflow_agent.surfaces.web.places import Place


def test_nothing_is_lost_where_two_servers_write_at_once(tmp_path: Path) -> None:
    ids = [f"chat-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for each in pool.map(lambda name: KeptFile(tmp_path).begin(name), ids):
            assert each is None
        [*pool.map(lambda name: KeptFile(tmp_path).pin(name, is_pinned=True), ids)]
    kept = KeptFile(tmp_path).read()
    assert sorted(kept.begun) == sorted(kept.pinned) == sorted(ids)
    KeptFile(tmp_path).forget(ids[0])
    assert ids[0] not in (*KeptFile(tmp_path).read().begun, *KeptFile(tmp_path).read().pinned)


def test_where_the_code_of_a_chat_runs_is_kept_as_long_as_the_chat(tmp_path: Path) -> None:
    file = KeptFile(tmp_path)
    file.begin("one", Place("ir"))
    file.begin("two", Place(notebook="sub/a.ipynb"))
    file.begin("three")
    kept = file.read()
    assert [kept.place(name) for name in ("one", "two", "three", "four")] == [
        Place("ir"), Place(notebook="sub/a.ipynb"), Place(), Place(),
    ]  # fmt: skip
    assert [kept.place(name).label for name in ("one", "two", "three")] == ["ir", "sub/a.ipynb", ""]
    file.pin("one", is_pinned=True)
    file.forget("two")
    assert dict(file.read().places) == {"one": Place("ir")}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"pinned": 1}', '{"pinned": [], "begun": [], "places": []}', "{" * 100_000]
)
def test_what_cannot_be_read_counts_as_nothing(tmp_path: Path, text: str) -> None:
    KeptFile(tmp_path).begin("one")
    for path in state_directory("web").glob("*.json"):
        path.write_text(text)
    assert KeptFile(tmp_path).read() == Kept()


def test_what_an_earlier_version_kept_is_read(tmp_path: Path) -> None:
    KeptFile(tmp_path).begin("one")
    for path in state_directory("web").glob("*.json"):
        path.write_text('{"pinned": ["a"], "begun": ["b"]}')
    assert KeptFile(tmp_path).read() == Kept(("a",), ("b",))
