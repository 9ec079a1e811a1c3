"""What is wrong with a workflow: its nodes, its connections, its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from neuroworkflow_agent.nodes.catalogue import PortEntry
from neuroworkflow_agent.nodes.connections import check_ports
from neuroworkflow_agent.nodes.expressions import UNKNOWN
from neuroworkflow_agent.nodes.files import takes_fan_in
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.workflows import Connection, Script, Workflow, WorkflowNode

_FAN_IN = {
    True: "Keep one, or declare the port with fan_in=True and take a list.",
    False: "Keep one; a newer version of the library also has ports for several (fan_in=True), this one does not.",
    None: "Keep one, or declare the port with fan_in=True, which newer versions of the library take, and take a list.",
}
"""What to do about several sources, by whether the library has ports for them."""


def check(script: Script) -> Iterator[Finding]:
    """What is wrong with the workflows of one script."""
    if not any(each.nodes or each.connections or each.open for each in script.workflows):
        remedy = "A workflow is WorkflowBuilder('name').add_node(…).connect(…).build()."
        empty = "The workflow that is built here has no nodes."
        message = empty if script.workflows else "No workflow is built here."
        yield script.source.find("NW715", None, message, remedy)
        return
    for workflow in script.workflows:
        yield from _check_workflow(workflow)
    seen: set[int] = set()
    for workflow in script.workflows:
        for node in workflow.nodes.values():
            if id(node.at) not in seen:
                seen.add(id(node.at))
                yield from _check_node(workflow, node)
    for node in script.left_out:
        yield script.source.find(
            "NW713",
            node.at,
            f"The node {node.name!r} is made and not added.",
            "Add it with .add_node(…), or remove it.",
        )


def _check_workflow(workflow: Workflow) -> Iterator[Finding]:
    ends = _ends(workflow)
    for node in workflow.nodes.values():
        yield from _check_inputs(workflow, node, ends)
        yield from _check_is_connected(workflow, node)
    for connection, wanted in ends:
        yield from _check_connection(workflow, connection, wanted)
    if cycle := workflow.cycle:
        at = next(c.at for c in workflow.connections if (c.from_node, c.to_node) == (cycle[0], cycle[1]))
        yield workflow.source.find(
            "NW705",
            at,
            f"The workflow has a cycle: {' → '.join(cycle)}.",
            "Remove one of these connections; nothing in it could run first.",
        )


def _check_is_connected(workflow: Workflow, node: WorkflowNode) -> Iterator[Finding]:
    used = {name for c in workflow.connections for name in (c.from_node, c.to_node)}
    is_known = "connections" not in workflow.open and not node.is_open
    if is_known and len(workflow.nodes) > 1 and node.name not in used:
        message = f"The node {node.name!r} is not connected."
        yield workflow.source.find("NW709", node.at, message, "Connect it or remove it.")


def _check_node(workflow: Workflow, node: WorkflowNode) -> Iterator[Finding]:
    find = workflow.source.find
    if node.entry is None:
        origin = f", imported from {node.module}," if node.module else ""
        yield find(
            "NW701",
            node.at,
            f"The file of {node.class_name}{origin} was not found, so its ports are not checked.",
            "Correct the import, or name its file with --nodes."
            if origin
            else "Name the folder of its file with --nodes.",
        )
        return
    parameters = {each.name: each for each in node.entry.parameters}
    for setting in node.settings:
        name, value = setting.name, setting.value
        if name not in parameters and "parameters" not in node.entry.hidden:
            known = ", ".join(parameters) or "none"
            yield find(
                "NW712",
                setting.at,
                f"{node.class_name} has no parameter {name!r}; configure raises ValueError.",
                f"Parameters: {known}.",
            )
        elif (
            value is not UNKNOWN
            and name in parameters
            and (why := _refused(value, parameters[name].constraints))
        ):
            yield find(
                "NW712",
                setting.at,
                f"configure refuses {name}={value!r:.100}: {why}.",
                "Give a value inside.",
            )


def _refused(value: object, constraints: dict[str, object]) -> str:
    """Why `configure` does not take a value; empty if it does."""
    try:
        if (low := constraints.get("min")) is not None and value < low:  # type: ignore[operator]
            return f"it is below {low!r}"
        if (high := constraints.get("max")) is not None and value > high:  # type: ignore[operator]
            return f"it is above {high!r}"
    except TypeError:
        return f"it cannot be compared with the bounds of {constraints!r:.100}"
    allowed = constraints.get("allowed_values")
    if isinstance(allowed, list | tuple | set) and value not in allowed:
        return f"allowed are {allowed!r:.200}"
    return ""


def _check_inputs(
    workflow: Workflow, node: WorkflowNode, ends: list[tuple[Connection, PortEntry | None]]
) -> Iterator[Finding]:
    if "connections" in workflow.open or node.is_open:
        return
    sources = Counter(c.to_port for c, _ in ends if c.to_node == node.name)
    for port in node.entry.inputs if node.entry else ():
        if not port.optional and not sources[port.name] and port.name not in node.given:
            yield workflow.source.find(
                "NW706",
                node.at,
                f"The required input {node.name}.{port.name} has no source; it would be None, without a word.",
                f"Connect an output to it, or give a value: set_input({port.name!r}, …).",
            )


def _ends(workflow: Workflow) -> list[tuple[Connection, PortEntry | None]]:
    """Each connection once, with the input it leads to, where that is known."""
    ends: dict[tuple[str, ...], tuple[Connection, PortEntry | None]] = {}
    for connection in workflow.connections:
        node = workflow.nodes.get(connection.to_node)
        wanted = node.entry.input(connection.to_port) if node and node.entry else None
        ends.setdefault(connection.names, (connection, wanted))
    return list(ends.values())


def _check_connection(
    workflow: Workflow, connection: Connection, wanted: PortEntry | None
) -> Iterator[Finding]:
    find = workflow.source.find
    twins = [c for c in workflow.connections if c.names == connection.names and c.is_certain]
    for twin in twins[1:]:
        if twin.at is twins[0].at:  # a loop's body, which is written once
            continue
        yield find("NW708", twin.at, f"{twin} is made twice; the second is passed over.", "Remove one.")
    missing = [name for name in (connection.from_node, connection.to_node) if name not in workflow.nodes]
    for name in missing if "nodes" not in workflow.open else ():
        known = ", ".join(map(repr, workflow.nodes)) or "none"
        yield find(
            "NW702",
            connection.at,
            f"There is no node {name!r}; connect raises ValueError.",
            f"Nodes that were added: {known}.",
        )
    if missing:
        return
    given_by, wanted_by = workflow.nodes[connection.from_node], workflow.nodes[connection.to_node]
    given = given_by.entry.output(connection.from_port) if given_by.entry else None
    for node, port, kind, name in (
        (given_by, given, "output", connection.from_port),
        (wanted_by, wanted, "input", connection.to_port),
    ):
        if node.entry is not None and port is None and f"{kind}s" not in node.entry.hidden:
            ports = node.entry.outputs if kind == "output" else node.entry.inputs
            known = ", ".join(each.name for each in ports) or "none"
            yield find(
                "NW703",
                connection.at,
                f"{node.class_name} has no {kind} {name!r}; connect raises ValueError.",
                f"Its {kind}s: {known}.",
            )
    if wanted is None:
        return
    yield from _check_fan_in(workflow, connection, wanted)
    if given is None:
        return
    fit = check_ports(given, wanted)
    if fit.verdict == "does not fit":
        remedy = "Connect another port, or put a node between that converts the value."
        yield find("NW704", connection.at, f"{connection} does not fit: {fit.reason}.", remedy)
    elif fit.verdict == "fits by type only":
        remedy = "Convert it in a node between, or connect the port that means the same."
        yield find(
            "NW711", connection.at, f"{connection} fits by type, not by meaning: {fit.reason}.", remedy
        )


def _check_fan_in(workflow: Workflow, connection: Connection, wanted: PortEntry) -> Iterator[Finding]:
    """Several sources, told at the last of them, which is the one that would win."""
    target = (connection.to_node, connection.to_port)
    target_entry = workflow.nodes[connection.to_node].entry
    sources = [c for c, _ in _ends(workflow) if (c.to_node, c.to_port) == target and c.is_certain]
    if len(sources) > 1 and not wanted.fan_in and sources[-1].names == connection.names:
        others = ", ".join(f"{c.from_node}.{c.from_port}" for c in sources)
        yield workflow.source.find(
            "NW707",
            connection.at,
            f"{connection.to_node}.{connection.to_port} has {len(sources)} sources ({others}); the last wins, without a word.",
            _FAN_IN[takes_fan_in(Path(target_entry.path)) if target_entry else None],
        )
