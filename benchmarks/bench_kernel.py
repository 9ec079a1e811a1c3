"""In a real kernel: loading, running code, stopping, and the kernel's loop while text streams."""

from __future__ import annotations

import os
import queue
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import Row
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel

_LOAD = """\
import sys, threading, time
class Spy:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            seen.add(name)
seen = set()
sys.meta_path.insert(0, Spy())
started = time.perf_counter()
%load_ext neuroworkflow_agent
took_ms = (time.perf_counter() - started) * 1000
sys.meta_path.pop(0)
print(took_ms, "claude_agent_sdk" in seen)
"""
_RUN_CODE = """\
import asyncio, statistics, threading, time
from neuroworkflow_agent.kernels.live import LiveKernel
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue

shell, jobs = get_ipython(), MainThreadQueue()
kernel, ours, plain = LiveKernel(shell, jobs), [], []

async def measure():
    for _ in range(200):
        started = time.perf_counter()
        await kernel.execute("number = 1 + 1")
        ours.append(time.perf_counter() - started)
    jobs.finish()

jobs.open()
thread = threading.Thread(target=lambda: asyncio.run(measure()))
thread.start()
await jobs.serve(on_interrupt=lambda: None)
thread.join()
for _ in range(200):
    started = time.perf_counter()
    shell.run_cell("number = 1 + 1", store_history=False)
    plain.append(time.perf_counter() - started)
print(statistics.median(ours) * 1000, statistics.median(plain) * 1000)
"""
_PRINT = """\
import time
started = time.perf_counter()
for number in range(200_000):
    print("line", number)
took_s = time.perf_counter() - started
"""
_PRINT_AS_AGENT = """\
import asyncio, threading
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.kernels.live import LiveKernel
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.text import Redaction

jobs, config = MainThreadQueue(), AgentConfig.from_env()
kernel = LiveKernel(get_ipython(), jobs, Redaction(lambda: config.secrets))

async def run():
    await kernel.execute(SOURCE, on_output=lambda change: None)
    jobs.finish()

jobs.open()
thread = threading.Thread(target=lambda: asyncio.run(run()))
thread.start()
await jobs.serve(on_interrupt=lambda: None)
thread.join()
"""
WATCH = """\
import asyncio, time
gaps = []
async def watch():
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        gaps.append(now - last - 0.001)
        last = now
watching = asyncio.get_running_loop().create_task(watch())
"""
_CLEANUP = """\
import time
cleaned = False
print("started")
try:
    time.sleep(600)
finally:
    time.sleep(0.3)
    cleaned = True
"""
_CASES: dict[str, tuple[Reply, str]] = {
    "streaming text": (Reply.text("one two three " * 200, delay_s=0.02), "one two"),
    "time.sleep(600)": (Reply.code("import time; time.sleep(600)"), "time.sleep"),
    "while True: pass": (Reply.code("while True: pass"), "while True"),
    "await asyncio.sleep(600)": (Reply.code("import asyncio; await asyncio.sleep(600)"), "asyncio.sleep"),
    "a queued second call": (Reply.code("import time; time.sleep(600)", "second = 1"), "time.sleep"),
}


