"""Memory is short on the machine, or in the container; what is only remembered of files does not count."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from neuroworkflow_agent.engine.claude.memory import is_memory_short

GB = 2**30


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    found = SimpleNamespace(total=64 * GB, available=32 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: found)
    return found


def container(root: Path, version: int, limit: str, used: int, inactive: int = 0) -> Path:
    names = ("memory.max", "memory.current", "memory.stat", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file")
        root = root / "memory"
        root.mkdir()
    (root / names[0]).write_text(f"{limit}\n")
    (root / names[1]).write_text(f"{used}\n")
    (root / names[2]).write_text(f"anon 1\n{names[3]} {inactive}\n{names[3]}_odd 5\n")
    return root.parent if version == 1 else root


def test_on_a_machine(machine: SimpleNamespace, tmp_path: Path) -> None:
    assert not is_memory_short(tmp_path)
    machine.available = 6 * GB
    assert is_memory_short(tmp_path)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("limit", "used", "inactive", "is_short"),
    [
        (str(2 * GB), GB, 0, False),
        (str(2 * GB), 2 * GB - 2**27, 0, True),
        (str(2 * GB), 2 * GB - 2**27, GB, False),
        ("max", 2 * GB, 0, False),
        (str(2**63 - 4096), 2 * GB, 0, False),
    ],
)
def test_in_a_container(
    version: int, limit: str, used: int, inactive: int, is_short: bool, tmp_path: Path
) -> None:
    assert is_memory_short(container(tmp_path, version, limit, used, inactive)) is is_short
