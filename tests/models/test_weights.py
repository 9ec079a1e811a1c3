"""Weights from packages: put together once, atomically, and only if the bytes are the pinned ones."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from pathlib import Path

import pytest

from neuroworkflow_agent.models.local.weights import Weights, WeightsError, assemble, is_installed, verify

BYTES = [b"one" * 1000, b"two" * 500, b"three"]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Three installed packages with a part each."""
    site = tmp_path / "site"
    for number, data in enumerate(BYTES, 1):
        package = site / f"test_weights_part{number}"
        (package / "data").mkdir(parents=True)
        (package / "__init__.py").write_text("raise ImportError('data packages are not imported')")
        (package / "data" / f"part{number:02}.bin").write_bytes(data)
        info = site / f"test_weights_part{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: test-weights-part{number}\nVersion: 1.0\n"
        )
        (info / "RECORD").write_text(
            f"{package.name}/__init__.py,,\n{package.name}/data/part{number:02}.bin,,\n"
        )
    monkeypatch.syspath_prepend(str(site))
    names = tuple(f"test-weights-part{number}" for number in (1, 2, 3))
    data = b"".join(BYTES)
    return Weights("Test", names, "1.0", len(data), hashlib.sha256(data).hexdigest(), "none")


def test_parts_become_one_file(weights: Weights, tmp_path: Path) -> None:
    seen: list[int] = []
    path = assemble(tmp_path / "cache", weights, seen.append)
    assert path.read_bytes() == b"".join(BYTES)
    assert seen[-1] == weights.size_bytes
    verify(path, weights)
    before = path.stat().st_mtime_ns
    assert assemble(tmp_path / "cache", weights) == path
    assert path.stat().st_mtime_ns == before


def test_two_at_once_make_one_file(weights: Weights, tmp_path: Path) -> None:
    threads = [threading.Thread(target=assemble, args=(tmp_path / "cache", weights)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = sorted(path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock")
    assert names == [weights.file_name]


def test_other_bytes_are_refused_and_leave_nothing(weights: Weights, tmp_path: Path) -> None:
    wrong = dataclasses.replace(weights, sha256="0" * 64)
    with pytest.raises(WeightsError, match="do not have the expected bytes"):
        assemble(tmp_path / "cache", wrong)
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"] == []


def test_changed_file_is_refused(weights: Weights, tmp_path: Path) -> None:
    path = assemble(tmp_path / "cache", weights)
    path.write_bytes(b"x" * weights.size_bytes)
    with pytest.raises(WeightsError, match="Delete it"):
        verify(path, weights)


def test_missing_or_other_version_is_named(weights: Weights, tmp_path: Path) -> None:
    assert is_installed(weights)
    gone = dataclasses.replace(weights, packages=(*weights.packages, "test-weights-part4"))
    other = dataclasses.replace(weights, version="2.0")
    assert not is_installed(gone)
    assert not is_installed(other)
    with pytest.raises(WeightsError, match="test-weights-part4"):
        assemble(tmp_path / "cache", gone)
    with pytest.raises(WeightsError, match=r"version 1\.0, not 2\.0"):
        assemble(tmp_path / "cache", other)
