"""Objects that are hostile or huge, and a list of which of their own code ran."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import types
import unittest.mock
import weakref
from pathlib import Path
from typing import Any

import neo
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import quantities as pq
import scipy.sparse
import xarray as xr
from pandas.api.extensions import ExtensionArray, ExtensionDtype

GIGABYTES_10 = (1_250_000_000,)

_METHODS = [
    "__repr__",
    "__str__",
    "__format__",
    "__len__",
    "__iter__",
    "__getitem__",
    "__contains__",
    "__eq__",
    "__ne__",
    "__lt__",
    "__gt__",
    "__hash__",
    "__bool__",
    "__sizeof__",
    "__dir__",
    "__index__",
    "__int__",
    "__float__",
    "__complex__",
    "__fspath__",
    "__call__",
    "__array__",
    "__array_function__",
    "__array_ufunc__",
    "__reduce_ex__",
    "__reversed__",
    "__length_hint__",
    "_repr_html_",
    "_repr_mimebundle_",
    "__torch_function__",
]
_META_METHODS = [
    "__getattribute__",
    "__instancecheck__",
    "__subclasscheck__",
    "__repr__",
    "__hash__",
    "__call__",
]
_PROPERTIES = [
    "__class__",
    "__doc__",
    "__module__",
    "__array_interface__",
    "__array_struct__",
    "__dataframe__",
    "shape",
    "dtype",
    "dtypes",
    "columns",
    "index",
    "name",
    "names",
    "nbytes",
    "size",
    "ndim",
    "units",
    "attrs",
    "dims",
    "data",
    "T",
    "values",
    "_mgr",
    "_node",
    "_adj",
    "_variable",
    "_dimensionality",
]


class Zoo:
    """Tripwires: `fired` names the code of an object's own that ran while they were armed."""

    def __init__(self) -> None:
        self.fired: list[str] = []
        self.armed = False

    def trip(self, what: str) -> None:
        """Note that foreign code ran."""
        if self.armed:
            self.fired.append(what)

    def evil(self, *bases: type, **content: Any) -> Any:
        """A class below `bases` of which everything trips that can."""
        base: Any = bases[0] if bases else object

        def method(name: str) -> Any:
            def tripping(this: Any, *args: Any, **kwargs: Any) -> Any:
                self.trip(f"{base.__name__}.{name}")
                return getattr(base, name)(this, *args, **kwargs)

            return tripping

        def reading(name: str) -> Any:
            def tripping(_this: Any) -> Any:
                self.trip(f"property {name}")
                return {"__class__": object, "__module__": "evil"}.get(name)

            return tripping

        def attribute(this: Any, name: str) -> Any:
            self.trip(f"{base.__name__}.{name} by __getattribute__")
            return base.__getattribute__(this, name)

        meta = self.metaclass(type(base))
        methods = {name: method(name) for name in _METHODS if hasattr(base, name)}
        if "__hash__" in methods and base.__hash__ is None:
            methods["__hash__"] = lambda _this: 0
        properties = {name: property(reading(name)) for name in _PROPERTIES} if base is object else {}
        return meta(
            f"Evil{base.__name__}",
            bases or (object,),
            {**methods, **properties, "__getattribute__": attribute, **content},
        )

    def metaclass(self, base: Any = type) -> Any:
        """A metaclass of which everything trips."""

        def method(name: str) -> Any:
            def tripping(this: Any, *args: Any, **kwargs: Any) -> Any:
                self.trip(f"metaclass {name}")
                return getattr(base, name)(this, *args, **kwargs)

            return tripping

        return type(f"Evil{base.__name__}", (base,), {name: method(name) for name in _META_METHODS})


def animals(zoo: Zoo, folder: Path) -> dict[Any, Any]:
    """All objects by name, each with its class's name as it is to be told."""
    return {
        **_subclasses(zoo),
        **_holding(zoo),
        **_of_libraries(zoo),
        **_lying(zoo),
        **_huge(folder),
    }


