"""The first message in a fresh kernel, and the user's first cells beside what we load."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.rows import Row
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel

_WORK = """\
import time
started = time.perf_counter()
total = 0
for number in range(8_000_000):
    total += number * number
print(time.perf_counter() - started)
"""
_ROUNDS = 5
_PAIRS = 9
_LATER_S = 4.0
"""Until what was begun at `%load_ext` is done."""


def rows() -> list[Row]:
    """Each in a kernel of its own, where nothing was imported before."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        os.environ.update(model.environ, CLAUDE_CONFIG_DIR=home, XDG_STATE_HOME=home)
        first = [_first_text(model, Path(home)) for _ in range(_ROUNDS)]
        later = [_first_text(model, Path(home), _LATER_S) for _ in range(_ROUNDS)]
        cells = [_first_cells(Path(home), number) for number in range(_PAIRS)]
    text_s, later_s = statistics.median(first), statistics.median(later)
    plain, again, at_once, meanwhile = (statistics.median(seconds) for seconds in zip(*cells, strict=True))
    return [
        Row("first text of a fresh kernel, %chat at once", f"{text_s:.2f} s", "<= 1.0 s", text_s <= 1.0),
        Row(f"  {_LATER_S:g} s later", f"{later_s:.2f} s", "<= 1.0 s", later_s <= 1.0),
        Row("the user's first cell, without the agent and again without", f"{again / plain:.2f}x"),
        Row(
            "  with it, right behind %load_ext", f"{at_once / plain:.2f}x", "<= 1.1x", at_once <= 1.1 * plain
        ),
        Row(
            "  with it, 0.1 to 0.9 s later", f"{meanwhile / plain:.2f}x", "<= 1.1x", meanwhile <= 1.1 * plain
        ),
    ]


def _first_text(model: ScriptedModel, home: Path, pause_s: float = 0.0) -> float:
    """Seconds from the message to its first text, right after `%load_ext` or some time later."""
    kernel = RealKernel(home)
    try:
        kernel.run("%load_ext neuroworkflow_agent")
        time.sleep(pause_s)
        model.extend(Reply.text("hello"))
        started = perf_counter()
        kernel.client.execute("%chat hi")
        while True:
            msg: dict[str, Any] = kernel.client.get_iopub_msg(timeout=60)
            if "hello" in str(msg["content"]):
                return perf_counter() - started
    finally:
        kernel.close()


def _first_cells(home: Path, number: int) -> tuple[float, float, float, float]:
    """Seconds of the same cell: twice without the agent, with it at once, and at some moment of what it gets ready."""
    return (
        _first_cell(home, load=False),
        _first_cell(home, load=False),
        _first_cell(home, load=True),
        _first_cell(home, load=True, pause_s=0.1 * (1 + number)),
    )


def _first_cell(home: Path, *, load: bool, pause_s: float = 0.0) -> float:
    kernel = RealKernel(home)
    try:
        kernel.run("%load_ext neuroworkflow_agent" if load else "pass")
        time.sleep(pause_s)
        return float(kernel.run(_WORK).text)
    finally:
        kernel.close()
