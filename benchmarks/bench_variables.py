"""What it costs to tell what the user's variables are, in a namespace as it is after a day's work."""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.rows import Row, median_ms
from neuroworkflow_agent.kernels.variables.describe import describe
from neuroworkflow_agent.kernels.variables.namespace import (
    MAX_CONTEXT_CHARS,
    Namespace,
    VariableContext,
)

_ROUNDS = 50
_GIGABYTES_10 = (1_250_000_000,)


def rows() -> list[Row]:
    """An update after a cell, what goes with a message, and one array of 10 GB."""
    namespace = Namespace(_shell())
    updates = [_seconds(namespace.variables) for _ in range(_ROUNDS)]
    told = VariableContext(namespace).take(MAX_CONTEXT_CHARS)
    messages = [_seconds(lambda: VariableContext(namespace).take(MAX_CONTEXT_CHARS)) for _ in range(_ROUNDS)]
    with TemporaryDirectory() as folder:
        huge = np.memmap(Path(folder) / "a.dat", dtype="float64", mode="w+", shape=_GIGABYTES_10)
        arrays = [_seconds(lambda: describe(huge, full=True)) for _ in range(_ROUNDS)]
    update, worst, message, array = (
        median_ms(updates),
        max(updates) * 1000,
        median_ms(messages),
        statistics.median(arrays) * 1000,
    )
    return [
        Row("variables, 300 of all kinds after a cell", f"{update:.2f} ms", "<= 5 ms", update <= 5),
        Row("  the slowest of 50", f"{worst:.2f} ms"),
        Row("  with a message to the model", f"{message:.2f} ms", "<= 20 ms", message <= 20),
        Row(
            "  which is told in",
            f"{len(told):,} characters",
            f"<= {MAX_CONTEXT_CHARS:,}",
            len(told) <= MAX_CONTEXT_CHARS,
        ),
        Row("  an array of 10 GB", f"{array:.3f} ms", "<= 1 ms", array <= 1),
    ]


def _seconds(function: Any) -> float:
    started = perf_counter()
    function()
    return perf_counter() - started


def _shell() -> Any:
    names: dict[str, Any] = {}
    for number in range(60):
        names[f"rates_{number}"] = np.zeros((number + 1, 3))
        names[f"table_{number}"] = pd.DataFrame({"time_ms": [0.0, 1.0], "cell": ["a", "b"], "n": [1, 2]})
        names[f"spikes_{number}"] = [0.5] * number * 100
        names[f"settings_{number}"] = {"rate_hz": 4.0, "seed": number}
        names[f"note_{number}"] = "x" * number
    history = SimpleNamespace(input_hist_raw=["rates_1 = table_3.mean()\n" * 20] * 100)
    return SimpleNamespace(user_ns=names, user_ns_hidden={}, history_manager=history)
