"""Arrays: NumPy's and those below them, SciPy's sparse ones, PyTorch's tensors.

Their shapes and types are read through the array class's own descriptors, so that a subclass is not asked.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from neuroworkflow_agent.kernels.variables.genuine import (
    ancestors,
    is_a,
    library_class,
    library_member,
    plain,
    type_name,
)
from neuroworkflow_agent.kernels.variables.summary import MAX_NAMES, Summary, label, names_text, scalar_text

_PLAIN_KINDS = frozenset("biufcmM")
_UNPACKABLE_KINDS = frozenset("biufc")
_SHOWN = 6


def array_class() -> Any:
    """NumPy's array class, if NumPy is imported."""
    return library_member("numpy", "ndarray")


def describe_array(value: Any, *, full: bool) -> Summary:
    """An array of NumPy's or of a class below."""
    base = array_class()
    shape, dtype = base.shape.__get__(value), base.dtype.__get__(value)
    facts = [_fields(dtype), _units(value)]
    if "memmap" in (name := _name(value)):
        facts.append("on disk")
    more = (f"begins {text}",) if full and (text := _beginning(base, value, shape, dtype)) else ()
    return Summary(
        name,
        shape=tuple(shape),
        dtype=dtype_text(dtype),
        size_bytes=_memory(base, value, shape, dtype),
        about=", ".join(filter(None, facts)),
        more=more,
    )


def describe_number(value: Any, *, full: bool) -> Summary:  # noqa: ARG001 - as all describers
    """A scalar of NumPy's."""
    item = library_member("numpy", "generic").item(value)
    return Summary(type_name(type(value)), about=scalar_text(item))


def describe_sparse(value: Any, *, full: bool) -> Summary:  # noqa: ARG001
    """A sparse array or matrix of SciPy's."""
    held = vars(value)
    parts = [held[name] for name in ("data", "indices", "indptr", "row", "col", "offsets") if name in held]
    parts += list(held["coords"]) if type(held.get("coords")) is tuple else []
    base = array_class()
    arrays = [part for part in parts if type(part) is base]
    data = held.get("data")
    about = f"{arrays[0].size:,} stored" if type(data) is base and data.dtype.kind in _PLAIN_KINDS else ""
    shape = held.get("_shape")
    return Summary(
        type_name(type(value)),
        shape=tuple(int(n) for n in shape) if type(shape) is tuple else None,
        dtype=dtype_text(data.dtype) if type(data) is base else "",
        size_bytes=sum(array.nbytes for array in arrays),
        about=about,
    )


def describe_tensor(value: Any, *, full: bool) -> Summary:  # noqa: ARG001
    """A tensor of PyTorch's."""
    shape = tuple(int(n) for n in value.shape)
    device = str(value.device)
    return Summary(
        type_name(type(value)),
        shape=shape,
        dtype=str(value.dtype).removeprefix("torch."),
        size_bytes=math.prod(shape) * int(value.element_size()),
        about=device if device != "cpu" else "",
    )


def dtype_text(dtype: Any) -> str:
    """A type of elements in a word; of one that is no library's, its class."""
    library, name = library_class(type(dtype))
    if library == "numpy":
        return _numpy_dtype(dtype)
    if library == "pandas":
        return _pandas_dtype(dtype, name)
    if library == "polars":
        return label(plain(str(dtype)), 60)
    return label(name or type_name(type(dtype)))


def _pandas_dtype(dtype: Any, name: str) -> str:
    """In pandas' own words, unless these would ask a time zone or a type of somebody else's."""
    if name == "DatetimeTZDtype" and type(dtype._tz) not in (
        dt.timezone,
        library_member("zoneinfo", "ZoneInfo"),
    ):
        return "datetime64 with a time zone"
    if name == "ArrowDtype" and library_class(type(dtype.pyarrow_dtype))[0] != "pyarrow":
        return name
    return name if name in ("SparseDtype", "IntervalDtype") else label(plain(str(dtype)), 60)


def _numpy_dtype(dtype: Any) -> str:
    if dtype.names is not None:
        return f"structured, {dtype.itemsize} bytes"
    if dtype.kind in "biufcmMOSUV" and dtype.isbuiltin != 2:
        return {"U": f"U{dtype.itemsize // 4}", "S": f"S{dtype.itemsize}"}.get(dtype.kind) or str(dtype.name)
    return type_name(type(dtype)).removesuffix("DType").casefold()


def _name(value: Any) -> str:
    """The class's name, with `ndarray` where it is no library's."""
    name = label(type_name(type(value)))
    return name if library_class(type(value))[0] else f"{name} (ndarray)"


def _memory(base: Any, value: Any, shape: Any, dtype: Any) -> int:
    """Bytes that there really are: an axis that is repeated by broadcasting counts once."""
    strides = base.strides.__get__(value)
    lengths = (n for n, stride in zip(shape, strides, strict=True) if stride != 0 or n == 0)
    return int(math.prod(lengths) * dtype.itemsize)


def _fields(dtype: Any) -> str:
    names = dtype.names
    return f"fields {names_text(map(label, names[:MAX_NAMES]), len(names))}" if names else ""


def _units(value: Any) -> str:
    """Units of an array of `quantities` or Neo."""
    quantity = library_member("quantities.quantity", "Quantity")
    if quantity is None or not is_a(value, quantity) or not library_class(type(value))[0]:
        return ""
    dimensionality = vars(value).get("_dimensionality")
    if library_class(type(dimensionality))[0] != "quantities":
        return ""
    return label(plain(dimensionality.string))


def _beginning(base: Any, value: Any, shape: Any, dtype: Any) -> str:
    """The first elements of an array of numbers."""
    count = math.prod(shape)
    if dtype.kind not in _UNPACKABLE_KINDS or dtype.isbuiltin == 2 or not count:
        return ""
    plain_view = base.view(value, base)
    first = plain_view.flat[: min(count, _SHOWN)].tolist()
    return ", ".join(map(scalar_text, first)) + (" …" if count > _SHOWN else "")


def is_array(value: Any) -> bool:
    """Whether it is an array of NumPy's or below."""
    base = array_class()
    return base is not None and any(each is base for each in ancestors(type(value)))
