"""Workflows, read from a script or a notebook without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from neuroworkflow_agent.nodes.catalogue import NodeEntry, entries, read_nodes
from neuroworkflow_agent.nodes.expressions import called_name, literal
from neuroworkflow_agent.nodes.files import defines_any, python_files
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.scripts import read_script
from neuroworkflow_agent.nodes.source import Source


@dataclass
class WorkflowNode:
    """A node of the workflow."""

    name: str
    class_name: str
    at: ast.AST
    entry: NodeEntry | None = None
    """Its definition, where its file was found."""
    settings: dict[str, tuple[Any, ast.AST]] = field(default_factory=dict)
    """What `configure` is given, and where; UNKNOWN for what is not a literal."""
    given: set[str] = field(default_factory=set)
    """Inputs that get a value by `set_input`."""
    is_added: bool = False


@dataclass(frozen=True)
class Connection:
    """One `connect(…)`."""

    from_node: str
    from_port: str
    to_node: str
    to_port: str
    at: ast.AST

    @property
    def names(self) -> tuple[str, str, str, str]:
        return self.from_node, self.from_port, self.to_node, self.to_port

    def __str__(self) -> str:
        return f"{self.from_node}.{self.from_port} → {self.to_node}.{self.to_port}"


@dataclass
class Workflow:
    """What a file says of its workflow."""

    source: Source
    name: str = ""
    nodes: dict[str, WorkflowNode] = field(default_factory=dict)
    """By the names they were given."""
    connections: list[Connection] = field(default_factory=list)
    left_out: list[WorkflowNode] = field(default_factory=list)
    """Nodes that are made and never added."""
    findings: list[Finding] = field(default_factory=list)
    """What could not be read; `check_workflow` says what is wrong besides."""

    @property
    def order(self) -> list[str]:
        """Names of the nodes as they would run; empty with a cycle."""
        try:
            return list(self._sorter().static_order())
        except CycleError:
            return []

    @property
    def cycle(self) -> list[str]:
        """Names along a cycle, the first one again at its end; empty without one."""
        try:
            self._sorter().prepare()
        except CycleError as error:
            return list(error.args[1])
        return []

    def _sorter(self) -> TopologicalSorter[str]:
        graph: dict[str, set[str]] = {name: set() for name in self.nodes}
        for each in self.connections:
            if each.from_node in graph and each.to_node in graph:
                graph[each.to_node].add(each.from_node)
        return TopologicalSorter(graph)


def read_workflow(path: Path, folders: tuple[Path, ...] = ()) -> Workflow:
    """The workflow that a script or notebook builds, with what cannot be read as findings.

    Parameters
    ----------
    folders
        Where nodes are defined, besides the file itself, its folder, and a folder `nodes` in or above it.

    Raises
    ------
    Unreadable
        With the finding that says why.
    """
    source = read_script(path)
    workflow = Workflow(source)
    if _MARK in source.text:
        aliases = _aliases(source.tree)
        called = {called_name(node) for node in source.walked.nodes if isinstance(node, ast.Call)}
        wanted = {aliases.get(name, name) for name in called}
        _Reader(workflow, _known_nodes(source, path, folders, wanted), aliases).read()
    return workflow


_MARK = "WorkflowBuilder"
"""Without this text nothing builds a workflow."""


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What `from … import X as Y` calls otherwise."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {each.asname: each.name for node in imports for each in node.names if each.asname}


def _known_nodes(
    source: Source, path: Path, folders: tuple[Path, ...], wanted: AbstractSet[str]
) -> dict[str, NodeEntry]:
    """The wanted nodes by class name; the nearest definition counts."""
    here = path.absolute().parent
    around = [each / "nodes" for each in (here, *here.parents[:3])]
    around += [each / "src" / "neuroworkflow" / "nodes" for each in (here, *here.parents[:3])]
    files = [*sorted(here.glob("*.py"))]
    for folder in (*folders, *around):
        files += python_files(folder) if folder.is_dir() else [folder]
    found = {entry.class_name: entry for entry in entries(source)}
    for file in files:
        if defines_any(file, wanted - found.keys()):
            for entry in read_nodes(file):
                found.setdefault(entry.class_name, entry)
    return found


class _Reader:
    """Follows the calls that build a workflow, in the order in which they are written."""

    def __init__(self, workflow: Workflow, known: dict[str, NodeEntry], aliases: dict[str, str]) -> None:
        self._workflow = workflow
        self._known = known
        self._aliases = aliases
        self._variables: dict[str, WorkflowNode] = {}
        self._texts: dict[str, str] = {}
        self._made: dict[int, WorkflowNode] = {}
        """By the identity of the call that makes each."""

    def read(self) -> None:
        for node in _in_order(self._workflow.source.tree):
            if isinstance(node, ast.Assign):
                self._assign(node)
            elif isinstance(node, ast.Call):
                self._call(node)
        self._workflow.left_out = [node for node in self._made.values() if not node.is_added]

    def _assign(self, node: ast.Assign) -> None:
        made = self._node(node.value)
        value = literal(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                if made is not None:
                    self._variables[target.id] = made
                if isinstance(value, str):
                    self._texts[target.id] = value

    def _call(self, call: ast.Call) -> None:
        name = self._aliases.get(called_name(call), called_name(call))
        if name == _MARK:
            self._workflow.name = self._text(call.args[0] if call.args else None) or self._workflow.name
        elif name in self._known or (name.endswith("Node") and name != "Node"):
            self._make(call, name)
        elif not isinstance(call.func, ast.Attribute):
            return
        elif name == "add_node":
            self._add(call)
        elif name == "connect":
            self._connect(call)
        elif name in ("configure", "set_input") and (node := self._node(call.func.value)) is not None:
            self._set(node, name, call)

    def _make(self, call: ast.Call, class_name: str) -> None:
        argument = (
            call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "name"), None)
        )
        name = self._text(argument)
        if name is None:
            if argument is not None:
                self._unread(call, f"the name of a {class_name}")
            return
        self._made[id(call)] = WorkflowNode(name, class_name, call, self._known.get(class_name))

    def _node(self, expression: ast.AST) -> WorkflowNode | None:
        """The node an expression stands for: a variable, its making, or that with `configure` behind."""
        while True:
            if isinstance(expression, ast.Name):
                return self._variables.get(expression.id)
            if (found := self._made.get(id(expression))) is not None:
                return found
            if isinstance(expression, ast.Call) and called_name(expression) == "configure":
                assert isinstance(expression.func, ast.Attribute)
                expression = expression.func.value
            else:
                return None

    def _add(self, call: ast.Call) -> None:
        node = self._node(call.args[0]) if call.args else None
        if node is None:
            self._unread(call, "which node is added")
            return
        node.is_added = True
        if (other := self._workflow.nodes.get(node.name)) is not None and other is not node:
            self._note(
                "NW710", call, f"Two nodes are called {node.name!r}.", "Names are unique; the second raises."
            )
            return
        self._workflow.nodes[node.name] = node

    def _connect(self, call: ast.Call) -> None:
        names = ("from_node", "from_port", "to_node", "to_port")
        given: dict[str, ast.AST] = dict(zip(names, call.args, strict=False))
        given.update((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg in names)
        texts = [self._text(given.get(name)) for name in names]
        if None in texts:
            if len(given) == len(names):  # another library's connect is none of ours
                self._unread(call, "what is connected")
            return
        from_node, from_port, to_node, to_port = map(str, texts)
        self._workflow.connections.append(Connection(from_node, from_port, to_node, to_port, call))

    def _set(self, node: WorkflowNode, name: str, call: ast.Call) -> None:
        if name == "set_input":
            port = self._text(call.args[0] if call.args else None)
            node.given |= {port} if port else set()
            return
        for keyword in call.keywords:
            if keyword.arg is not None:
                node.settings[keyword.arg] = (literal(keyword.value), keyword.value)

    def _text(self, node: ast.AST | None) -> str | None:
        if isinstance(node, ast.Name):
            return self._texts.get(node.id)
        if isinstance(node, ast.Attribute) and node.attr == "name":
            found = self._node(node.value)
            return found.name if found else None
        value = literal(node)
        return value if isinstance(value, str) else None

    def _unread(self, at: ast.AST, what: str) -> None:
        self._note("NW714", at, f"Only running the code tells {what}.", "What depends on it is not checked.")

    def _note(self, code: str, at: ast.AST, message: str, remedy: str) -> None:
        self._workflow.findings.append(self._workflow.source.find(code, at, message, remedy))


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of the tree as they are evaluated: what is inside first."""
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)
    yield node
