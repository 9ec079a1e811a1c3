"""Which nodes a script means: those of its own, of the folders that are named, and of the nearest tree of nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from neuroworkflow_agent.nodes.catalogue import NodeEntry, entries, read_nodes
from neuroworkflow_agent.nodes.contract import LIBRARY
from neuroworkflow_agent.nodes.files import defines_any, python_files
from neuroworkflow_agent.nodes.source import Source

_LEVELS = 3
"""Folders above the script that are looked into."""
_LIBRARY_NODES = Path("src", LIBRARY, "nodes")


def imported_from(source: Source) -> dict[str, set[str]]:
    """The modules that a script imports each name from, by the name that it has there."""
    found: dict[str, set[str]] = {}
    for node in source.walked.nodes:
        if isinstance(node, ast.ImportFrom):
            for each in node.names:
                found.setdefault(each.name, set()).add(node.module or "")
    return found


def known_nodes(
    source: Source,
    path: Path,
    folders: tuple[Path, ...],
    wanted: AbstractSet[str],
    modules: Mapping[str, AbstractSet[str]],
) -> dict[str, NodeEntry]:
    """The wanted nodes by class name; the nearest definition counts that the script's imports may mean.

    Parameters
    ----------
    folders
        Looked into first. A file that is named itself counts for whatever module its nodes are imported from.
    modules
        As from `imported_from`. A class of the same name in another module is another node.
    """
    found = {entry.class_name: entry for entry in entries(source)}
    for file in _files(source, path, folders):
        missing = {
            name
            for name in wanted - found.keys()
            if file in folders or all(_may_be(file, module) for module in modules.get(name, ()))
        }
        if missing and defines_any(file, missing):
            for entry in read_nodes(file):
                if entry.class_name in missing:
                    found.setdefault(entry.class_name, entry)
    return found


def _may_be(file: Path, module: str) -> bool:
    """Whether a module, or a package around it, is imported by this name.

    Notes
    -----
    The last two parts of the name tell: where the rest lies differs between a repository, a hub's container and a
    bare folder. A package may hand on what any of its modules defines.
    """
    wanted = tuple(part for part in module.split(".") if part != LIBRARY)[-2:]
    parts = file.absolute().with_suffix("").parts
    return any(parts[end - len(wanted) : end] == wanted for end in range(len(wanted), len(parts) + 1))


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
