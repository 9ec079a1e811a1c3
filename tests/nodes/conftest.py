"""Folders with nodes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CORRECT = HERE / "correct"


@pytest.fixture
def correct_nodes(tmp_path: Path) -> Path:
    """A folder `nodes` with a correct node of every stage and tool."""
    return Path(shutil.copytree(CORRECT, tmp_path / "nodes"))
