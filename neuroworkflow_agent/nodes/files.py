"""Which files may hold nodes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from neuroworkflow_agent.nodes.contract import LIBRARY
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
    return mentions_any(path, _MARKS)


def defines_any(path: Path, class_names: Collection[str]) -> bool:
    """Whether a file has a class of one of these names, as far as its text tells."""
    return mentions_any(path, [f"class {name}(" for name in class_names])


def another_library(path: Path) -> Path | None:
    """The folder of a library that a file lies in, and that only has NeuroWorkflow's name; None in any other place."""
    for folder in path.absolute().parents:
        if folder.name == LIBRARY:
            base = folder / "core" / "node.py"
            return folder if base.is_file() and not mentions_any(base, ["def add_process_step("]) else None
    return None


def mentions_any(path: Path, texts: Collection[str]) -> bool:
    """Whether one of the texts stands in a file; not in one that the checker would not read."""
    beginning = _beginning(path) if texts else b""
    return any(text.encode(errors="backslashreplace") in beginning for text in texts)


def _beginning(path: Path) -> bytes:
    """As much of a file as the checker would read; nothing of what is not a regular file."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return b""
