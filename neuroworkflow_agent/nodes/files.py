"""Which files may hold nodes."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from neuroworkflow_agent.nodes.contract import LATER_LABELS, LIBRARY
from neuroworkflow_agent.nodes.source import MAX_BYTES

_SKIPPED = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", "node_modules", "site-packages", ".tox"})
_ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
"""What a Python environment has at its top."""
_MARKS = ("NODE_DEFINITION", "neuroworkflow.core", "from neuroworkflow import", "WorkflowBuilder")
"""Texts without which a file holds no node."""
_LEVELS = 8
"""Folders around a file that are looked into for the library."""


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


def library_around(path: Path) -> Path | None:
    """The nearest package `neuroworkflow` that a file lies in or beside, as in a repository or a hub's container."""
    for folder in path.absolute().parents[:_LEVELS]:
        for package in (folder, folder / LIBRARY, folder / "src" / LIBRARY):
            if package.name == LIBRARY and (package / "core" / "node.py").is_file():
                return package
    return None


def is_another(library: Path) -> bool:
    """Whether a package of that name has nodes without process steps, and so is not NeuroWorkflow."""
    return not mentions_any(library / "core" / "node.py", ["def add_process_step("])


def unknown_labels(library: Path) -> frozenset[str]:
    """Labels of a definition that this version of the library does not take, as its first public one."""
    return frozenset(name for name in LATER_LABELS if _takes(library, name) is False)


def fields_taken(library: Path, names: Collection[str]) -> dict[str, bool]:
    """Which fields the schema of this version of the library has; empty if it cannot be read."""
    return {name: takes for name in names if (takes := _takes(library, name)) is not None}


def takes_fan_in(node: Path) -> bool | None:
    """Whether the library around a node's file has ports for several sources; None if there is none to look into."""
    library = library_around(node)
    return None if library is None else _takes(library, "fan_in")


def _takes(library: Path, field: str) -> bool | None:
    """Whether the schema of this version of the library has a field; None if it cannot be read."""
    text = _beginning(library / "core" / "schema.py")
    if b"class NodeDefinitionSchema" not in text:
        return None
    return re.search(rb"^\s+%s\s*:" % field.encode(), text, re.MULTILINE) is not None


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
