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
_LATER_S = 4.0
"""Until what was begun at `%load_ext` is done."""


def rows() -> list[Row]:
    """Each in a kernel of its own, where nothing was imported before."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        os.environ.update(model.environ, CLAUDE_CONFIG_DIR=home, XDG_STATE_HOME=home)
        first = [_first_text(model, Path(home)) for _ in range(_ROUNDS)]
        later = [_first_text(model, Path(home), _LATER_S) for _ in range(_ROUNDS)]
        pairs = [(_first_cell(Path(home), load=False), _first_cell(Path(home), load=True)) for _ in range(_ROUNDS)]  # fmt: skip
    text_s, later_s = statistics.median(first), statistics.median(later)
    ratio = statistics.median(ours / plain for plain, ours in pairs)
    return [
        Row("first text of a fresh kernel, %chat at once", f"{text_s:.2f} s", "<= 1.0 s", text_s <= 1.0),
        Row(f"  {_LATER_S:g} s later", f"{later_s:.2f} s", "<= 1.0 s", later_s <= 1.0),
        Row("  the user's first cell meanwhile", f"{ratio:.2f}x", "<= 1.1x", ratio <= 1.1),
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


def _first_cell(home: Path, *, load: bool) -> float:
    kernel = RealKernel(home)
    try:
        kernel.run("%load_ext neuroworkflow_agent" if load else "pass")
        return float(kernel.run(_WORK).text)
    finally:
        kernel.close()
