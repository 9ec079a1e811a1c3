"""Which files may hold nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from neuroworkflow_agent.nodes.source import MAX_BYTES

_SKIPPED = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", "node_modules", "site-packages", ".tox"})
_ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
"""What a Python environment has at its top."""
_MARKS = ("NODE_DEFINITION", "neuroworkflow.core", "from neuroworkflow import", "WorkflowBuilder")
"""Texts without which a file holds no node."""


def python_files(folder: Path) -> Iterator[Path]:
    """The Python files below a folder, without caches and environments; links to folders are not followed."""
    for root, folders, names in os.walk(folder):
        if _ENVIRONMENT_MARKS.intersection((*folders, *names)) and Path(root) != folder:
            folders.clear()
            continue
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED and not name.endswith(".egg-info")
        )
        for name in sorted(names):
            if name.endswith(".py") and name != "__init__.py":
                yield Path(root, name)


def may_hold_node(path: Path) -> bool:
    """Whether a file mentions anything that nodes have."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            text = file.read(MAX_BYTES)
    except OSError:
        return False
    return any(mark.encode() in text for mark in _MARKS)
