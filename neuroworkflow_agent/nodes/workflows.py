"""The workflows that a script or a notebook builds, as far as reading it tells.

What only running the code would tell is part of the model: nodes, connections and settings are *open* where there may be
others than those that are known, and nothing is missing from what is open.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, TypeAlias

from neuroworkflow_agent.nodes.catalogue import NodeEntry
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.source import Source

Part: TypeAlias = Literal["nodes", "connections"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that `configure` is given."""

    name: str
    value: Any
    """UNKNOWN for what is not a literal."""
    at: ast.AST


@dataclass(eq=False)
class WorkflowNode:
    """A node of the workflow."""

    name: str
    class_name: str
    at: ast.AST
    entry: NodeEntry | None = None
    """Its definition, where its file was found."""
    module: str = ""
    """What it is imported from; empty where that is not said, or in several ways."""
    settings: list[Setting] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    """Inputs that get a value by hand."""
    is_open: bool = False
    """Whether code that was not read has it too, and may set, connect or add it."""
    is_added: bool = False
    is_used_alone: bool = False
    """Whether its own methods are called, so that it serves without a workflow."""


@dataclass(frozen=True)
class Connection:
    """One `connect(…)`."""

    from_node: str
    from_port: str
    to_node: str
    to_port: str
    at: ast.AST
    is_certain: bool = True
    """Whether it is made however the code's conditions turn out."""

    @property
    def names(self) -> tuple[str, str, str, str]:
        return self.from_node, self.from_port, self.to_node, self.to_port

    def __str__(self) -> str:
        return f"{self.from_node}.{self.from_port} → {self.to_node}.{self.to_port}"


@dataclass(eq=False)
class Workflow:
    """What one `WorkflowBuilder` is given."""

    source: Source
    name: str = ""
    nodes: dict[str, WorkflowNode] = field(default_factory=dict)
    """By the names they were given."""
    uncertain: set[str] = field(default_factory=set)
    """Names of those that are added under a condition."""
    connections: list[Connection] = field(default_factory=list)
    open: set[Part] = field(default_factory=set)
    """Parts that may have more than is known."""

    @property
    def order(self) -> list[str]:
        """Names of the nodes as they would run; empty with a cycle."""
        try:
            return list(self._sorter(self.connections).static_order())
        except CycleError:
            return []

    @property
    def cycle(self) -> list[str]:
        """Names along a cycle that is certain, the first one again at its end; empty without one."""
        try:
            self._sorter([each for each in self.connections if each.is_certain]).prepare()
        except CycleError as error:
            return list(error.args[1])
        return []

    def _sorter(self, connections: list[Connection]) -> TopologicalSorter[str]:
        graph: dict[str, set[str]] = {name: set() for name in self.nodes}
        for each in connections:
            if each.from_node in graph and each.to_node in graph:
                graph[each.to_node].add(each.from_node)
        return TopologicalSorter(graph)


@dataclass(frozen=True)
class Script:
    """What a file builds."""

    source: Source
    workflows: tuple[Workflow, ...] = ()
    """In the order in which they are begun."""
    left_out: tuple[WorkflowNode, ...] = ()
    """Nodes that are made, never added, and serve nothing else."""
    findings: tuple[Finding, ...] = ()
    """What could not be read; `check_workflow` says what is wrong besides."""

    @property
    def main(self) -> Workflow:
        """The largest workflow; an empty one without any."""
        return max(self.workflows, key=lambda each: len(each.nodes), default=Workflow(self.source))
