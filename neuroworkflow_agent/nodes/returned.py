"""What a method's `return` statements give."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from neuroworkflow_agent.nodes.expressions import Scope, is_name, plain_type


class Method(Scope, Protocol):
    """A method's own statements, beside its names."""

    @property
    def own(self) -> Sequence[ast.AST]: ...


@dataclass
class Returned:
    """What a method's `return` statements give."""

    keys: dict[str, list[ast.AST]] = field(default_factory=dict)
    """Each key and the expressions it is given; in order."""
    is_complete: bool = True
    """Whether these are all keys."""
    no_dicts: list[ast.AST] = field(default_factory=list)
    """Returned values that are plainly something else."""


def read_returned(body: Method) -> Returned:
    """What a method returns; no `return` is an empty dict."""
    returned = Returned()
    for node in body.own:
        if isinstance(node, ast.Yield | ast.YieldFrom):
            returned.is_complete = False
        if isinstance(node, ast.Return) and node.value is not None:
            _add(body, node.value, returned)
    return returned


def _add(body: Method, value: ast.AST, returned: Returned) -> None:
    if isinstance(value, ast.IfExp):
        _add(body, value.body, returned)
        _add(body, value.orelse, returned)
    elif isinstance(value, ast.Dict):
        for key, each in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                returned.keys.setdefault(key.value, []).append(each)
            else:
                returned.is_complete = False
    elif isinstance(value, ast.Call) and getattr(value.func, "id", "") == "dict" and not value.args:
        for keyword in value.keywords:
            if keyword.arg is None:
                returned.is_complete = False
            else:
                returned.keys.setdefault(keyword.arg, []).append(keyword.value)
    elif isinstance(value, ast.Name):
        _add_variable(body, value.id, returned)
    elif isinstance(value, ast.Constant) and value.value is None:
        pass
    elif plain_type(value, body) not in (None, "dict"):
        returned.no_dicts.append(value)
        returned.is_complete = False
    else:
        returned.is_complete = False


def _add_variable(body: Method, name: str, returned: Returned) -> None:
    """A variable that was given a dict and then items."""
    values = body.assigned.get(name, [])
    if not values or name in body.arguments:
        returned.is_complete = False
        return
    for value in values:
        if isinstance(value, ast.Dict | ast.Call) and (
            isinstance(value, ast.Dict) or getattr(value.func, "id", "") == "dict"
        ):
            _add(body, value, returned)
        elif value is not None and plain_type(value, body) not in (None, "dict"):
            returned.no_dicts.append(value)
            returned.is_complete = False
        else:
            returned.is_complete = False
    for node in body.own:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and is_name(node.value, name):
            key = node.slice
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                returned.keys.setdefault(key.value, []).append(_stored(body.own, node))
            else:
                returned.is_complete = False
        elif isinstance(node, ast.Call) and any(is_name(each, name) for each in node.args):
            returned.is_complete = False  # whoever is given it may fill it
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and is_name(node.func.value, name)
            and node.func.attr in ("update", "setdefault")
        ):
            returned.is_complete = False


def _stored(nodes: Sequence[ast.AST], target: ast.AST) -> ast.AST:
    """What is assigned to `target`."""
    for node in nodes:
        if isinstance(node, ast.Assign) and target in node.targets:
            return node.value
    return target
