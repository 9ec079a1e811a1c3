"""Types of nodes, which have to differ within one tree of nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from neuroworkflow_agent.nodes.files import mentions_any, python_files
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import node_classes
from neuroworkflow_agent.nodes.source import Unreadable, read_source


@dataclass(frozen=True, slots=True)
class TypeName:
    """The type of a node, and where it stands."""

    name: str
    path: str
    line: int
    column: int


class _HasTypes(Protocol):
    @property
    def types(self) -> list[TypeName]: ...


def taken_types(
    checked: Iterable[_HasTypes], folders: Sequence[Path], named: Collection[Path]
) -> Iterator[Finding]:
    """Types that another node of the same tree uses, one that was checked or one that lies beside.

    Parameters
    ----------
    checked
        What was found in each file.
    folders
        Folders that were checked as a whole.
    named
        Files that were checked by themselves, whose neighbours are looked at too.
    """
    types = [each for file in checked for each in file.types]
    roots = {each.path: _root(Path(each.path), folders) for each in types}
    first: dict[tuple[Path, str], str] = {}
    for each in types:
        first.setdefault((roots[each.path], each.name), each.path)
    alone = [each for each in types if Path(each.path) in named]
    ours = {Path(each.path).resolve() for each in types}
    for root in {roots[each.path] for each in alone}:
        wanted = {each.name for each in alone if roots[each.path] == root}
        for name, path in _types_beside(root, wanted, ours):
            first[root, name] = path
    seen: set[tuple[str, str]] = set()
    for each in types:
        other = first[roots[each.path], each.name]
        if other != each.path or (each.path, each.name) in seen:
            yield Finding(
                each.path,
                each.line,
                each.column,
                "NW112",
                f"The type {each.name!r} is used by another node, {other}.",
                "Choose another; types are unique across all nodes.",
            )
        seen.add((each.path, each.name))


def _root(path: Path, folders: Sequence[Path]) -> Path:
    """The tree whose types have to differ: `nodes/` around a file, else the folder that was named, else its own."""
    parents = path.absolute().parents
    nodes = next((each for each in parents[:3] if each.name == "nodes"), None)
    given = next((each.absolute() for each in folders if each.absolute() in parents), None)
    return nodes or given or parents[0]


def _types_beside(root: Path, wanted: Collection[str], ours: Collection[Path]) -> Iterator[tuple[str, str]]:
    """Types among `wanted` that other files of a tree use; only files that mention one are parsed."""
    for file in python_files(root):
        if file.resolve() in ours or not mentions_any(file, wanted):
            continue
        try:
            found = [
                node.definition.text("type") for node in node_classes(read_source(file)) if node.definition
            ]
        except (Unreadable, RecursionError):
            continue
        yield from ((name, file.as_posix()) for name in found if name in wanted and name)
