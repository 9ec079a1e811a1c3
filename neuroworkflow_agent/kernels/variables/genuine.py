"""Classes and their names, read so that nothing foreign runs.

A class may lie about its name and its module, and a metaclass may answer with code of its own; so both are read through
`type` itself, and a class counts as a library's only if it really is what stands there under its name.
"""

from __future__ import annotations

import sys
import types
from typing import Any

LIBRARIES = frozenset(
    {"networkx", "neo", "numpy", "pandas", "polars", "pyarrow", "quantities", "scipy", "torch", "xarray"}
)
"""Those whose classes' attributes are read."""
_NAME = type.__dict__["__name__"]
_QUALIFIED = type.__dict__["__qualname__"]
_MODULE = type.__dict__["__module__"]
_MRO = type.__dict__["__mro__"]
_CONTENT: Any = vars(types.ModuleType)["__dict__"]


def type_name(cls: type) -> str:
    """The class's own name, whatever its metaclass says."""
    return plain(_NAME.__get__(cls)) or "object"


def module_name(cls: type) -> str:
    """The module that a class says it is of; empty if it says no text."""
    return plain(_MODULE.__get__(cls))


def ancestors(cls: type) -> tuple[type, ...]:
    """The class and its bases, in the order in which they are asked."""
    found: tuple[type, ...] = _MRO.__get__(cls)
    return found


def is_a(value: Any, base: type | tuple[type, ...]) -> bool:
    """Whether a value is of a class or of one below it, by what it is and not by its `__class__`."""
    return issubclass(type(value), base)


def plain(text: Any) -> str:
    """A text as plain `str`; empty for anything else."""
    if type(text) is str:
        return text
    return str.__str__(text) if is_a(text, str) else ""


def library_class(cls: type) -> tuple[str, str]:
    """The library that really holds this class, and its name there; two empty texts if none does."""
    module = module_name(cls)
    library = module.partition(".")[0]
    if library not in LIBRARIES:
        return "", ""
    name = plain(_QUALIFIED.__get__(cls))
    return (library, name) if content_of(module).get(name) is cls else ("", "")


def library_member(module: str, name: str) -> Any:
    """What a module that is already imported holds under a name, without asking it; None if nothing."""
    return content_of(module).get(name)


def content_of(module: str) -> dict[str, Any]:
    """The names of an imported module; lazily imported ones are not woken."""
    found = sys.modules.get(module)
    content: dict[str, Any] = _CONTENT.__get__(found) if is_a(found, types.ModuleType) else {}
    return content
