"""Nodes wired together."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

from neuroworkflow.core.node import Node


class Workflow:
    def __init__(
        self, name: str, nodes: dict[str, Node], connections: list[tuple[str, str, str, str]]
    ) -> None:
        self.name = name
        self.nodes = nodes
        self.connections = connections
        self._executed: list[dict[str, Any]] = []

    def _order(self) -> list[str]:
        graph: dict[str, set[str]] = {name: set() for name in self.nodes}
        for source, _, target, _ in self.connections:
            graph[target].add(source)
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise ValueError(f"Cycle detected in workflow: {error.args[1]}") from error

    def validate(self) -> bool:
        if not all(node.validate() for node in self.nodes.values()):
            return False
        try:
            self._order()
        except ValueError as error:
            print(error)
            return False
        return True

    def execute(self) -> bool:
        self._executed.clear()
        for name in self._order():
            done = self.nodes[name].process()
            self._executed.append({"node_name": name, "success": done})
            if not done:
                print(f"Error executing node {name!r}")
                return False
        return True

    def get_execution_sequence(self) -> dict[str, Any]:
        return {
            "workflow_name": self.name,
            "total_nodes": len(self._executed),
            "execution_sequence": self._executed,
        }


class WorkflowBuilder:
    def __init__(self, name: str, context: dict[str, Any] | None = None) -> None:
        self.name = name
        self._context = dict(context or {})
        self._nodes: dict[str, Node] = {}
        self._connections: list[tuple[str, str, str, str]] = []

    def set_context(self, context: dict[str, Any]) -> WorkflowBuilder:
        self._context.update(context)
        return self

    def add_node(self, node: Node) -> WorkflowBuilder:
        if node.name in self._nodes:
            raise ValueError(f"Node {node.name!r} already exists in workflow")
        self._nodes[node.name] = node
        return self

    def connect(self, from_node: str, from_port: str, to_node: str, to_port: str) -> WorkflowBuilder:
        for name in (from_node, to_node):
            if name not in self._nodes:
                raise ValueError(f"Node {name!r} not found in workflow")
        if (from_node, from_port, to_node, to_port) not in self._connections:
            self._nodes[from_node].connect_to(from_port, self._nodes[to_node], to_port)
            self._connections.append((from_node, from_port, to_node, to_port))
        return self

    def build(self) -> Workflow:
        for node in self._nodes.values():
            node._context.update(self._context)
        return Workflow(self.name, self._nodes, self._connections)
