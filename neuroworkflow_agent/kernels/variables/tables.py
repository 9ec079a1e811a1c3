"""What else is known: tables of Polars and Arrow, xarray's arrays, Neo's and NetworkX' containers. What is lazy stays so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroworkflow_agent.kernels.variables.arrays import array_class, dtype_text
from neuroworkflow_agent.kernels.variables.genuine import library_class, type_name
from neuroworkflow_agent.kernels.variables.summary import (
    MAX_NAMES,
    MAX_NAMES_FULL,
    Summary,
    label,
    names_text,
    units_text,
)

_MAX_COUNTED_NODES = 2_000
_NEO_PARTS = ("segments", "groups", "analogsignals", "spiketrains", "events", "epochs")


def describe_polars_frame(value: Any, *, full: bool) -> Summary:
    """A `DataFrame` of Polars."""
    names = value.columns
    dtypes = value.dtypes[: MAX_NAMES_FULL if full else MAX_NAMES]
    texts = [f"{label(name)} {dtype_text(dtype)}" for name, dtype in zip(names, dtypes, strict=False)]
    about = f"columns {names_text(texts, len(names))}" if texts else ""
    return Summary("polars DataFrame", tuple(value.shape), size_bytes=_size(value), about=about)


def describe_polars_series(value: Any, *, full: bool) -> Summary:  # noqa: ARG001 - as all describers
    """A `Series` of Polars."""
    about = f"named {label(value.name)}" if value.name else ""
    return Summary("polars Series", tuple(value.shape), dtype_text(value.dtype), _size(value), about)


def describe_lazy(value: Any, *, full: bool) -> Summary:  # noqa: ARG001
    """A query that has not run; even its columns would have to be worked out."""
    return Summary(f"polars {type_name(type(value))}", about="lazy, not collected")


def describe_arrow(value: Any, *, full: bool) -> Summary:  # noqa: ARG001
    """A `Table` of Arrow."""
    names = value.column_names
    about = f"columns {names_text(map(label, names[:MAX_NAMES]), len(names))}" if names else ""
    return Summary("pyarrow Table", tuple(value.shape), size_bytes=int(value.nbytes), about=about)


def describe_data_array(value: Any, *, full: bool) -> Summary:  # noqa: ARG001
    """A `DataArray` of xarray, which may stand for a file that is not read yet."""
    variable = value._variable
    facts = [f"dims {names_text(map(label, variable._dims[:MAX_NAMES]), len(variable._dims))}"]
    facts += [units_text(variable._attrs), _coordinates(value._coords)]
    shape, dtype, size = _inside(variable._data)
    return Summary("DataArray", shape, dtype, size, ", ".join(filter(None, facts)))


def describe_dataset(value: Any, *, full: bool) -> Summary:
    """A `Dataset` of xarray."""
    held, coordinates = value._variables, value._coord_names
    if type(held) is not dict or type(coordinates) is not set:
        return Summary("Dataset")
    names = [name for name in list(held)[:1000] if type(name) is str and name not in coordinates]
    shown = names[: MAX_NAMES_FULL if full else MAX_NAMES]
    texts = [f"{label(name)}{_of_variable(held[name])}" for name in shown]
    return Summary("Dataset", about=f"variables {names_text(texts, len(names))}" if texts else "")


def describe_graph(value: Any, *, full: bool) -> Summary:  # noqa: ARG001
    """A graph of NetworkX."""
    held = vars(value)
    nodes, neighbours = held.get("_node"), held.get("_adj")
    if type(nodes) is not dict:
        return Summary(type_name(type(value)))
    facts = [f"{len(nodes):,} nodes"]
    if (
        type(neighbours) is dict
        and "Multi" not in type_name(type(value))
        and len(nodes) <= _MAX_COUNTED_NODES
    ):
        ends = sum(len(each) for each in list(neighbours.values()) if type(each) is dict)
        facts.append(f"{ends if 'Di' in type_name(type(value)) else (ends + 1) // 2:,} edges")
    return Summary(type_name(type(value)), about=", ".join(facts))


def describe_neo(value: Any, *, full: bool) -> Summary:  # noqa: ARG001
    """A `Block` or `Segment` of Neo."""
    held = vars(value)
    facts = []
    for name in _NEO_PARTS:
        parts = held.get(f"_{name}", held.get(name))
        items = parts if type(parts) is list else vars(parts).get("_items") if _is_of("neo", parts) else None
        if type(items) is list and items:
            facts.append(f"{len(items):,} {name}")
    return Summary(type_name(type(value)), about=", ".join(facts))


def _size(value: Any) -> int | None:
    return int(value.estimated_size())


def _inside(data: Any) -> tuple[tuple[int, ...] | None, str, int | None]:
    """Shape, type and memory of what an xarray variable holds, if that is a plain array."""
    if type(data) is not array_class():
        # A pandas index, a file, a Dask array, somebody else's array: not asked.
        return None, "", None
    return tuple(data.shape), dtype_text(data.dtype), int(data.nbytes)


def _of_variable(variable: Any) -> str:
    if not _is_of("xarray", variable):
        return ""
    shape, dtype, _ = _inside(variable._data)
    return f" {shape} {dtype}" if shape is not None else ""


def _coordinates(coordinates: Any) -> str:
    if type(coordinates) is not dict or not coordinates:
        return ""
    names: Mapping[Any, Any] = coordinates
    return f"coordinates {names_text(map(label, list(names)[:MAX_NAMES]), len(names))}"


def _is_of(library: str, value: Any) -> bool:
    return library_class(type(value))[0] == library
