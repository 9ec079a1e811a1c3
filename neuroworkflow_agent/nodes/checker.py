"""Checks node files, many at a time: reads, never imports, and always answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from neuroworkflow_agent.nodes.contract import CATEGORIES, LIBRARY
from neuroworkflow_agent.nodes.files import (
    fields_taken,
    is_another,
    library_around,
    may_hold_node,
    python_files,
    unknown_labels,
)
from neuroworkflow_agent.nodes.findings import Finding, count, plural, summarise
from neuroworkflow_agent.nodes.model import NodeClass, node_classes
from neuroworkflow_agent.nodes.noqa import Noqa, keep, noqas_in
from neuroworkflow_agent.nodes.reports import as_text
from neuroworkflow_agent.nodes.rules import check_node
from neuroworkflow_agent.nodes.rules.code import check_module
from neuroworkflow_agent.nodes.selection import Selections
from neuroworkflow_agent.nodes.source import Source, Unreadable, read_source
from neuroworkflow_agent.nodes.type_names import TypeName, taken_types

_FEW = 150
"""Files that one process checks sooner than others could start."""


@dataclass(frozen=True)
class Checked:
    """What one file gave."""

    path: str
    findings: list[Finding] = field(default_factory=list)
    types: list[TypeName] = field(default_factory=list)
    """The type of each node."""
    nodes: list[str] = field(default_factory=list)
    """Class names."""
    noqas: tuple[Noqa, ...] = ()


@dataclass(frozen=True)
class Report:
    """What all files gave."""

    findings: list[Finding]
    """Sorted by file, place and code."""
    files: int
    """How many were looked into."""
    nodes: tuple[tuple[str, str], ...]
    """File and class name of each node."""
    silenced: int = 0
    """How many more a `noqa` has taken."""
    ignored: int = 0
    """How many more the project does not want."""
    noqas: Mapping[str, tuple[Noqa, ...]] = field(default_factory=dict)
    """Those of each file that has any."""

    @property
    def errors(self) -> int:
        return count(self.findings, "error")

    def __str__(self) -> str:
        return f"{as_text(self.findings)}{self.summary}"

    @property
    def summary(self) -> str:
        """One line: `2 files, 2 nodes: 1 error, 0 warnings`, and what is not shown."""
        looked_at = f"{plural(self.files, 'file')}, {plural(len(self.nodes), 'node')}"
        return f"{looked_at}: {summarise(self.findings, self.silenced, self.ignored)}"


def check_paths(paths: Sequence[Path], *, jobs: int | None = 1, need_nodes: bool = True) -> Report:
    """Check files, and the node files in folders.

    Parameters
    ----------
    paths
        Files and folders. A file that is named must hold a node; in a folder, files without one are passed by.
    jobs
        Processes for many files; None for as many as there are processors. Each imports the caller's script, which
        then needs `if __name__ == "__main__":` around what it does.
    need_nodes
        Whether it is wrong for a file that is named to hold none.

    Raises
    ------
    ConfigError
        If a project's selection of findings cannot work.
    """
    folders = [path for path in paths if os.path.isdir(path)]  # noqa: PTH112 - a name too long is none, and no error
    named = {path for path in paths if path not in folders}
    files = sorted(named | {file for folder in folders for file in python_files(folder)})
    work = [(file, need_nodes and file in named) for file in files]
    jobs = jobs or os.cpu_count() or 1
    if len(work) <= _FEW or jobs == 1:
        checked = [check_file(*each) for each in work]
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        # Fresh processes, since a fork of one with threads may hang.
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            checked = list(pool.map(_check_one, work, chunksize=max(1, len(work) // (jobs * 4))))
    findings = [finding for each in checked for finding in each.findings]
    findings += taken_types(checked, folders, named)
    nodes = tuple((each.path, name) for each in checked for name in each.nodes)
    noqas = {each.path: each.noqas for each in checked if each.noqas}
    selections = Selections()
    for each in checked:  # one that cannot work is said where nothing is found, too
        if each.nodes:
            selections.of_file(each.path)
    kept = keep(sorted(set(findings)), noqas, selections, lambda code: code < "NW6")
    looked_at = sum(bool(each.nodes or each.findings) for each in checked)
    return Report(kept.findings, looked_at, nodes, kept.silenced, kept.ignored, noqas)


def try_nodes(report: Report, environ: Mapping[str, str], *, timeout_s: float) -> Report:
    """The report with what running each of its nodes shows, one after another; see `trial.try_node`."""
    from neuroworkflow_agent.nodes.trial import try_node

    files = dict.fromkeys(path for path, _ in report.nodes)
    tried = [finding for path in files for finding in try_node(Path(path), environ, timeout_s=timeout_s)]
    kept = keep(sorted(set(tried)), report.noqas, Selections(), lambda code: code.startswith("NW6"))
    return replace(
        report,
        findings=sorted({*report.findings, *kept.findings}),
        silenced=report.silenced + kept.silenced,
        ignored=report.ignored + kept.ignored,
    )


def _check_one(work: tuple[Path, bool]) -> Checked:
    return check_file(*work)


def check_file(path: Path, is_named: bool = True) -> Checked:
    """Check one file, without importing it.

    Parameters
    ----------
    is_named
        Whether someone says that it holds a node.
    """
    shown = path.as_posix()
    if not is_named and not may_hold_node(path):
        return Checked(shown)
    if path.suffix == ".ipynb":
        message, remedy = (
            "This is a notebook, and a node is a Python file.",
            "Write the node to a file X.py; check-workflow reads notebooks.",
        )
        return Checked(shown, [Finding(shown, 1, 1, "NW006", message, remedy)])
    try:
        source = read_source(path, shown)
    except Unreadable as unreadable:
        return Checked(shown, [unreadable.finding])
    return check_source(source, path, is_named)


def check_source(source: Source, path: Path, is_named: bool = True) -> Checked:
    """Check a text as it would be at a path."""
    shown = source.path
    try:
        noqas, nodes = noqas_in(source), node_classes(source)
        if nodes and (library := library_around(path)) is not None:
            if is_another(library):
                return Checked(shown, [_not_ours(source, library)])
            for node in nodes:
                node.unknown_labels = unknown_labels(library)
                node.taken = fields_taken(library, {each.name for each in node.arguments})
        findings = [finding for node in nodes for finding in check_node(node)]
        if nodes:
            findings += [*check_module(source), *_check_place(path, nodes)]
    except RecursionError:
        # The depth was checked, but what calls us may stand deep in its own stack.
        return Checked(shown, [source.find("NW005", None, "The code is nested too deeply to be checked.")])
    except Exception as error:  # noqa: BLE001 - a mistake of ours in one file must not hide the others
        failure = f"The checker failed here, with {type(error).__name__}: {str(error)[:200]}."
        return Checked(
            shown,
            [source.find("NW013", None, failure, "Report it with the file; it is not a mistake of yours.")],
        )
    if not nodes and is_named:
        findings = [
            source.find(
                "NW006",
                None,
                "No class here is a node.",
                "A node is a class X(Node) with a NODE_DEFINITION; the skill create-node has a template.",
            )
        ]
    types = [
        TypeName(label.text, shown, at.line, at.column)
        for node in nodes
        if node.definition
        and (label := node.definition.labels.get("type"))
        and label.text
        and (at := source.find("NW112", label.at, ""))
    ]
    return Checked(shown, findings, types, [node.name for node in nodes], noqas)


def _not_ours(source: Source, library: Path) -> Finding:
    """That a file belongs to a library which we know nothing of."""
    message = (
        f"This node belongs to the {LIBRARY!r} in {library.as_posix()!r}, whose nodes have no process steps."
    )
    remedy = "It is not checked; the NeuroWorkflow of oist/neuro-workflow is another library."
    return source.find("NW014", None, message, remedy)


def _check_place(path: Path, nodes: list[NodeClass]) -> Iterator[Finding]:
    """Where the file lies: beside an `__init__.py`, in a category's folder, alone in it."""
    source = nodes[0].source
    if path.stem not in {node.name for node in nodes}:
        name = nodes[0].name
        message = f"The class is called {name!r}, its file {path.stem!r}."
        yield source.find("NW008", nodes[0].at, message, f"Call the file {name}.py.")
    for node in nodes[1:]:
        yield source.find(
            "NW010",
            node.at,
            f"{node.name} is one of {len(nodes)} nodes in this file.",
            "Give each a file of its own.",
        )
    folder = path.absolute().parent
    parents = folder.parents
    root = next((each for each in (folder, *parents[:2]) if each.name == "nodes"), None)
    if root is None or not (root.parent.name == "neuroworkflow" or (root.parent / "neuroworkflow").is_dir()):
        return
    if not (folder / "__init__.py").is_file():
        remedy = f"Add an empty {folder.name}/__init__.py, or the library does not find the node."
        yield source.find("NW007", None, f"There is no __init__.py in {folder.name!r}.", remedy)
    if folder.name not in CATEGORIES:
        remedy = f"Put it into one of {', '.join(CATEGORIES)}; new nodes go into sandbox."
        yield source.find("NW012", None, f"{folder.name!r} is not a category of nodes.", remedy)
