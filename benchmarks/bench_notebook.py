"""A notebook as the agent sees it: 500 cells, and a file of 50 MB, when it is opened and once it is open."""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from benchmarks.rows import Row, median_ms
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Replace
from neuroworkflow_agent.notebooks.file_holder import FileHolder

_ROUNDS = 7
_CELLS = 500
_PICTURE_BYTES = 75_000
"""Of each second one of the large notebook's cells, before base64; the others have as much text."""


def rows() -> list[Row]:
    """Medians of seven each."""
    with tempfile.TemporaryDirectory() as directory:
        return [
            row
            for is_large in (False, True)
            for row in asyncio.run(_measure(Path(directory), is_large=is_large))
        ]


async def _measure(directory: Path, *, is_large: bool) -> list[Row]:
    path = directory / f"{is_large}.ipynb"
    nbformat.write(new_notebook(cells=[_cell(number, is_large=is_large) for number in range(_CELLS)]), path)
    size_mb = path.stat().st_size / 1e6
    name = f"notebook of {_CELLS} cells, {size_mb:.0f} MB" if is_large else f"notebook of {_CELLS} cells"
    cold_limit_ms = 1000 if is_large else 100
    documents = [NotebookDocument(FileHolder(path)) for _ in range(_ROUNDS)]
    cold = []
    for document in documents:
        _forget(path)
        cold.append(await _seconds(document.outline))
    opened = [await _seconds(documents[0].outline) for _ in range(_ROUNDS)]
    found = [await _seconds(partial(documents[0].search, "x_499")) for _ in range(_ROUNDS)]
    one = [await _seconds(partial(documents[0].cell, "c250")) for _ in range(_ROUNDS)]
    edits = [Replace("c250", f"{old} + ", f"{old + 1} + ") for old in range(_ROUNDS)]
    edited = [await _seconds(partial(documents[0].edit, edit)) for edit in edits]
    return [
        _row(f"{name}: outline, from a cold file", cold, cold_limit_ms),
        _row("  outline, once open", opened, 100),
        _row("  search, once open", found, 100),
        _row("  one cell, once open", one, 100),
        Row("  an edit, saved", f"{median_ms(edited):.0f} ms"),
    ]


def _cell(number: int, *, is_large: bool) -> Any:
    shown = new_output("stream", text="spike 0.123 ms, neuron 4567\n" * (2_750 if is_large else 50))
    if is_large and number % 2:
        picture = base64.b64encode(os.urandom(_PICTURE_BYTES)).decode()
        shown = new_output("display_data", {"image/png": picture, "text/plain": "<Figure>"})
    return new_code_cell(f"x_{number} = 0 + {number}\n" + "y = 1\n" * 20, id=f"c{number}", outputs=[shown])


def _forget(path: Path) -> None:
    """Have the file read from the disk next time."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def _seconds(do: Callable[[], Awaitable[object]]) -> float:
    started = perf_counter()
    await do()
    return perf_counter() - started


def _row(name: str, seconds: list[float], limit_ms: float) -> Row:
    return Row(name, f"{median_ms(seconds):.1f} ms", f"<= {limit_ms} ms", median_ms(seconds) <= limit_ms)
