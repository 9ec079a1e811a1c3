"""What a node's methods take from it and put into it by hand, past what its definition declares.

An input's value is in several places: `self._input_ports["x"].value`, `self.get_input_port("x")`, and the context that
every step fills. Whoever says that nothing uses an input has to have looked into all of them. Names that stand in
lists, constants and loops are followed; where that fails, anything may be used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuroworkflow_agent.nodes.expressions import is_self, literal

if TYPE_CHECKING:
    from neuroworkflow_agent.nodes.body import Body

_LOOKUPS = frozenset({"get", "setdefault", "pop", "__getitem__", "__contains__"})
_NAMES_ONLY = frozenset({"keys", "__len__"})
"""Methods of a dict that hand on no value."""
_HARMLESS = frozenset(
    {
        "super",
        "isinstance",
        "issubclass",
        "type",
        "id",
        "repr",
        "str",
        "print",
        "hash",
        "hasattr",
        "getattr",
        "setattr",
    }
)
"""Functions that are given `self`, and read no port or are looked at by themselves."""
_MAX_STEPS = 6


@dataclass(frozen=True)
class Uses:
    """Names that are looked up in one of a node's stores."""

    names: frozenset[str] = frozenset()
    is_open: bool = False
    """Whether there may be others."""

    def __contains__(self, name: object) -> bool:
        return self.is_open or name in self.names

    def __or__(self, other: Uses) -> Uses:
        return Uses(self.names | other.names, self.is_open or other.is_open)


def input_uses(body: Body, constants: Mapping[str, ast.AST]) -> Uses:
    """Input ports that a method reads by hand."""
    return _uses(body, constants, "_input_ports", "get_input_port") | Uses(is_open=_hands_self_on(body))


def output_uses(body: Body, constants: Mapping[str, ast.AST]) -> Uses:
    """Output ports that a method looks up by hand, to set them."""
    return _uses(body, constants, "_output_ports", "get_output_port") | Uses(is_open=_hands_self_on(body))


def context_uses(body: Body, constants: Mapping[str, ast.AST]) -> Uses:
    """Keys of the context that a method looks up or sets."""
    return _uses(body, constants, "_context", "") | Uses(is_open=_hands_self_on(body))


def context_writes(body: Body, constants: Mapping[str, ast.AST]) -> Uses:
    """Keys of the context that a method sets, for the steps after it."""
    names: set[str] = set()
    is_open = _hands_self_on(body)
    for node in body.every(ast.Attribute):
        is_open = is_open or (node.attr == "__dict__" and is_self(node.value))
    for item in body.every(ast.Subscript):
        if _is_store(item.value, "_context") and isinstance(item.ctx, ast.Store):
            found = texts(item.slice, body, constants)
            names |= found or set()
            is_open = is_open or found is None
    for call in body.every(ast.Call):
        if isinstance(call.func, ast.Attribute) and _is_store(call.func.value, "_context"):
            is_open = is_open or call.func.attr in ("update", "setdefault", "__setitem__")
        is_open = is_open or any(_is_store(each, "_context") for each in call.args)
    return Uses(frozenset(names), is_open)


def _uses(body: Body, constants: Mapping[str, ast.AST], store: str, getter: str) -> Uses:
    names: set[str] = set()
    is_open = False
    for key in _keys(body, store, getter):
        found = None if key is None else texts(key, body, constants)
        names |= found or set()
        is_open = is_open or found is None
    return Uses(frozenset(names), is_open)


def _keys(body: Body, store: str, getter: str) -> Iterator[ast.AST | None]:
    """What is looked up in a store, use by use; None for a use that may reach everything in it."""
    seen: set[int] = set()
    for node in body.every(ast.Subscript, ast.Call, ast.Compare):
        match node:
            case ast.Subscript(value=place, slice=key) if _is_store(place, store):
                yield key
            case ast.Call(func=ast.Attribute(value=place, attr=name), args=[key, *_]) if (
                _is_store(place, store) and name in _LOOKUPS
            ):
                yield key
            case ast.Call(func=ast.Attribute(value=place, attr=name)) if (
                _is_store(place, store) and name in _NAMES_ONLY
            ):
                pass
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[place]) if _is_store(place, store):
                pass  # that it is there says nothing of its value
            case ast.Call(func=ast.Name(id="len"), args=[place]) if _is_store(place, store):
                pass
            case ast.Call(func=ast.Attribute(value=owner, attr=name), args=given) if (
                getter and is_self(owner) and name == getter
            ):
                keywords = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
                yield next(iter([*given, *keywords]), None)
                place = node.func
            case ast.Call(func=ast.Name(id="getattr" | "setattr"), args=[owner, *rest]) if is_self(owner):
                if not rest or literal(rest[0]) in (store, getter) or not isinstance(literal(rest[0]), str):
                    yield None
                continue
            case _:
                continue
        seen.add(id(place))
    for node in body.every(ast.Attribute):
        is_ours = node.attr in (store, getter, "__dict__") and is_self(node.value)
        if is_ours and id(node) not in seen:
            yield None


