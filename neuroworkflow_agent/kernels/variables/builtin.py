"""Values of exactly Python's own types, and how much of a subclass Python itself tells."""

from __future__ import annotations

import collections
import types
from typing import Any

from neuroworkflow_agent.kernels.variables.genuine import ancestors, is_a, plain, type_name
from neuroworkflow_agent.kernels.variables.summary import (
    MAX_NAMES,
    MAX_NAMES_FULL,
    Summary,
    label,
    names_text,
    scalar_text,
)

_SEQUENCES: tuple[type, ...] = (list, tuple)
_SETS: tuple[type, ...] = (set, frozenset)
_SIZED: tuple[type, ...] = (list, tuple, dict, set, frozenset, str, bytes, bytearray, collections.deque)
_MAX_LOOKED_AT = 100
_SHOWN = 5
_FUNCTIONS = (types.FunctionType, types.MethodType)


def describe_builtin(value: Any, *, full: bool) -> Summary:
    """See `describe.describe`; for a value of no library's."""
    kind = type(value)
    if is_a(value, type):
        return _class(value)
    if kind is types.FunctionType:
        return _function(value, full=full)
    if kind in _SIZED:
        return _container(value, kind, full=full)
    if text := scalar_text(value):
        return Summary(type_name(kind), about=text)
    return _foreign(value)


def _foreign(value: Any) -> Summary:
    """Its class, and for one below Python's own containers what these say of it."""
    base = next((each for each in ancestors(type(value)) if each in _SIZED), None)
    name = label(type_name(type(value)))
    if base is None:
        return Summary(name)
    size: Any = base
    return Summary(
        f"{name} ({base.__name__})", shape=(size.__len__(value),), size_bytes=size.__sizeof__(value)
    )


def _container(value: Any, kind: type, *, full: bool) -> Summary:
    size: Any = kind
    about = ""
    more: tuple[str, ...] = ()
    if kind is dict:
        names = [label(key) for key in _first(value, MAX_NAMES_FULL if full else MAX_NAMES)]
        about = f"keys {names_text(names, len(value))}" if names else ""
        if full:
            more = tuple(f"{label(k)}: {_item(v)}" for k, v in _first_items(value, 20))
    elif kind in (str, bytes, bytearray):
        about = scalar_text(value)
        if full and kind is str and len(value) > len(about):
            more = (repr(value[:1000]) + ("…" if len(value) > 1000 else ""),)
    else:
        about = _of(value)
    return Summary(kind.__name__, (len(value),), "", size.__sizeof__(value), about, more)


def _of(value: Any) -> str:
    """`of float: 0.1, 0.2 …`"""
    first = _first(value, _MAX_LOOKED_AT)
    if not first:
        return ""
    kinds = dict.fromkeys(label(type_name(type(each))) for each in first)
    of = names_text(list(kinds)[:3], len(kinds))
    texts = [scalar_text(each) for each in first[:_SHOWN]]
    if not all(texts):
        return f"of {of}"
    return f"of {of}: {', '.join(texts)}" + (" …" if len(value) > _SHOWN else "")


def _first(value: Any, count: int) -> list[Any]:
    """The first elements of one of Python's own containers, however it may be changed meanwhile."""
    if type(value) in _SEQUENCES:
        return list(value[:count])
    try:
        return [each for each, _ in zip(value, range(count), strict=False)]
    except RuntimeError:  # changed by another thread
        return []


def _first_items(value: dict[Any, Any], count: int) -> list[tuple[Any, Any]]:
    try:
        return [each for each, _ in zip(value.items(), range(count), strict=False)]
    except RuntimeError:
        return []


def _item(value: Any) -> str:
    if type(value) in (str, bytes, bytearray) or type(value) not in _SIZED:
        return scalar_text(value) or label(type_name(type(value)))
    return f"{type_name(type(value))} ({len(value)})"


def _function(value: types.FunctionType, *, full: bool) -> Summary:
    code = value.__code__
    names = [label(each) for each in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]]
    doc = plain(value.__doc__) if full else ""
    more = tuple(label(line, 200) for line in doc.strip().splitlines()[:10])
    return Summary("function", about=f"({', '.join(names[:MAX_NAMES])})", more=more)


def _class(value: type) -> Summary:
    bases = [label(type_name(each)) for each in ancestors(value)[1:-1]]
    return Summary("class", about=f"below {names_text(bases[:3], len(bases))}" if bases else "")
