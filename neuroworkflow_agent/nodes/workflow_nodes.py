"""Which nodes a script means: those of its own, of the folders that are named, and of the nearest tree of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from neuroworkflow_agent.nodes.catalogue import NodeEntry, entries, read_nodes
from neuroworkflow_agent.nodes.files import defines_any, python_files
from neuroworkflow_agent.nodes.source import Source

_LEVELS = 3
"""Folders above the script that are looked into."""
_LIBRARY_NODES = Path("src", "neuroworkflow", "nodes")


def known_nodes(
    source: Source, path: Path, folders: tuple[Path, ...], wanted: AbstractSet[str]
) -> dict[str, NodeEntry]:
    """The wanted nodes by class name; the nearest definition counts."""
    found = {entry.class_name: entry for entry in entries(source)}
    for file in _files(source, path, folders):
        missing = wanted - found.keys()
        if not missing:
            break
        if defines_any(file, missing):
            for entry in read_nodes(file):
                found.setdefault(entry.class_name, entry)
    return found


def _files(source: Source, path: Path, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Files that may define them: folders that are named, the script's own, then level by level upwards."""
    here = path.absolute().parent
    trees = [Path("nodes"), _LIBRARY_NODES]
    if "neuroworkflow.nodes" in source.text:  # it imports them from the library
        trees.reverse()
    for folder in folders:
        yield from python_files(folder) if folder.is_dir() else [folder]
    yield from sorted(here.glob("*.py"))
    for level in (here, *here.parents[:_LEVELS]):
        for tree in trees:
            if (level / tree).is_dir():
                yield from python_files(level / tree)
