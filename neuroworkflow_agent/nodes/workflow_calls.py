"""What the calls of a script do: they make nodes, workflows and connections, or hand them on."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol

from neuroworkflow_agent.nodes.catalogue import NodeEntry
from neuroworkflow_agent.nodes.expressions import UNKNOWN, called_name
from neuroworkflow_agent.nodes.workflow_builtins import builtin, dict_method, list_method, text_method
from neuroworkflow_agent.nodes.workflow_values import (
    MAX_ITEMS,
    Built,
    Function,
    InputRef,
    Instance,
    Listed,
    LocalClass,
    Mapped,
    Ports,
    Scope,
    Value,
    escape,
    plain,
)
from neuroworkflow_agent.nodes.workflows import Connection, Setting, Workflow, WorkflowNode

_ENDS = ("from_node", "from_port", "to_node", "to_port")
_CONNECTS = frozenset({"connect", "connect_safe", "connect_strict", "connect_force"})
_ASKS = frozenset({"get_info", "get_output", "get_output_port", "get_optimizable_parameters", "validate"})
"""Methods of a node that change nothing in the workflow."""


class Reader(Protocol):
    """Whoever reads the script: evaluates, follows its functions, and keeps what is found."""

    doubts: int
    made: list[WorkflowNode]

    @property
    def aliases(self) -> Mapping[str, str]: ...

    @property
    def known(self) -> Mapping[str, NodeEntry]: ...

    @property
    def modules(self) -> Mapping[str, AbstractSet[str]]: ...

    def value(self, node: ast.AST, scope: Scope) -> Value: ...

    def listed(self, elements: list[ast.expr], scope: Scope) -> Listed: ...

    def follow(
        self, function: Function, given: list[Value], named: dict[str, Value], *, is_known: bool = True
    ) -> Value: ...

    def give(self, port: InputRef) -> None: ...

    def new_workflow(self, name: str) -> Workflow: ...

    def unread(self, at: ast.AST, what: str) -> None: ...

    def note(self, code: str, at: ast.AST, message: str, remedy: str) -> None: ...


class Calls:
    """Follows the calls of one script for its reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._elsewhere: Workflow | None = None
        """What is added to and connected in a builder that comes from elsewhere."""

    def call(self, call: ast.Call, scope: Scope) -> Value:
        """What a call gives; what it does to nodes and workflows is done."""
        reader = self._reader
        owner = reader.value(call.func.value, scope) if isinstance(call.func, ast.Attribute) else None
        name = called_name(call)
        function = reader.value(call.func, scope) if isinstance(call.func, ast.Name) else None
        given = reader.listed(call.args, scope)
        named = Mapped()
        for keyword in call.keywords:
            value = reader.value(keyword.value, scope)
            if keyword.arg is not None:
                named.items[keyword.arg] = value
            elif isinstance(value, Mapped):
                named.items.update({key: each for key, each in value.items.items() if isinstance(key, str)})
                named.is_open = named.is_open or value.is_open
            else:
                named.is_open = True
        if isinstance(function, Function):
            return reader.follow(
                function, given.items, named.items, is_known=not (given.is_open or named.is_open)
            )
        if isinstance(function, LocalClass):
            return self._instance(function, given, named)
        if not isinstance(call.func, ast.Attribute):
            return self._plain_call(call, reader.aliases.get(name, name), given, named)
        return self._method(call, owner, name, given, named)

    def _instance(self, kind: LocalClass, given: Listed, named: Mapped) -> Value:
        made = Instance(kind)
        start = kind.methods.get("__init__")
        if start is None:
            escape(Listed([*given.items, *named.items.values()]))
        else:
            self._reader.follow(Function(start, kind.scope, made), given.items, named.items)
        return made

    def _plain_call(self, call: ast.Call, name: str, given: Listed, named: Mapped) -> Value:
        """A function or class by its name."""
        if name == "WorkflowBuilder":
            title = named.items.get("name", given.items[0] if given.items else None)
            return self._reader.new_workflow(title if isinstance(title, str) else "")
        if name in self._reader.known or (name.endswith("Node") and name != "Node"):
            return self._make(call, name, given, named)
        return builtin(name, given, named)

    def _method(self, call: ast.Call, owner: Value, name: str, given: Listed, named: Mapped) -> Value:
        if isinstance(owner, Workflow):
            return self._build(call, owner, name, given, named)
        if isinstance(owner, WorkflowNode):
            return self._node_method(call, owner, name, given, named)
        if isinstance(owner, InputRef):
            self._reader.give(owner) if name not in ("get_value", "is_compatible_with") else None
            return UNKNOWN
        if isinstance(owner, Ports):
            key = given.items[0] if name == "get" and given.items else None
            return InputRef(owner.node, key if isinstance(key, str) else None) if key is not None else UNKNOWN
        if isinstance(owner, Instance) and (method := owner.kind.methods.get(name)) is not None:
            function = Function(method, owner.kind.scope, owner)
            return self._reader.follow(function, given.items, named.items)
        if isinstance(owner, Listed):
            return list_method(owner, name, given, is_certain=not self._reader.doubts)
        if isinstance(owner, Mapped):
            return dict_method(owner, name, given, named, is_certain=not self._reader.doubts)
        if isinstance(owner, str):
            return text_method(owner, name, given, named)
        if isinstance(owner, Built):
            return UNKNOWN
        if name == "add_node" and any(isinstance(each, WorkflowNode) for each in given.items[:1]):
            return self._build(call, self._from_elsewhere(), name, given, named)
        if name in _CONNECTS and len(given.items) + len(named.items.keys() & set(_ENDS)) >= len(_ENDS):
            return self._build(call, self._from_elsewhere(), name, given, named)
        return self._plain_call(call, self._reader.aliases.get(name, name), given, named)

    def _from_elsewhere(self) -> Workflow:
        if self._elsewhere is None:
            self._elsewhere = self._reader.new_workflow("")
            self._elsewhere.open |= {"nodes", "connections"}
        return self._elsewhere

    # Workflows

    def _build(self, call: ast.Call, workflow: Workflow, name: str, given: Listed, named: Mapped) -> Value:
        """A method of a `WorkflowBuilder`."""
        if name == "add_node":
            self._add(call, workflow, named.items.get("node", given.items[0] if given.items else UNKNOWN))
        elif name in _CONNECTS:
            self._connect(call, workflow, given, named)
        elif name == "build":
            return Built(workflow)
        elif name == "clear_connections":
            workflow.connections.clear()
            workflow.open.add("connections")
        elif name not in ("set_context", "get_connection_count", "list_connections", "connection_exists"):
            escape(Listed([*given.items, *named.items.values()]))
            return UNKNOWN
        return workflow

    def _add(self, call: ast.Call, workflow: Workflow, node: Value) -> None:
        reader = self._reader
        if not isinstance(node, WorkflowNode):
            if node is UNKNOWN:
                reader.unread(call, "which node is added")
            workflow.open.add("nodes")
            return
        node.is_added = True
        if not node.name:
            workflow.open.add("nodes")
            return
        other = workflow.nodes.get(node.name)
        if other is not None and other is not node:
            if reader.doubts or node.name in workflow.uncertain:
                workflow.open.add("nodes")
            else:
                message = f"Two nodes are called {node.name!r}."
                reader.note("NW710", call, message, "Names are unique; the second raises.")
            return
        workflow.nodes[node.name] = node
        if reader.doubts:
            workflow.uncertain.add(node.name)

    def _connect(self, call: ast.Call, workflow: Workflow, given: Listed, named: Mapped) -> None:
        ends = dict(zip(_ENDS, given.items, strict=False))
        ends.update({name: value for name, value in named.items.items() if name in _ENDS})
        texts = [ends.get(name) for name in _ENDS]
        if given.is_open or named.is_open or not all(isinstance(each, str) for each in texts):
            self._reader.unread(call, "what is connected")
            workflow.open.add("connections")
            return
        from_node, from_port, to_node, to_port = map(str, texts)
        workflow.connections.append(
            Connection(from_node, from_port, to_node, to_port, call, is_certain=not self._reader.doubts)
        )

    # Nodes

    def _make(self, call: ast.Call, class_name: str, given: Listed, named: Mapped) -> WorkflowNode:
        reader = self._reader
        name = named.items.get("name", given.items[0] if given.items else UNKNOWN)
        if not isinstance(name, str) and (given.items or named.items or given.is_open or named.is_open):
            reader.unread(call, f"the name of a {class_name}")
        escape(Listed(given.items[1:]))
        node = WorkflowNode(
            name if isinstance(name, str) else "", class_name, call, reader.known.get(class_name)
        )
        modules = reader.modules.get(class_name, ())
        node.module = next(iter(modules)) if len(modules) == 1 else ""
        if len(reader.made) < MAX_ITEMS:
            reader.made.append(node)
        return node

    def _node_method(
        self, call: ast.Call, node: WorkflowNode, name: str, given: Listed, named: Mapped
    ) -> Value:
        if name == "configure":
            values = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
            node.settings += [
                Setting(key, plain(value), values.get(key, call)) for key, value in named.items.items()
            ]
            return node
        port = given.items[0] if given.items else named.items.get("name", UNKNOWN)
        if name in ("set_input", "get_input_port"):
            place = InputRef(node, port if isinstance(port, str) else None)
            if name == "get_input_port":
                return place
            self._reader.give(place)
        elif name == "connect_to":
            target = given.items[1] if len(given.items) > 1 else named.items.get("target_node", UNKNOWN)
            escape(Listed([node, target]))
        elif name not in _ASKS:
            node.is_used_alone = True
            escape(Listed([*given.items, *named.items.values()]))
        return UNKNOWN
