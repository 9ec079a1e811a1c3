"""What it costs to verify a notebook beside running its cells, and to say which cells may be out of date."""

from __future__ import annotations

import asyncio
import base64
import io
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from benchmarks.rows import Row
from neuroworkflow_agent.notebooks.staleness import Staleness
from neuroworkflow_agent.verification.comparing import differences
from neuroworkflow_agent.verification.fresh_run import verify

_ROUNDS = 5


def rows() -> list[Row]:
    """A fresh kernel and thirty empty cells; outputs that are compared; the syntax trees of 200 cells."""
    text = [{"output_type": "stream", "name": "stdout", "text": "rate 1.25 Hz at 0x7f00ab12cd\n" * 3_500}]
    other = [{"output_type": "stream", "name": "stdout", "text": "rate 1.25 Hz at 0x7f00ab99cd\n" * 3_500}]
    figures = [[_figure(shade)] for shade in (250, 251)]
    notebook = new_notebook(
        cells=[
            new_code_cell(f"x{n} = [a * {n} for a in x{n - 1}]\nprint(x{n})", id=f"c{n}", execution_count=n)
            for n in range(1, 201)
        ]
    )
    known = Staleness()
    first = _ms(lambda: Staleness().of(notebook), 1)
    again = _ms(lambda: known.of(notebook))
    run = _ms(lambda: asyncio.run(_verified()), 2) / 1000
    return [
        Row("verify, a fresh kernel and 30 small cells", f"{run:.2f} s", "<= 5 s", run <= 5),
        _row("  100 kB of text compared", _ms(lambda: differences(text, other)), 200),
        _row("  a figure of 640 x 480 compared", _ms(lambda: differences(figures[0], figures[1])), 50),
        _row("cells that may be out of date, 200 cells, first time", first, 500),
        _row("  again", again, 20),
    ]


async def _verified() -> None:
    cells = [new_code_cell(f"print({n})") for n in range(30)]
    found = await verify(new_notebook(cells=cells), "it", cwd=Path.cwd(), environ=os.environ)
    assert found.is_verified, found.summary


def _figure(shade: int) -> dict[str, object]:
    made = io.BytesIO()
    Image.new("RGB", (640, 480), (shade, shade, shade)).save(made, "PNG")
    return {
        "output_type": "display_data",
        "data": {"image/png": base64.b64encode(made.getvalue()).decode()},
        "metadata": {},
    }


def _ms(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Milliseconds that it takes, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = perf_counter()
        work()
        best = min(best, perf_counter() - started)
    return best * 1000


def _row(what: str, ms: float, limit_ms: float) -> Row:
    return Row(what, f"{ms:.1f} ms", f"<= {limit_ms:g} ms", ms <= limit_ms)
