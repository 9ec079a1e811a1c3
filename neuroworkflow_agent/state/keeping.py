"""Values of a namespace, walked and kept within budgets.

A `Keeper` holds a node for each object that can be put back, and says of each name what it could not keep. It may be
used on any thread; what others change meanwhile is noticed by its digests before it is relied on.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from neuroworkflow_agent.state.values import (
    Array,
    Container,
    Frame,
    Node,
    PolarsFrame,
    are_builtin_atoms,
    blocks_of,
    digest,
    is_atom,
    is_container,
    is_mapping,
    module_of,
)

COPY_BYTES = 256 * 1024 * 1024
"""Of all copies of a turn."""
HASH_BYTES = 512 * 1024 * 1024
"""Of all that is hashed once."""
MAX_ITEMS = 1_000_000
"""In all lists, dicts and sets together."""
_BY_REFERENCE = "kept by reference"

Prepared = Mapping[int, Array]
"""Arrays that were copied ahead, by id."""


class Keeper:
    """Keeps the values of one namespace as they are now.

    Parameters
    ----------
    values
        The values.
    prepared
        What another keeper has copied ahead; used where it is still true.
    arrays_only
        Whether nothing but arrays is kept, which is what takes time.
    """

    def __init__(
        self, values: Iterable[Any], *, prepared: Prepared | None = None, arrays_only: bool = False
    ) -> None:
        self.nodes: dict[int, Node] = {}
        """By the id of their object."""
        self._holders: dict[int, tuple[Any, ...]] = {}
        """Of tuples and frozensets, what they hold."""
        self._gaps: dict[int, str] = {}
        """By id, why an object is not kept."""
        self._arrays: dict[int, Any] = {}
        self._alive: list[Any] = []
        """Objects whose ids are used as keys."""
        self._prepared = prepared or {}
        self._arrays_only = arrays_only
        self._items_left = MAX_ITEMS
        self._walk(values)
        self._copy_arrays()

    def reached(self, value: Any) -> tuple[list[Node], list[str]]:
        """The nodes of a value and of all it holds, and why parts of it are not kept."""
        nodes, gaps, seen, waiting = [], [], set(), [value]
        while waiting:
            each = waiting.pop()
            if id(each) in seen or is_atom(each):
                continue
            seen.add(id(each))
            node = self.nodes.get(id(each))
            if node is not None:
                nodes.append(node)
                waiting += node.children
            else:
                waiting += self._holders.get(id(each), ())
            if (gap := self._gaps.get(id(each))) is not None:
                gaps.append(gap)
        return nodes, gaps

    # -- walking --------------------------------------------------------------------------------------

    def _walk(self, values: Iterable[Any]) -> None:
        waiting = deque(values)
        seen: set[int] = set()
        while waiting:
            value = waiting.popleft()
            if id(value) in seen or is_atom(value):
                continue
            seen.add(id(value))
            self._alive.append(value)
            waiting += self._take(value)

    def _take(self, value: Any) -> tuple[Any, ...]:
        """Keep one object; what it holds is to be looked at next."""
        if type(value) is tuple or type(value) is frozenset:
            children = self._held(value)
            if children is not None:
                self._holders[id(value)] = children
            return children or ()
        if is_container(value):
            return self._take_container(value)
        if _is_array(value):
            self._arrays[id(value)] = value
        elif not self._arrays_only:
            node, gap = self._library_node(value)
            if node is not None:
                self.nodes[id(value)] = node
            if gap:
                self._gaps[id(value)] = gap
        return ()

    def _take_container(self, value: Any) -> tuple[Any, ...]:
        parts = _parts(value) if is_mapping(value) else value
        children = self._held(parts, value)
        if children is None:
            return ()
        if is_mapping(value) or type(value) is set:
            keys = list(value)
            if not all(map(_is_plain_key, keys)):
                # To put them back would call methods of theirs.
                self._gaps[id(value)] = "kept by reference, for its keys are objects"
                return children
        if not self._arrays_only:
            node = Container(value)
            node.children = children
            self.nodes[id(value)] = node
        else:
            self._holders[id(value)] = children
        return children

    def _held(self, parts: Any, owner: Any = None) -> tuple[Any, ...] | None:
        """What is held that is no atom; None if it is too much to look at."""
        owner = parts if owner is None else owner
        if type(owner) is bytearray:
            return ()
        if len(parts) > self._items_left:
            self._gaps[id(owner)] = "it holds too much to be looked at"
            return None
        self._items_left -= len(parts)
        listed = list(parts)
        if are_builtin_atoms(listed):
            return ()
        return tuple(each for each in listed if not is_atom(each))

    def _library_node(self, value: Any) -> tuple[Node | None, str]:
        for library, make in (("pandas", _pandas_node), ("polars", _polars_node)):
            module = sys.modules.get(library)
            if any(type(value) is getattr(module, name, None) for name in ("DataFrame", "Series")):
                return make(value, module)
        return None, _BY_REFERENCE

    # -- arrays ---------------------------------------------------------------------------------------

    def _copy_arrays(self) -> None:
        """The small ones first, so that the budget serves many."""
        copies_left, hashes_left = min(COPY_BYTES, _spare_bytes()), HASH_BYTES
        for key, array in sorted(self._arrays.items(), key=lambda each: int(each[1].nbytes)):
            size = int(array.nbytes)
            if size > hashes_left:
                self._gaps[key] = "it is too large to be looked at"
                continue
            hashes_left -= size
            node = self._prepared.get(key)
            if node is None or node.value is not array or not node.same(node.look(), node.before):
                is_copied = size <= copies_left
                copy = array.copy(order="K") if is_copied else None
                node = Array(array, copy, digest(array if copy is None else _laid_out_as(array, copy)))
            copies_left -= node.nbytes
            self.nodes[key] = node


def _laid_out_as(array: Any, copy: Any) -> Any:
    """The copy, which is warm, where its bytes lie as the array's do."""
    return copy if array.strides == copy.strides else array


