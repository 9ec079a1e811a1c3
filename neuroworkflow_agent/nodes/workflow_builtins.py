"""Methods of lists, dicts and texts, and Python's own functions, as far as scripts that build workflows need them."""

from __future__ import annotations

from neuroworkflow_agent.nodes.expressions import UNKNOWN
from neuroworkflow_agent.nodes.workflow_values import (
    MAX_CHARS,
    MAX_ITEMS,
    Listed,
    Mapped,
    Value,
    escape,
    is_constant,
    items_of,
)

_LOOKS = frozenset(
    {"print", "len", "str", "repr", "format", "isinstance", "type", "id", "hash", "bool", "hasattr", "dir", "help", "display", "pprint", "callable", "any", "all", "min", "max", "sum", "info", "debug", "warning", "error", "log", "write"}
)  # fmt: skip
"""Functions and methods that look at what they are given, and leave it as it is."""


def list_method(owner: Listed, name: str, given: Listed, *, is_certain: bool) -> Value:
    if name in ("append", "add", "insert") and given.items:
        owner.items.append(given.items[-1])
        # Under a condition it may not be there; at a place of its own the order is another one.
        owner.is_open = owner.is_open or not is_certain or name == "insert" or len(owner.items) > MAX_ITEMS
    elif name in ("extend", "update") and given.items:
        items, is_open = items_of(given.items[0])
        owner.items += items[:MAX_ITEMS]
        owner.is_open = owner.is_open or is_open or not is_certain or len(owner.items) > MAX_ITEMS
    elif name == "copy":
        return Listed(list(owner.items), owner.is_open)
    elif name not in ("index", "count"):
        owner.is_open = True
        escape(owner)
    return UNKNOWN


def dict_method(owner: Mapped, name: str, given: Listed, named: Mapped, *, is_certain: bool) -> Value:
    if name == "values":
        return Listed(list(owner.items.values()), owner.is_open)
    if name == "keys":
        return Listed(list(owner.items), owner.is_open)
    if name == "items":
        return Listed([Listed([key, value]) for key, value in owner.items.items()], owner.is_open)
    if name == "copy":
        return Mapped(dict(owner.items), owner.is_open)
    if name == "get" and given.items and is_constant(given.items[0]) and given.items[0] in owner.items:
        return owner.items[given.items[0]]
    if name == "update":
        other = given.items[0] if given.items else Mapped()
        if isinstance(other, Mapped) and is_certain:
            owner.items.update({**other.items, **named.items})
            owner.is_open = owner.is_open or other.is_open or named.is_open
            return None
    owner.is_open = True
    escape(Listed([owner, *given.items, *named.items.values()]))
    return UNKNOWN


def builtin(name: str, given: Listed, named: Mapped) -> Value:
    """A function of Python's own, or one that nobody knows."""
    known = not given.is_open and not named.items and not named.is_open
    first = given.items[0] if given.items else None
    if name == "dict" and not given.is_open and len(given.items) <= 1:
        inner = first if isinstance(first, Mapped) else Mapped(is_open=bool(given.items))
        return Mapped({**inner.items, **named.items}, inner.is_open or named.is_open)
    if name in ("list", "tuple", "set", "iter", "reversed") and known and len(given.items) <= 1:
        items, is_open = items_of(first) if given.items else ([], False)
        return Listed(items[::-1] if name == "reversed" else items, is_open)
    if name in ("enumerate", "zip") and known and given.items:
        return _paired(name, given)
    if (
        name == "range"
        and known
        and all(type(each) is int for each in given.items)
        and 1 <= len(given.items) <= 3
    ):
        numbers = range(*given.items) if 0 not in given.items[2:] else range(0)
        return Listed(list(numbers[:MAX_ITEMS]), len(numbers) > MAX_ITEMS)
    if name == "len" and known and isinstance(first, Listed | Mapped) and not first.is_open:
        return len(first.items)
    if name == "str" and known and len(given.items) == 1 and isinstance(first, str | int):
        return str(first)[:MAX_CHARS]
    if name not in _LOOKS:
        escape(Listed([*given.items, *named.items.values()]))
    return UNKNOWN


def _paired(name: str, given: Listed) -> Listed:
    columns = [items_of(each) for each in (given.items if name == "zip" else given.items[:1])]
    if name == "enumerate":
        start = given.items[1] if len(given.items) > 1 else 0
        numbers: list[Value] = [
            start + at if type(start) is int else UNKNOWN for at in range(len(columns[0][0]))
        ]
        columns.insert(0, (numbers, False))
    rows = [Listed(list(row)) for row in zip(*(items for items, _ in columns), strict=False)]
    return Listed(rows, any(is_open for _, is_open in columns))


def text_method(owner: str, name: str, given: Listed, named: Mapped) -> Value:
    values = [*given.items, *named.items.values()]
    if name in ("lower", "upper", "strip", "title", "capitalize") and not values:
        return str(getattr(owner, name)())
    plain_values = all(isinstance(each, str | int) for each in values) and not (
        given.is_open or named.is_open
    )
    if (
        name == "format"
        and plain_values
        and len(owner) <= MAX_CHARS
        and "{" in owner
        and ":" not in owner
        and "!" not in owner
    ):
        try:
            text = owner.format(*given.items, **named.items)
        except (IndexError, KeyError, ValueError, AttributeError, TypeError):
            return UNKNOWN
        return text if len(text) <= MAX_CHARS else UNKNOWN
    if name == "replace" and len(values) == 2 and all(isinstance(each, str) for each in values):
        text = owner.replace(values[0], values[1], 100)
        return text if len(text) <= MAX_CHARS else UNKNOWN
    if name == "split" and len(values) <= 1 and all(isinstance(each, str) and each for each in values):
        return Listed(list(owner.split(*values))[:MAX_ITEMS])
    escape(Listed(values))
    return UNKNOWN
