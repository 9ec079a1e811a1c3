"""Tables of pandas. Columns of a foreign class are not asked, and neither are elements."""

from __future__ import annotations

from typing import Any

from neuroworkflow_agent.kernels.variables.arrays import dtype_text
from neuroworkflow_agent.kernels.variables.genuine import library_class, type_name
from neuroworkflow_agent.kernels.variables.summary import (
    MAX_NAMES,
    MAX_NAMES_FULL,
    Summary,
    label,
    names_text,
    scalar_text,
)

_MAX_BLOCKS = 500
_ROWS = 5
_COLUMNS = 20
_WITH_PLAIN_ELEMENTS = frozenset(
    {"ArrowStringArray", "BooleanArray", "Categorical", "FloatingArray", "IntegerArray", "StringArray"}
)


def describe_frame(value: Any, *, full: bool) -> Summary:
    """A `DataFrame`."""
    manager = value._mgr
    columns, index = manager.axes
    if not (_is_plain(columns) and _is_plain(index)):
        return Summary("DataFrame")
    shape = (len(index), len(columns))
    blocks = manager.blocks
    shown = min(len(columns), MAX_NAMES_FULL if full else MAX_NAMES)
    names = [label(each) for each in columns[:shown].tolist()]
    if len(blocks) > _MAX_BLOCKS or not all(_is_known(block.values) for block in blocks):
        return Summary("DataFrame", shape, about=f"columns {names_text(names, shape[1])}" if names else "")
    kinds = [dtype_text(dtype) for dtype in manager.get_dtypes()[:shown].tolist()]
    texts = [f"{name} {kind}" for name, kind in zip(names, kinds, strict=True)]
    return Summary(
        "DataFrame",
        shape,
        size_bytes=sum(int(block.values.nbytes) for block in blocks),
        about=f"columns {names_text(texts, shape[1])}" if texts else "",
        more=_first_rows(value.iloc[:, : min(shown, _COLUMNS)], names[:_COLUMNS]) if full else (),
    )


def describe_series(value: Any, *, full: bool) -> Summary:
    """A `Series`."""
    values, index = value._mgr.blocks[0].values, value._mgr.axes[0]
    if not (_is_plain(index) and _is_known(values)):
        return Summary("Series")
    name = label(value.name) if value.name is not None else ""
    more = (f"begins {', '.join(_cells(value))}",) if full and len(index) else ()
    about = f"named {name}" if name else ""
    return Summary("Series", (len(index),), dtype_text(values.dtype), int(values.nbytes), about, more)


def describe_index(value: Any, *, full: bool) -> Summary:  # noqa: ARG001 - as all describers
    """An `Index` of any kind."""
    kind = type_name(type(value))
    if not _is_plain(value):
        return Summary(kind)
    return Summary(kind, (len(value),), "" if kind == "MultiIndex" else dtype_text(value.dtype))


def _is_plain(index: Any) -> bool:
    """Whether an index is of pandas' own, down to what it holds."""
    library, name = library_class(type(index))
    if library != "pandas":
        return False
    if name == "MultiIndex":
        return all(_is_plain(level) for level in list(index._levels))
    return name == "RangeIndex" or _is_known(index._data)


def _is_known(values: Any) -> bool:
    """Whether what holds elements is NumPy's or pandas' own, down to what that holds."""
    library, name = library_class(type(values))
    if library == "pandas" and name == "Categorical":
        return _is_plain(values._dtype._categories)
    if library == "pandas" and name == "IntervalArray":
        return _is_known(values._left) and _is_known(values._right)
    return library in ("numpy", "pandas")


def _first_rows(head: Any, names: list[str]) -> tuple[str, ...]:
    """The first rows, a line each, with the columns' names above."""
    columns = [_cells(head.iloc[:, number]) for number in range(len(names))]
    rows = zip(*columns, strict=True) if columns else ()
    return (" | ".join(names), *(" | ".join(row) for row in rows)) if names else ()


def _cells(series: Any) -> list[str]:
    """The first elements as texts; of those that are not plain, the type."""
    first = series.iloc[:_ROWS]
    values = first._mgr.blocks[0].values
    library, name = library_class(type(values))
    if name in ("DatetimeArray", "TimedeltaArray"):
        # NumPy writes them, and knows no time zones of others; such a time is in UTC then.
        return [str(each) for each in values._ndarray]
    if library != "numpy" and name not in _WITH_PLAIN_ELEMENTS:
        return ["…"] * len(first)
    return [scalar_text(each) or f"<{label(type_name(type(each)))}>" for each in first.tolist()]