def _is_store(node: ast.AST, store: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == store and is_self(node.value)


def _hands_self_on(body: Body) -> bool:
    """Whether something else is given the node itself, and may read anything of it."""
    alone = {id(each) for each in body.every(ast.Name) if is_self(each)}
    alone -= {id(each.value) for each in body.every(ast.Attribute)}
    for call in body.every(ast.Call):
        is_base = isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"
        if is_base or (isinstance(call.func, ast.Name) and call.func.id in _HARMLESS):
            alone -= {id(each) for each in call.args}
    return bool(alone)


def texts(
    node: ast.AST, body: Body, constants: Mapping[str, ast.AST], steps: int = _MAX_STEPS
) -> set[str] | None:
    """The texts an expression may be; None if only running the code tells.

    Parameters
    ----------
    constants
        Names of the module and, as `self.NAME`, of the class, with what each is given.
    """
    if steps == 0:
        return None
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else None
    if isinstance(node, ast.IfExp):
        return _all_of([node.body, node.orelse], body, constants, steps)
    if isinstance(node, ast.Name) and node.id not in body.arguments:
        given = [each for each in body.assigned.get(node.id, ()) if each is not None]
        looped = body.loops.get(node.id, [])
        if len(given) + len(looped) < len(body.assigned.get(node.id, ())):
            return None
        if given or looped:
            found = _all_of(given, body, constants, steps)
            for place, iterable in looped:
                more = _items(iterable, place, body, constants, steps - 1)
                found = None if found is None or more is None else found | more
            return found
    constant = constants.get(_dotted(node))
    return texts(constant, body, constants, steps - 1) if constant is not None else None


def _all_of(
    nodes: list[ast.AST], body: Body, constants: Mapping[str, ast.AST], steps: int
) -> set[str] | None:
    found: set[str] = set()
    for each in nodes:
        more = texts(each, body, constants, steps - 1)
        if more is None:
            return None
        found |= more
    return found


def _items(
    iterable: ast.AST, place: int | None, body: Body, constants: Mapping[str, ast.AST], steps: int
) -> set[str] | None:
    """The texts that a loop's variable takes; `place` is its own in a tuple of variables."""
    if steps == 0:
        return None
    match iterable:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            pass
        case ast.Dict(keys=keys) if place is None:
            items = [each for each in keys if each is not None]
        case ast.Call(func=ast.Attribute(value=ast.Dict() as inner, attr="keys")):
            return _items(inner, place, body, constants, steps - 1)
        case ast.Call(func=ast.Attribute(value=inner, attr="items")) if place == 0:
            return _items(inner, None, body, constants, steps - 1)
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]) if place == 1:
            return _items(inner, None, body, constants, steps - 1)
        case ast.Call(func=ast.Name(id="sorted" | "list" | "tuple" | "set" | "reversed"), args=[inner]) if (
            place is None
        ):
            return _items(inner, None, body, constants, steps - 1)
        case ast.Name(id=name) if name not in body.arguments and len(body.assigned.get(name, ())) == 1:
            (given,) = body.assigned[name]
            changed = any(
                isinstance(each.value, ast.Name) and each.value.id == name and each.attr not in _NAMES_ONLY
                for each in body.every(ast.Attribute)
            )
            return (
                _items(given, place, body, constants, steps - 1)
                if given is not None and not changed
                else None
            )
        case _:
            constant = constants.get(_dotted(iterable))
            return _items(constant, place, body, constants, steps - 1) if constant is not None else None
    if place is not None:
        if not all(isinstance(each, ast.Tuple | ast.List) and len(each.elts) > place for each in items):
            return None
        items = [each.elts[place] for each in items if isinstance(each, ast.Tuple | ast.List)]
    return _all_of(list(items), body, constants, steps)


def _dotted(node: ast.AST) -> str:
    """`NAME` or `self.NAME`; the class's own name counts as `self`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"self.{node.attr}"
    return ""
