"""The subkernel's process, where it cannot be started."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.errors import KernelStartError
from neuroworkflow_agent.surfaces.chat_kernel.subkernel import started

FRONT: dict[str, Any] = {
    **dict.fromkeys(("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"), 1),
    "key": "k",
}


def test_no_place_for_its_connection_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(KernelStartError, match="No such file or directory"):
        started("python3", FRONT, ())


def test_full_disk_is_said_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def full(*_arguments: Any, **_more: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(KernelStartError, match="No space left on device"):
        started("python3", FRONT, ())
    assert list(tmp_path.iterdir()) == []
