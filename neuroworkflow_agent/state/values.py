"""What of a value can be put back, and how: nodes, one for each object that can be.

A node keeps its object and what that was; `look` gives what it is now, cheap to compare. Only exact builtin types and
known libraries' own ways are used: nothing foreign runs, and no library is imported that is not there already.
"""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
import re
import sys
import types
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable
from operator import is_
from typing import Any, ClassVar

_ATOMS = (
    type(None), bool, int, float, complex, str, bytes, range, type(...), type(NotImplemented),
    dt.datetime, dt.date, dt.time, dt.timedelta, dt.timezone,
    decimal.Decimal, uuid.UUID, pathlib.PosixPath, pathlib.PurePosixPath, re.Pattern,
)  # fmt: skip
"""Exact types of what cannot be changed."""
# By their ids: a metaclass may have an `__eq__` and a `__hash__` of its own.
_ATOM_IDS = frozenset(map(id, _ATOMS))
_MODULE: Any = type.__dict__["__module__"]
_DEFINITIONS = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, types.MethodType)
"""What programs define; it is kept by reference, and hardly anybody changes it in place."""
_MAPPINGS = frozenset(map(id, (dict, OrderedDict, defaultdict)))
_CONTAINERS = frozenset([*_MAPPINGS, *map(id, (list, deque, bytearray, set))])
"""Exact types that are kept with what they hold."""


FORGOTTEN = "what it was is not kept any more"


class Node:
    """An object that can be put back.

    Parameters
    ----------
    value
        The object.
    """

    way: ClassVar[str]
    """How it is kept, in words."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.children: tuple[Any, ...] = ()
        """What it holds, as far as that is not an atom."""
        self.before: Any = None
        self.left: Any = None
        """What it was, and what the code left, as `look` gives it."""
        self.is_forgotten = False
        """Whether what it was is not kept any more."""

    def look(self) -> Any:
        """What the object is now."""
        raise NotImplementedError

    def same(self, one: Any, other: Any) -> bool:
        """Whether two looks saw the same."""
        raise NotImplementedError

    def put_back(self) -> str:
        """Make the object what it was; why that cannot be done, or empty."""
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """What is kept takes so much memory, or may come to."""
        return 0

    @property
    def obstacle(self) -> str:
        """Why it cannot be put back; empty if it can."""
        return FORGOTTEN if self.is_forgotten else ""

    def forget(self) -> None:
        """Let go of what it was."""
        self.is_forgotten, self.before = True, None


class Container(Node):
    """A list, dict, set or the like."""

    way = "by value"

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.before = self.look()

    def look(self) -> Any:
        return [*self.value.items()] if is_mapping(self.value) else self.value.copy()

    def same(self, one: Any, other: Any) -> bool:
        if len(one) != len(other):
            return False
        if type(self.value) is set or type(self.value) is bytearray:
            return bool(one == other)
        if is_mapping(self.value):
            one, other = _flat(one), _flat(other)
        return all(map(is_, one, other)) or all(map(_alike, one, other))

    def put_back(self) -> str:
        value, before = self.value, self.before
        if type(value) is list or type(value) is bytearray:
            value[:] = before
            return ""
        value.clear()
        if type(value) is deque:
            value.extend(before)
        else:
            value.update(before)
        return ""


class Array(Node):
    """A numpy array of numbers, texts of fixed length or times."""

    way = "by copy"

    def __init__(self, value: Any, copy: Any, digest: int) -> None:
        super().__init__(value)
        self._copy = copy
        self.before = (*_form(value), digest)

    @property
    def nbytes(self) -> int:
        return int(self._copy.nbytes) if self._copy is not None else 0

    @property
    def obstacle(self) -> str:
        return super().obstacle or ("" if self._copy is not None else "it is too large to be copied")

    def forget(self) -> None:
        super().forget()
        self._copy = None

    def look(self) -> Any:
        return (*_form(self.value), digest(self.value))

    def same(self, one: Any, other: Any) -> bool:
        return bool(one == other)

    def put_back(self) -> str:
        value, (dtype, shape, _strides, is_writeable) = self.value, self.before[:4]
        try:
            if (value.dtype, value.shape) != (dtype, shape):
                if value.nbytes != self._copy.nbytes:
                    return "its size was changed in place"
                value.dtype, value.shape = dtype, shape
            value.flags.writeable = True
            value[...] = self._copy
            value.flags.writeable = is_writeable
        except (ValueError, TypeError, AttributeError):
            return "its memory cannot be written"
        return ""


class Frame(Node):
    """A pandas data frame or series, kept by pandas' own copy-on-write."""

    way = "by copy-on-write"

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.before = self.look()

    @property
    def nbytes(self) -> int:
        return sum(int(values.nbytes) for values in blocks_of(self.value))

    def look(self) -> Any:
        value = self.value
        parts = [*blocks_of(value), *value._mgr.axes]
        names = [tuple(axis.names) for axis in value._mgr.axes]
        return value.copy(deep=False), parts, names, _label(value), dict(value.attrs)

    def same(self, one: Any, other: Any) -> bool:
        (was, parts, names, label, attrs), (now, others, their_names, their_label, their_attrs) = one, other
        if names != their_names or not _alike(label, their_label) or attrs.keys() != their_attrs.keys():
            return False
        if not all(map(_alike, attrs.values(), their_attrs.values())):
            return False
        if len(parts) == len(others) and all(map(is_, parts, others)):
            return True
        return bool(was.equals(now))  # pandas may have put its blocks together

    def put_back(self) -> str:
        was, _, names, label, attrs = self.before
        self.value._mgr = was.copy(deep=False)._mgr
        for axis, its in zip(self.value._mgr.axes, names, strict=True):
            axis.names = list(its)
        if label is not None or hasattr(self.value, "_name"):
            self.value._name = label
        self.value._attrs = dict(attrs)
        for cache in ("_item_cache", "_cache"):
            getattr(self.value, cache, {}).clear()
        return ""