def rows() -> list[Row]:
    """Everything that needs a kernel."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        os.environ.update(model.environ, CLAUDE_CONFIG_DIR=home, XDG_STATE_HOME=home)
        loads = [_load(Path(home)) for _ in range(5)]
        kernel = RealKernel(Path(home))
        try:
            kernel.run("%load_ext neuroworkflow_agent")
            return [
                *_load_rows(loads),
                _run_code(kernel, model),
                *_stops(kernel, model),
                _stall(kernel, model),
                *_printing(kernel),
            ]
        finally:
            kernel.close()


def _load(home: Path) -> tuple[float, bool]:
    kernel = RealKernel(home)
    try:
        took_ms, imported = kernel.run(_LOAD).text.split()
        return float(took_ms), imported == "True"
    finally:
        kernel.close()


def _load_rows(loads: list[tuple[float, bool]]) -> list[Row]:
    median = statistics.median(took for took, _ in loads)
    imported = any(imported for _, imported in loads)
    return [
        Row("%load_ext", f"{median:.0f} ms", "<= 50 ms", median <= 50),
        Row("  imports claude_agent_sdk on the main thread", "yes" if imported else "no", "no", not imported),
    ]


def _run_code(kernel: RealKernel, model: ScriptedModel) -> Row:
    model.extend(Reply.text("hello"))
    kernel.run("%chat hi")  # now the worker thread's imports are over, as they are whenever code runs
    ours, plain = (float(number) for number in kernel.run(_RUN_CODE).text.split())
    value = f"{ours:.2f} ms, run_cell {plain:.2f} ms, above {ours - plain:.2f} ms"
    return Row("run_code against shell.run_cell", value, "<= 3 ms above", ours - plain <= 3)


def _stops(kernel: RealKernel, model: ScriptedModel) -> list[Row]:
    found = []
    for name, (reply, sign) in _CASES.items():
        seconds = []
        for _ in range(5):
            model.extend(reply)
            ran = kernel.run("%chat go", interrupt_when=lambda msg, sign=sign: sign in str(msg["content"]))  # type: ignore[misc]
            assert ran.end == "interrupted", ran
            seconds.append(ran.stopped_after_s)
        found.append(_stop_row(name, seconds))
    found.append(_stop_cleanup(kernel, model))
    return [*found, _stop_row("a pending approval", [_stop_approval(kernel, model) for _ in range(5)])]


def _stop_cleanup(kernel: RealKernel, model: ScriptedModel) -> Row:
    """How often code comes to the end of its `finally`, and how soon after that the cell has ended."""
    seconds, cleaned = [], 0
    for _ in range(5):
        model.extend(Reply.code(_CLEANUP))
        ran = kernel.run("%chat go", interrupt_when=lambda msg: msg["msg_type"] == "stream")
        assert ran.end == "interrupted", ran
        seconds.append(ran.stopped_after_s)
        cleaned += kernel.run("print(cleaned)").text.strip() == "True"
    value = f"{cleaned} of 5 came to its end; median {statistics.median(seconds) * 1000:.0f} ms"
    return Row("stop: a finally of 0.3 s", value, "5 of 5", cleaned == 5)


def _stop_row(name: str, seconds: list[float]) -> Row:
    value = f"median {statistics.median(seconds) * 1000:.0f} ms, worst {max(seconds) * 1000:.0f} ms"
    return Row(f"stop: {name}", value, "<= 500 ms", max(seconds) <= 0.5)


def _stop_approval(kernel: RealKernel, model: ScriptedModel) -> float:
    model.extend(Reply.code("a = 1"))
    kernel.client.execute("%chat --mode ask go", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=30)
    started = time.monotonic()
    kernel.manager.interrupt_kernel()
    kernel.client.get_shell_msg(timeout=30)
    took = time.monotonic() - started
    while True:
        try:
            kernel.client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            return took


def _stall(kernel: RealKernel, model: ScriptedModel) -> Row:
    model.extend(Reply.text("word **bold** `code` " * 667, pieces=2000))
    kernel.run(WATCH)
    ran: Any = kernel.run("%chat --mode edit talk")
    assert ran.end == "complete", ran
    source = "watching.cancel(); g = sorted(gaps); print(g[int(.99 * len(g))] * 1000, g[-1] * 1000, len(g))"
    p99, worst, count = (float(number) for number in kernel.run(source).text.split())
    value = f"p99 {p99:.1f} ms, longest {worst:.1f} ms ({count:.0f} wake-ups)"
    return Row("kernel loop's stall, 2,000 deltas", value, "p99 <= 20 ms", p99 <= 20)


def _printing(kernel: RealKernel) -> list[Row]:
    """The same 200,000 prints without us, in a cell of the user's, and as the agent's code."""
    rounds = [
        (
            _seconds_of(kernel, "%unload_ext neuroworkflow_agent", _PRINT),
            _seconds_of(kernel, "%load_ext neuroworkflow_agent", _PRINT),
            _seconds_of(kernel, f"SOURCE = {_PRINT!r}", _PRINT_AS_AGENT),
        )
        for _ in range(7)
    ]
    return [
        _slower("200,000 prints with the extension", [(plain, ours) for plain, ours, _ in rounds], 1.05),
        _slower("200,000 prints by the agent's code", [(plain, ours) for plain, _, ours in rounds], 1.5),
    ]


def _seconds_of(kernel: RealKernel, first: str, source: str) -> float:
    kernel.run(first)
    time.sleep(3)  # what loading starts in the background is over
    kernel.run(source)
    return float(kernel.run("took_s").text)


def _slower(name: str, pairs: list[tuple[float, float]], limit: float) -> Row:
    plain, ours = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    ratio = statistics.median(slow / fast for fast, slow in pairs)
    return Row(name, f"{ours:.2f} s, without {plain:.2f} s: {ratio:.2f}x", f"<= {limit:g}x", ratio <= limit)
