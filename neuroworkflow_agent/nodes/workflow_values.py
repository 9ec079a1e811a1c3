"""What expressions in a script that builds workflows stand for.

Texts, numbers, None and truth values stand for themselves; `UNKNOWN` is what only running the code would tell.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from neuroworkflow_agent.nodes.expressions import UNKNOWN
from neuroworkflow_agent.nodes.workflows import Workflow, WorkflowNode

FunctionDef: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Value: TypeAlias = Any
"""One of the classes here, a `Workflow` that is being built, a `WorkflowNode`, a constant, or UNKNOWN."""
MAX_ITEMS = 1_000
MAX_CHARS = 10_000


@dataclass(eq=False)
class Listed:
    """A list, tuple or set."""

    items: list[Value] = field(default_factory=list)
    is_open: bool = False
    """Whether there may be others."""


@dataclass(eq=False)
class Mapped:
    """A dict with constant keys."""

    items: dict[Any, Value] = field(default_factory=dict)
    is_open: bool = False


@dataclass(eq=False)
class InputRef:
    """An input port of a node; `port` is None if it may be any."""

    node: WorkflowNode
    port: str | None


@dataclass(eq=False)
class Ports:
    """`node._input_ports`."""

    node: WorkflowNode


@dataclass(eq=False)
class Built:
    """What `build()` gives."""

    workflow: Workflow


@dataclass(eq=False)
class Scope:
    """Names and their values, in a function or in the module."""

    names: dict[str, Value] = field(default_factory=dict)
    parent: Scope | None = None
    shared: set[str] = field(default_factory=set)
    """Names of an outer scope that are assigned here."""
    returned: list[Value] = field(default_factory=list)

    def find(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return UNKNOWN

    def knows(self, name: str) -> bool:
        return name in self.names or (self.parent is not None and self.parent.knows(name))

    def set(self, name: str, value: Value) -> None:
        scope = self
        while name in scope.shared and scope.parent is not None:
            scope = scope.parent
        scope.names[name] = value


@dataclass(eq=False)
class Function:
    """A function of the script."""

    at: FunctionDef
    scope: Scope
    owner: Instance | None = None
    """What `self` is."""


@dataclass(eq=False)
class LocalClass:
    """A class of the script that is not a node."""

    at: ast.ClassDef
    scope: Scope

    @property
    def methods(self) -> dict[str, FunctionDef]:
        return {
            each.name: each
            for each in self.at.body
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }


@dataclass(eq=False)
class Instance:
    """An object of such a class."""

    kind: LocalClass
    attributes: dict[str, Value] = field(default_factory=dict)


def is_constant(value: Value) -> bool:
    return value is None or isinstance(value, str | int | float | bool | complex | bytes)


def same(one: Value, other: Value) -> bool:
    """Whether two values are known to be the same."""
    return one is other or (
        is_constant(one) and is_constant(other) and type(one) is type(other) and one == other
    )


def plain(value: Value) -> Any:
    """The value as Python has it, for comparing it with constraints; UNKNOWN if it is not a literal."""
    if is_constant(value):
        return value
    if isinstance(value, Listed) and not value.is_open:
        items = [plain(each) for each in value.items]
        return UNKNOWN if any(each is UNKNOWN for each in items) else items
    if isinstance(value, Mapped) and not value.is_open:
        pairs = {key: plain(each) for key, each in value.items.items()}
        return UNKNOWN if any(each is UNKNOWN for each in pairs.values()) else pairs
    return UNKNOWN


def items_of(over: Value) -> tuple[list[Value], bool]:
    """What a loop goes through, and whether there may be more."""
    if isinstance(over, Listed):
        return list(over.items), over.is_open
    if isinstance(over, Mapped):
        return list(over.items), over.is_open
    if isinstance(over, str):
        return list(over[:MAX_ITEMS]), len(over) > MAX_ITEMS
    return [], True


def escape(value: Value) -> None:
    """Leave a value to code that is not read: it may do anything with it."""
    if isinstance(value, WorkflowNode):
        value.is_open = True
    elif isinstance(value, Workflow):
        value.open |= {"nodes", "connections"}
        escape(Listed(list(value.nodes.values())))
    elif isinstance(value, Built):
        escape(Listed(list(value.workflow.nodes.values())))
    elif isinstance(value, InputRef | Ports):
        value.node.is_open = True
    elif isinstance(value, Listed):
        value.is_open = True
        for each in value.items:
            escape(each)
    elif isinstance(value, Mapped):
        value.is_open = True
        for each in value.items.values():
            escape(each)
    elif isinstance(value, Instance):
        attributes, value.attributes = value.attributes, {}
        for each in attributes.values():
            escape(each)
        value.attributes = attributes