def _subclasses(zoo: Zoo) -> dict[str, Any]:
    graph = zoo.evil(nx.Graph)()
    array = np.zeros((2, 3)).view(zoo.evil(np.ndarray))
    return {
        "plain": zoo.evil()(),
        "a_list": zoo.evil(list)([1]),
        "a_tuple": zoo.evil(tuple)((1,)),
        "a_dict": zoo.evil(dict)(a=1),
        "a_set": zoo.evil(set)({1}),
        "a_frozenset": zoo.evil(frozenset)({1}),
        "a_text": zoo.evil(str)("x"),
        "some_bytes": zoo.evil(bytes)(b"x"),
        "an_int": zoo.evil(int)(3),
        "a_float": zoo.evil(float)(3.0),
        "a_counter": zoo.evil(collections.Counter)("aa"),
        "a_deque": zoo.evil(collections.deque)([1]),
        "a_date": zoo.evil(dt.datetime)(2020, 1, 1),
        "an_error": zoo.evil(ValueError)("x"),
        "an_array": array,
        "a_number": zoo.evil(np.float64)(1.0),
        "a_frame": zoo.evil(pd.DataFrame)({"a": [1]}),
        "a_series": zoo.evil(pd.Series)([1.0]),
        "a_polars_frame": zoo.evil(pl.DataFrame)({"a": [1]}),
        "a_sparse": zoo.evil(scipy.sparse.csr_array)(np.eye(2)),
        "a_graph": graph,
        "a_quantity": zoo.evil(pq.Quantity)([1.0], "mV"),
        "a_class": zoo.evil(),
        "a_module": zoo.evil(types.ModuleType)("numpy"),
    }


def _holding(zoo: Zoo) -> dict[Any, Any]:
    evil = zoo.evil()
    recursive: list[Any] = []
    recursive.append(recursive)

    def function(a: int, b: int) -> int:
        return a + b

    function.__doc__ = zoo.evil(str)("Adds.")
    function.__module__ = "__main__"
    function.__wrapped__ = evil()  # type: ignore[attr-defined]
    function.__signature__ = evil()  # type: ignore[attr-defined]
    objects = np.empty(2, dtype=object)
    objects[0] = evil()
    return {
        "list_of": [evil()],
        "dict_of": {"a": evil()},
        "dict_by": {evil(): 1, (evil(),): 2},
        "set_of": {evil()},
        "text_in_list": [zoo.evil(str)("x")],
        "recursive": recursive,
        "function": function,
        "method": evil().__init__,
        "proxy": weakref.proxy(evil()),
        "objects": objects,
        "number_in_decimal": decimal.Decimal(zoo.evil(int)(3)),
        zoo.evil(str)("an_evil_name"): 1,
        evil(): 2,
        "mock": unittest.mock.MagicMock(),
    }


class Column(ExtensionArray):  # type: ignore[misc]
    """A column of somebody else's."""

    zoo: Zoo

    def __init__(self) -> None:
        self._n = 2

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Column:
        cls.zoo.trip("column _from_sequence")
        return cls()

    def __getitem__(self, item: Any) -> Any:
        self.zoo.trip("column __getitem__")
        return 1.0 if isinstance(item, int) else self

    def __len__(self) -> int:
        self.zoo.trip("column __len__")
        return self._n

    @property
    def dtype(self) -> Any:
        self.zoo.trip("column dtype")
        return ColumnType()

    @property
    def nbytes(self) -> int:
        self.zoo.trip("column nbytes")
        return 1

    def isna(self) -> Any:
        self.zoo.trip("column isna")
        return np.zeros(2, dtype=bool)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Column:
        self.zoo.trip("column take")
        return self

    def copy(self) -> Column:
        self.zoo.trip("column copy")
        return self


