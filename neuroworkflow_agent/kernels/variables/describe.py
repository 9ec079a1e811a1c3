"""A value described: by whoever knows its class, else by its class's name alone.

Nothing foreign runs: attributes are read only of values whose class is exactly a known library's, or through the methods
of Python's and NumPy's own base classes.
"""

from __future__ import annotations

from typing import Any, Protocol

from neuroworkflow_agent.kernels.variables import arrays, frames, tables
from neuroworkflow_agent.kernels.variables.builtin import describe_builtin
from neuroworkflow_agent.kernels.variables.genuine import is_a, library_class, library_member, type_name
from neuroworkflow_agent.kernels.variables.summary import Summary, label


class _Describer(Protocol):
    def __call__(self, value: Any, *, full: bool) -> Summary: ...


_BY_CLASS: dict[tuple[str, str], _Describer] = {
    ("neo", "Block"): tables.describe_neo,
    ("neo", "Segment"): tables.describe_neo,
    ("networkx", "DiGraph"): tables.describe_graph,
    ("networkx", "Graph"): tables.describe_graph,
    ("networkx", "MultiDiGraph"): tables.describe_graph,
    ("networkx", "MultiGraph"): tables.describe_graph,
    ("pandas", "DataFrame"): frames.describe_frame,
    ("pandas", "Series"): frames.describe_series,
    ("polars", "DataFrame"): tables.describe_polars_frame,
    ("polars", "LazyFrame"): tables.describe_lazy,
    ("polars", "Series"): tables.describe_polars_series,
    ("pyarrow", "Table"): tables.describe_arrow,
    ("torch", "Tensor"): arrays.describe_tensor,
    ("torch", "Parameter"): arrays.describe_tensor,
    ("xarray", "DataArray"): tables.describe_data_array,
    ("xarray", "Dataset"): tables.describe_dataset,
}
_SPARSE = tuple(
    f"{kind}_{form}" for kind in ("bsr", "coo", "csc", "csr", "dia") for form in ("array", "matrix")
)


def describe(value: Any, *, full: bool = False) -> Summary:
    """What a value is: type, shape, type of elements, columns, units, memory.

    Parameters
    ----------
    value
        Anything; it is not changed and none of its own code runs.
    full
        Whether to say more: all columns and their first rows, first elements, docstrings.
    """
    try:
        return _describer(value)(value, full=full)
    except Exception:  # noqa: BLE001 - a library's value that is half made or of a version unknown here
        return Summary(label(type_name(type(value))))


def _describer(value: Any) -> _Describer:
    known = library_class(type(value))
    if known in _BY_CLASS:
        return _BY_CLASS[known]
    library, name = known
    if library == "scipy" and name in _SPARSE:
        return arrays.describe_sparse
    if arrays.is_array(value):
        return arrays.describe_array
    if library == "numpy" and is_a(value, library_member("numpy", "generic")):
        return arrays.describe_number
    if library == "pandas" and is_a(value, library_member("pandas", "Index")):
        return frames.describe_index
    return describe_builtin
