"""A chat kernel beside the kernel in which it runs code: its start, a cell, much output."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.rows import Row
from neuroworkflow_agent.surfaces.chat_kernel.install import install
from neuroworkflow_agent.testing.real_kernel import RealKernel

_STARTS = 20
_CELLS = 200
_PRINTS = 15
_LINES = 10_000
_NAME = "talk"


def rows() -> list[Row]:
    """Everything in pairs: the bare kernel, then the chat kernel, or the other way round."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["JUPYTER_PATH"] = str(Path(home, "share", "jupyter"))
        install(name=_NAME, prefix=home)
        return [_start(Path(home)), *_running(Path(home))]


def _start(home: Path) -> Row:
    more, plain = [], []
    for pair in range(_STARTS + 1):
        names = ("python3", _NAME) if pair % 2 else (_NAME, "python3")
        taken = {name: _started_s(home, name) for name in names}
        if pair:  # the first one compiles modules
            more.append(taken[_NAME] - taken["python3"])
            plain.append(taken["python3"])
    added = median(more)
    told = f"+{added:.2f} s (bare {median(plain):.2f} s)"
    return Row(
        "chat kernel: start to the first cell's end, above the bare kernel", told, "<= 0.6 s", added <= 0.6
    )


def _started_s(home: Path, name: str) -> float:
    started = time.perf_counter()
    kernel = RealKernel(home, name=name)
    kernel.run("1")
    took_s = time.perf_counter() - started
    kernel.close()
    return took_s


def _running(home: Path) -> list[Row]:
    with _kernel(home, "python3") as plain, _kernel(home, _NAME) as ours:
        echo = [_ratio(plain, ours, "1", pair) for pair in range(_CELLS)]
        source = f"for number in range({_LINES}): print('line', number)"
        lines = [_ratio(plain, ours, source, pair) for pair in range(_PRINTS)]
    return [
        Row("chat kernel: a cell, against the bare kernel", f"{median(echo):.2f}x", "<= 1.5x", median(echo) <= 1.5),
        Row(f"  {_LINES:,} lines of output", f"{median(lines):.2f}x", "<= 1.2x", median(lines) <= 1.2),
    ]  # fmt: skip


@contextlib.contextmanager
def _kernel(home: Path, name: str) -> Iterator[RealKernel]:
    kernel = RealKernel(home, name=name)
    try:
        kernel.run("1")
        yield kernel
    finally:
        kernel.close()


def _ratio(plain: RealKernel, ours: RealKernel, source: str, pair: int) -> float:
    order = (plain, ours) if pair % 2 else (ours, plain)
    taken = {kernel: _ran_s(kernel, source) for kernel in order}
    return taken[ours] / taken[plain]


def _ran_s(kernel: RealKernel, source: str) -> float:
    """Seconds from the request to the last of its messages."""
    client = kernel.client
    started = time.perf_counter()
    msg_id = kernel.send(source)
    while True:
        msg = client.get_iopub_msg(timeout=30)
        is_idle = msg["msg_type"] == "status" and msg["content"]["execution_state"] == "idle"
        if is_idle and msg["parent_header"].get("msg_id") == msg_id:
            break
    kernel.reply_to(msg_id)
    return time.perf_counter() - started