class PolarsFrame(Node):
    """A polars data frame or series, whose columns nobody can change in place."""

    way = "by reference to columns that nobody can change"

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.before = self.look()

    def look(self) -> Any:
        return self.value.clone()

    def same(self, one: Any, other: Any) -> bool:
        if type(one).__name__ == "Series":
            return bool(one.name == other.name and one.dtype == other.dtype and one.equals(other))
        return bool(one.schema == other.schema and one.equals(other))

    def put_back(self) -> str:
        inner = "_s" if type(self.value).__name__ == "Series" else "_df"
        setattr(self.value, inner, getattr(self.before.clone(), inner))
        return ""


def digest(array: Any) -> int:
    """xxh3 of an array's bytes, 128 bits."""
    import xxhash

    numpy = sys.modules["numpy"]
    flat = array if array.flags.c_contiguous else array.T if array.flags.f_contiguous else None
    flat = numpy.ascontiguousarray(array) if flat is None else flat
    if flat.size == 0 or flat.itemsize == 0:
        return 0
    return int(xxhash.xxh3_128_intdigest(flat.reshape(-1).view(numpy.uint8)))


def blocks_of(frame: Any) -> list[Any]:
    """The arrays that hold a pandas object."""
    return [block.values for block in frame._mgr.blocks]


def size_of(value: Any) -> int:
    """Bytes of an array or a frame; 0 for all else."""
    for library, names in (("numpy", ("ndarray",)), ("pandas", ("DataFrame", "Series"))):
        module = sys.modules.get(library)
        if any(type(value) is getattr(module, name, None) for name in names):
            return (
                int(value.nbytes)
                if library == "numpy"
                else sum(int(each.nbytes) for each in blocks_of(value))
            )
    return 0


def is_atom(value: Any) -> bool:
    """Whether a value cannot be changed."""
    return id(type(value)) in _ATOM_IDS or _is_numpy_scalar(type(value))


def are_builtin_atoms(values: Iterable[Any]) -> bool:
    """Whether all values are atoms of Python's own; numpy's are not looked for."""
    return set(map(id, map(type, values))) <= _ATOM_IDS


def is_container(value: Any) -> bool:
    """Whether a value is kept with what it holds."""
    return id(type(value)) in _CONTAINERS


def is_mapping(value: Any) -> bool:
    """Whether it is one with keys and values."""
    return id(type(value)) in _MAPPINGS


def is_definition(value: Any) -> bool:
    """Whether a value is a function, class or module."""
    return issubclass(type(value), _DEFINITIONS)


def module_of(value: Any) -> str:
    """Where the type of a value says that it is from; asks nothing that the type could answer by itself."""
    found = _MODULE.__get__(type(value))
    return found if type(found) is str else ""


def equal(one: Any, other: Any) -> bool:
    """Whether two values are one object, or atoms that mean the same."""
    return one is other or _alike(one, other)


def _alike(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other) or not is_atom(one):
        return False
    if isinstance(one, dt.datetime | dt.time) and not _is_plain_zone(one.tzinfo, other.tzinfo):
        return False
    return bool(one == other or (one != one and other != other))


def _is_plain_zone(*zones: Any) -> bool:
    """Whether comparing times of these zones asks nothing foreign."""
    return all(zone is None or type(zone) is dt.timezone for zone in zones)


def _is_numpy_scalar(kind: type) -> bool:
    numpy = sys.modules.get("numpy")
    return (
        numpy is not None
        and issubclass(kind, numpy.generic)
        and not issubclass(kind, numpy.void | numpy.object_)
    )


def _flat(pairs: list[tuple[Any, Any]]) -> list[Any]:
    return [part for pair in pairs for part in pair]


def _form(array: Any) -> tuple[Any, ...]:
    return array.dtype, array.shape, array.strides, array.flags.writeable


def _label(frame: Any) -> Any:
    return vars(frame).get("_name")