class ColumnType(ExtensionDtype):  # type: ignore[misc]
    """Its type."""

    name = "evil"
    type = object

    @classmethod
    def construct_array_type(cls) -> Any:
        return Column


def _of_libraries(zoo: Zoo) -> dict[str, Any]:
    evil = zoo.evil()
    Column.zoo = zoo
    answers = {"utcoffset": dt.timedelta(0), "dst": None, "tzname": "x", "__str__": "x", "__repr__": "x"}
    utc = type(
        "Zone", (dt.tzinfo,), {name: _tripping(zoo, f"zone {name}", each) for name, each in answers.items()}
    )
    trip = zoo.trip
    lazy = pl.DataFrame({"a": [1]}).lazy().map_batches(lambda frame: (trip("lazy frame"), frame)[1])
    segment = neo.Segment()
    segment.analogsignals.append(neo.AnalogSignal(np.zeros((3, 2)), units="mV", sampling_rate=1 * pq.kHz))
    return {
        "frame_of": pd.DataFrame({"a": [evil(), evil()], "b": [1, 2]}),
        "frame_by": pd.DataFrame([[1, 2]], columns=pd.Index([evil(), "b"], dtype=object)),
        "frame_rows": pd.DataFrame({"a": [1]}, index=pd.Index([evil()], dtype=object)),
        "frame_column": pd.DataFrame({"a": Column(), "b": [1, 2]}),
        "series_column": pd.Series(Column()),
        "index_column": pd.DataFrame({"a": [1, 2]}, index=pd.Index(Column())),
        "categories": pd.Series(pd.Categorical([1, 1], categories=pd.Index([1, 2]))),
        "series_name": pd.Series([1.0], name=(evil(), "x")),
        "zoned": pd.Series(pd.DatetimeIndex(["2020-01-01"]).tz_localize(utc())),
        "when": dt.datetime(2020, 1, 1, tzinfo=utc()),
        "lazy": lazy,
        "polars_objects": pl.Series("o", [evil()], dtype=pl.Object),
        "arrow": pa.table({"a": [1]}),
        "data_array": xr.DataArray(np.zeros((2, 3)), dims=("x", "t"), attrs={"units": evil()}, name=evil()),
        "dataset": xr.Dataset({"v": (("x",), np.zeros(3))}, attrs={"a": evil()}),
        "graph_of": nx.Graph([(evil(), evil())]),
        "segment": segment,
        "masked": np.ma.masked_array([1, 2], mask=[True, False]),
        "structured": np.zeros(3, dtype=[("time_ms", "f8"), ("v_mV", "f4")]),
    }


def _tripping(zoo: Zoo, what: str, value: Any) -> Any:
    def tripping(*_args: Any) -> Any:
        zoo.trip(what)
        return value

    return tripping


def _lying(zoo: Zoo) -> dict[str, Any]:
    frame = zoo.evil()
    type.__setattr__(frame, "__module__", "pandas")
    type.__setattr__(frame, "__qualname__", "DataFrame")
    odd = zoo.evil()
    type.__setattr__(odd, "__module__", zoo.evil(str)("pandas"))
    nowhere = zoo.evil()
    type.__setattr__(nowhere, "__module__", frame())
    return {"says_frame": frame(), "odd_module": odd(), "no_module": nowhere()}


def _huge(folder: Path) -> dict[str, Any]:
    on_disk = np.memmap(folder / "spikes.dat", dtype="float64", mode="w+", shape=GIGABYTES_10)
    return {
        "on_disk": on_disk,
        "broadcast": np.broadcast_to(np.float64(1.0), GIGABYTES_10),
        "long_text": "x" * 10_000_000,
        "long_list": [0.5] * 1_000_000,
        "large_int": 1 << 10_000_000,
        "wide": pd.DataFrame(np.zeros((1, 20_000))),
        "many_keys": dict.fromkeys(range(100_000)),
        "a\nname\u202ewith\x1b[31mescapes": 1.5,
    }
