"""What is told of the user's variables: no code of theirs runs, and it stays short."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.kernels.variables.describe import describe
from neuroworkflow_agent.kernels.variables.namespace import (
    MAX_CONTEXT_CHARS,
    Namespace,
    VariableContext,
)
from neuroworkflow_agent.surfaces.panel.attachments import find_variables
from neuroworkflow_agent.tools.registry import Call, blocks_of
from neuroworkflow_agent.tools.variables import inspect_variables
from tests.kernels.zoo import GIGABYTES_10, Zoo, animals


def namespace(names: dict[Any, Any], cells: tuple[str, ...] = ()) -> Namespace:
    """A namespace in which these cells ran."""
    history = SimpleNamespace(input_hist_raw=["", *cells])
    return Namespace(SimpleNamespace(user_ns=names, user_ns_hidden={"In": 0}, history_manager=history))


async def ask(variables: Namespace, **arguments: Any) -> str:
    """What the tool answers."""
    (block,) = blocks_of(await inspect_variables(variables).handler(Call(arguments, ToolUseId("call"))))
    return str(block["text"])


@pytest.fixture
def zoo() -> Iterator[Zoo]:
    """Tripwires, not armed yet."""
    wires = Zoo()
    yield wires
    wires.armed = False


async def test_no_foreign_code_runs(zoo: Zoo, tmp_path: Path) -> None:
    beasts = animals(zoo, tmp_path)
    assert len(beasts) >= 60
    variables = namespace(beasts, ("an_array + plain",))
    zoo.armed = True
    lines = {each.name: each.summary for each in variables.variables(time_s=60)}
    full = {name: variables.describe(name) for name in lines}
    kinds = dict(variables.kinds())
    told = VariableContext(variables).take(MAX_CONTEXT_CHARS)
    found = find_variables("a", variables, 10)
    everything = await ask(variables)
    named = await ask(variables, names=list(lines)[:50], detail="full")
    fired = list(zoo.fired)
    repr(beasts["plain"])
    zoo.armed = False
    assert fired == []
    assert zoo.fired
    assert set(lines) == set(kinds) == set(full)
    assert "plain" in lines
    assert "an_evil_name" not in lines
    assert len(told) <= MAX_CONTEXT_CHARS
    assert len(everything) <= MAX_CONTEXT_CHARS
    assert found
    assert all(len(each.line) < 1_000 for each in lines.values())
    assert len(named) < 20_100
    assert "\x1b" not in told + everything + named
    assert "\u202e" not in told + everything + named


async def test_what_is_huge_is_told_by_its_size(zoo: Zoo, tmp_path: Path) -> None:
    variables = namespace(animals(zoo, tmp_path))
    lines = {each.name: each.summary for each in variables.variables(time_s=60)}
    assert lines["on_disk"].line == "memmap (1250000000,) float64, 10 GB, on disk"
    assert (lines["broadcast"].shape, lines["broadcast"].size_bytes) == (GIGABYTES_10, 8)
    assert lines["wide"].about.endswith("… 19988 more")
    assert lines["lazy"].line == "polars LazyFrame, lazy, not collected"
    assert lines["an_array"].line == "Evilndarray (ndarray) (2, 3) float64"
    assert lines["says_frame"].line == "Evilobject"
    assert lines["segment"].line == "Segment, 1 analogsignals"


FRAME = pd.DataFrame(
    {"time_ms": [0.0, 0.1], "cell": ["a", "b"], "at": pd.to_datetime(["2020-01-01", "2020-01-02"])}
)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (3, "int, 3"),
        (True, "bool, True"),
        (None, "NoneType, None"),
        ("spikes", "str length 6, 'spikes'"),
        ([0.5, 1.5], "list length 2, of float: 0.5, 1.5"),
        ([1, "a", object()], "list length 3, of int, str, object"),
        ({"rate_hz": 4.0, 3: None}, "dict length 2, keys rate_hz, 3"),
        (set(), "set length 0"),
        (np.zeros((1000, 3)), "ndarray (1000, 3) float64, 24 kB"),
        (np.array(["ab"]), "ndarray (1,) U2"),
        (np.zeros(2, dtype=[("t", "f8")]), "ndarray (2,) structured, 8 bytes, fields t"),
        (np.float32(0.5), "float32, 0.5"),
        (FRAME, "DataFrame (2, 3), columns time_ms float64, cell str, at datetime64[us]"),
        (FRAME["cell"], "Series (2,) str, named cell"),
        (FRAME.set_index("cell").index, "Index (2,) str"),
        (pl.DataFrame({"a": [1], "b": ["x"]}), "polars DataFrame (1, 2), columns a Int64, b String"),
        (
            xr.DataArray(np.zeros((2, 3)), dims=("cell", "t"), attrs={"units": "mV"}),
            "DataArray (2, 3) float64, dims cell, t, mV",
        ),
        (np.sin, "ufunc"),
        (lambda a, *, b=1: a, "function, (a, b)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_in_a_line(value: Any, line: str) -> None:
    assert describe(value).line == line


def test_more_has_the_first_rows() -> None:
    assert describe(FRAME, full=True).more == (
        "time_ms | cell | at",
        "0.0 | 'a' | 2020-01-01T00:00:00.000000",
        "0.1 | 'b' | 2020-01-02T00:00:00.000000",
    )
    assert describe(np.arange(9.0), full=True).more == ("begins 0.0, 1.0, 2.0, 3.0, 4.0, 5.0 …",)


def test_the_latest_come_first_and_what_was_imported_is_left_out() -> None:
    names = {"np": np, "old": 1, "rates": 2, "v": 3, "new": 4, "sin": np.sin, "In": [], "_": 5}
    variables = namespace(names, ("rates = v", "print(old)"))
    assert variables.names() == ["old", "rates", "v", "new"]


def test_the_model_is_told_what_is_new() -> None:
    names: dict[str, Any] = {"a": 1, "b": [1]}
    context = VariableContext(namespace(names))
    assert context.take(MAX_CONTEXT_CHARS) == "b: list length 1, of int: 1\na: int, 1"
    assert context.take(MAX_CONTEXT_CHARS) == ""
    names["b"].append(2)
    del names["a"]
    names["api_key"] = "sk-very-secret"
    assert context.take(MAX_CONTEXT_CHARS).splitlines() == [
        "api_key: str, not shown, since its name says that it is secret",
        "b: list length 2, of int: 1, 2",
        "No longer there: a",
    ]
    context.forget()
    assert "b: list" in context.take(MAX_CONTEXT_CHARS)


async def test_a_secret_that_is_too_long_for_its_line_is_not_shown_in_part() -> None:
    secret = "sk-ant-" + "0123456789" * 12
    names = {"text": f"key={secret}", "kept": {"in": secret}, "raw": secret.encode(), "many": [secret]}
    tool = inspect_variables(namespace(names), lambda: [secret])
    for arguments in ({}, {"names": list(names), "detail": "full"}):
        (block,) = blocks_of(await tool.handler(Call(arguments, ToolUseId("call"))))
        assert "raw" in block["text"]
        assert secret[:8] not in block["text"]


def test_what_does_not_fit_is_counted() -> None:
    context = VariableContext(namespace({f"variable_{n}": n for n in range(1_000)}))
    told = context.take(300)
    assert len(told) <= 300
    assert told.splitlines()[0] == "variable_999: int, 999"
    assert told.splitlines()[-1].endswith("more; inspect_variables tells of them]")


async def test_the_tool_tells_of_named_variables_and_of_all() -> None:
    variables = namespace({"rates": np.zeros(3), "n": 1})
    assert await ask(variables) == "n: int, 1\nrates: ndarray (3,) float64"
    assert await ask(variables, names=["rates", "nothing"], detail="full") == (
        "rates: ndarray (3,) float64\n    begins 0.0, 0.0, 0.0\nnothing: there is no such variable."
    )
    assert await ask(namespace({})) == "The user has made no variables yet."
    for wrong in ("rates", [1], [str(n) for n in range(99)]):
        with pytest.raises(ToolFailed, match="names"):
            await ask(variables, names=wrong)
