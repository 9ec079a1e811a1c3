"""Ports: their types and words, and whether the methods treat them so."""

from __future__ import annotations

from collections.abc import Iterator

from neuroworkflow_agent.nodes.body import Body
from neuroworkflow_agent.nodes.contract import CONTEXT_KEYS, PORT_TYPES
from neuroworkflow_agent.nodes.definition import Definition, Port
from neuroworkflow_agent.nodes.expressions import plain_type
from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.model import NodeClass
from neuroworkflow_agent.nodes.rules.quantities import port_lacks_unit

_NAMES = {"dict": "DICT", "list": "LIST", "int": "INT", "float": "FLOAT", "str": "STR", "bool": "BOOL"}


def check(node: NodeClass, definition: Definition) -> Iterator[Finding]:
    for port in (*definition.inputs.values(), *definition.outputs.values()):
        yield from _check_port(node, port)
    for port in definition.inputs.values():
        yield from _check_input(node, definition, port)
    for port in definition.outputs.values():
        yield from _check_output(node, definition, port)


def _check_port(node: NodeClass, port: Port) -> Iterator[Finding]:
    find, name = node.source.find, port.name
    if port.type is None and port.type_at is not None:
        yield find(
            "NW302",
            port.type_at,
            f"The type of {name!r} is not written PortType.….",
            f"Write one of {', '.join(PORT_TYPES)} as PortType.…; the GUI reads nothing else.",
        )
    elif port.type is not None and port.type not in PORT_TYPES:
        yield find(
            "NW301",
            port.type_at,
            f"There is no PortType.{port.type}.",
            f"There are {', '.join(PORT_TYPES)}.",
        )
    if port.description is None:
        yield find(
            "NW303",
            port.at,
            f"The port {name!r} has no description.",
            "Say what the value means, its unit and its keys; people and agents connect ports by it.",
        )
    elif port_lacks_unit(port):
        yield find(
            "NW304",
            port.at,
            f"{name!r} looks like a physical quantity and has no unit.",
            "Name it in the description, such as 'in ms', or write 'unitless'.",
        )


def _check_input(node: NodeClass, definition: Definition, port: Port) -> Iterator[Finding]:
    find, name = node.source.find, port.name
    if name in CONTEXT_KEYS:
        yield find(
            "NW306",
            port.at,
            f"The input {name!r} hides the context's key of that name.",
            f"Call it otherwise, and read self._context.get({name!r}) for the folder.",
        )
    users = _users(node, definition, name)
    if not users and not _may_be_used(node, definition, name):
        yield find(
            "NW309",
            port.at,
            f"No method uses the input {name!r}.",
            "Add it to the inputs of the method that needs it, or remove it.",
        )
    kinds = {body.plainly_wants(name) for body in users}
    # A fan-in port's own type is that of each source; the method is given a list of them.
    if (
        not port.fan_in
        and port.type in ("OBJECT", "ANY")
        and len(kinds) == 1
        and (kind := kinds.pop()) in _NAMES
    ):
        yield _plain_object(node, port, f"the method wants a {kind}", _NAMES[kind])
    if port.fan_in:  # its value is a list, and never None
        return
    if port.optional:
        for body in users:
            needed = body.needs(name)
            if needed is not None and not body.guards(name):
                yield find(
                    "NW307",
                    needed,
                    f"The optional input {name!r} is used as if it were always there; it is None when nothing is connected.",
                    f"Ask whether {name} is None first, or do not mark it optional.",
                )
    elif any(body.treats_as_optional(name) for body in users):
        yield find(
            "NW308",
            port.at,
            f"The methods do without the input {name!r}, but it is not marked optional.",
            "Write optional=True, or drop the test for None.",
        )


def _check_output(node: NodeClass, definition: Definition, port: Port) -> Iterator[Finding]:
    find, name = node.source.find, port.name
    makers = [
        node.bodies[method.name]
        for method in definition.methods.values()
        if method.outputs is not None and name in method.outputs and method.name in node.bodies
    ]
    declared = any(m.outputs is None or name in m.outputs for m in definition.methods.values())
    returned = any(name in body.returned.keys for body in node.bodies.values()) or name in node.sets_by_hand
    returned = returned or any(step.is_unclear or name in (step.outputs or ()) for step in node.steps)
    if not declared and not returned and "methods" not in definition.hidden and not node.inherits:
        yield find(
            "NW310",
            port.at,
            f"No method returns the output {name!r}.",
            "Add it to the outputs of the method that makes it, and return it under this key.",
        )
    values = [(value, body) for body in makers for value in body.returned.keys.get(name, ())]
    kinds = {plain_type(value, body) for value, body in values}
    if len(kinds) != 1 or (kind := kinds.pop()) is None or port.type not in PORT_TYPES:
        return
    declared_type = PORT_TYPES[port.type]
    if declared_type == "object" and kind in _NAMES:
        yield _plain_object(node, port, f"its value is plainly a {kind}", _NAMES[kind])
    elif declared_type not in ("object", kind) and (declared_type, kind) not in {
        ("float", "int"),
        ("int", "bool"),
    }:
        yield find(
            "NW311",
            values[0][0],
            f"The output {name!r} is declared {port.type}, and its value is a {kind}.",
            f"Return a {declared_type}, or declare PortType.{_NAMES[kind]}.",
        )


def _plain_object(node: NodeClass, port: Port, why: str, member: str) -> Finding:
    message = f"The port {port.name!r} is {port.type}, and {why}."
    remedy = f"Write PortType.{member}, so that it can be checked when connected."
    return node.source.find("NW305", port.type_at or port.at, message, remedy)


def _users(node: NodeClass, definition: Definition, name: str) -> list[Body]:
    """Bodies of the methods that are given the input."""
    return [
        node.bodies[method.name]
        for method in definition.methods.values()
        if method.inputs is not None and name in method.inputs and method.name in node.bodies
    ]


def _may_be_used(node: NodeClass, definition: Definition, name: str) -> bool:
    if "methods" in definition.hidden or node.inherits:
        return True
    if any(method.inputs is None or name in method.inputs for method in definition.methods.values()):
        return True
    if any(step.is_unclear or (step.inputs and name in step.inputs) for step in node.steps):
        return True
    return name in node.reads_by_hand
