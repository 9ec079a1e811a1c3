"""Expressions, as far as the syntax tree tells what they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from neuroworkflow_agent.nodes.contract import PythonType

_CALLS: dict[str, PythonType] = {
    "dict": "dict",
    "defaultdict": "dict",
    "Counter": "dict",
    "OrderedDict": "dict",
    "list": "list",
    "sorted": "list",
    "int": "int",
    "len": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
    "isinstance": "bool",
    "any": "bool",
    "all": "bool",
}
"""Calls whose result has one type."""
_MAX_BITS = 4096
_ANNOTATIONS: dict[str, PythonType] = {
    "dict": "dict",
    "Dict": "dict",
    "list": "list",
    "List": "list",
    "int": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
}


class _Unknown:
    """A value that only running the code would tell."""

    def __repr__(self) -> str:
        return "…"


UNKNOWN: Final = _Unknown()


class Scope(Protocol):
    """Where names are looked up."""

    @property
    def arguments(self) -> Sequence[str]: ...

    @property
    def assigned(self) -> Mapping[str, Sequence[ast.AST | None]]: ...


def plain_type(value: ast.AST | None, scope: Scope | None = None, depth: int = 0) -> PythonType | None:
    """The Python type of an expression where it is plain to see; None where it is not."""
    match value:
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.List() | ast.ListComp():
            return "list"
        case ast.JoinedStr():
            return "str"
        case ast.Compare(left=left, comparators=[right]):
            # Arrays compare to arrays; only `is`, `in` and constants of Python's own make a bool for sure.
            plain = (plain_type(left, scope, depth + 1), plain_type(right, scope, depth + 1))
            return "bool" if all(each in ("int", "float", "str", "bool") for each in plain) else None
        case ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.UnaryOp(operand=operand):
            return plain_type(operand, scope, depth + 1)
        case ast.Constant(value=constant):
            kind = type(constant).__name__
            return kind if kind in ("int", "float", "str", "bool") else None  # type: ignore[return-value]
        case ast.Call(func=ast.Name(id=name)):
            return _CALLS.get(name)
        case ast.Call(func=ast.Attribute(attr="join")):
            return "str"
        case ast.Name(id=name) if scope is not None and depth < 5 and name not in scope.arguments:
            kinds = {plain_type(each, scope, depth + 1) for each in scope.assigned.get(name, [None])}
            return kinds.pop() if len(kinds) == 1 else None
    return None


def dotted_name(node: ast.AST) -> str:
    """`a.b.c` for such an expression; what is behind a call or an index counts alone."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def call_name(node: ast.AST) -> str:
    """The dotted name of what is called; empty if it is not a call, or has no name."""
    return dotted_name(node.func) if isinstance(node, ast.Call) else ""


def annotated_type(annotation: ast.AST) -> PythonType | None:
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return annotated_type(left)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return annotated_type(inner)
        case ast.Subscript(value=outer):
            return annotated_type(outer)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _ANNOTATIONS.get(name)
    return None


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def names_in(target: ast.AST) -> Iterator[str]:
    return (
        each.id for each in ast.walk(target) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )


def called_name(node: ast.AST | None) -> str:
    """The last name of what is called: `schema.PortDefinition(…)` gives `PortDefinition`."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return (
        function.attr
        if isinstance(function, ast.Attribute)
        else function.id
        if isinstance(function, ast.Name)
        else ""
    )


def literal(node: ast.AST | None) -> Any:
    """The value of a literal, UNKNOWN for anything else."""
    if node is None:
        return None
    if called_name(node) == "float" and isinstance(node, ast.Call) and len(node.args) == 1:
        value = literal(node.args[0])
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            return UNKNOWN
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return UNKNOWN
    return UNKNOWN if _is_huge(value) else value


def is_number(value: Any) -> bool:
    """Whether it is an int or a float; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_huge(value: Any) -> bool:
    """Whether there is an integer in it that Python itself refuses to write out."""
    if isinstance(value, int):
        return value.bit_length() > _MAX_BITS
    if isinstance(value, dict):
        return any(_is_huge(each) for pair in value.items() for each in pair)
    return isinstance(value, list | tuple | set) and any(map(_is_huge, value))
