"""What is wrong with a node: one module a part of it, each a generator of findings."""

from __future__ import annotations

from collections.abc import Iterator

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass
from neuroworkflow_agent.nodes.rules import code, definition, optimization, parameters, ports, steps, writes


def check_node(node: NodeClass) -> Iterator[Finding]:
    """Everything wrong with one node, that its own file tells."""
    yield from definition.check(node)
    yield from code.check(node)
    yield from writes.check(node)
    if node.definition is not None:
        yield from parameters.check(node, node.definition)
        yield from optimization.check(node, node.definition)
        yield from ports.check(node, node.definition)
        yield from steps.check(node, node.definition)