def _is_array(value: Any) -> bool:
    """Whether it is a plain numpy array of plain numbers, in memory of its own or of another such array."""
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not getattr(numpy, "ndarray", None) or value.dtype.hasobject:
        return False
    base = value.base
    while type(base) is numpy.ndarray:
        base = base.base
    return base is None or type(base) is bytes


def _is_plain_key(key: Any) -> bool:
    return is_atom(key) or (type(key) is tuple and all(map(_is_plain_key, key)))


def _parts(mapping: Any) -> list[Any]:
    return [part for pair in mapping.items() for part in pair]


def _pandas_node(value: Any, pandas: Any) -> tuple[Node | None, str]:
    if int(pandas.__version__.split(".")[0]) < 3:
        return None, "kept by reference, for this pandas has no copy-on-write"
    manager = vars(value).get("_mgr")
    if manager is None or not all(_is_of(axis, "pandas") for axis in manager.axes):
        return None, _BY_REFERENCE
    gap = ""
    for values in blocks_of(value):
        if not (_is_of(values, "pandas") or _is_of(values, "numpy")):
            return None, "kept by reference, for a column is of a type of its own"
        if _is_of(values, "numpy") and not _holds_atoms(values):
            gap = "the objects in its columns are kept by reference"
    node = Frame(value)
    if node.nbytes > _spare_bytes():
        return None, "it is too large to be kept"
    return node, gap


def _holds_atoms(values: Any) -> bool:
    """Whether what an array holds cannot be changed by itself."""
    if not values.dtype.hasobject:
        return True
    return values.size <= MAX_ITEMS and are_builtin_atoms(values.reshape(-1).tolist())


def _polars_node(value: Any, polars: Any) -> tuple[Node | None, str]:
    dtypes = value.dtypes if type(value) is polars.DataFrame else [value.dtype]
    if any("Object" in str(each) for each in dtypes):
        return None, _BY_REFERENCE
    if value.estimated_size() > HASH_BYTES:
        return None, "it is too large to be looked at"
    return PolarsFrame(value), ""


def _is_of(value: Any, library: str) -> bool:
    module = module_of(value)
    return module == library or module.startswith(f"{library}.")


def _spare_bytes() -> int:
    """What may be taken of the memory that is free."""
    import psutil

    return int(psutil.virtual_memory().available) // 4
