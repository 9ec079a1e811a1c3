"""What an agent in a kernel takes of memory: in the kernel before and after a message, and its `claude` process."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.rows import Row
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel

_MB = 2**20
_SETTLE_S = 6.0
"""Until what was begun at `%load_ext` is done."""


def rows() -> list[Row]:
    """In fresh kernels, as resident memory (RSS)."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        os.environ.update(model.environ, CLAUDE_CONFIG_DIR=home, XDG_STATE_HOME=home)
        sdk = _sdk_alone(Path(home))
        kernel = RealKernel(Path(home))
        try:
            plain, _ = _memory(kernel)
            kernel.run("%load_ext neuroworkflow_agent")
            time.sleep(_SETTLE_S)
            loaded, prewarmed = _memory(kernel)
            model.extend(Reply.code("1 + 1"), Reply.text("2"))
            kernel.run("%chat add")
            after, claude = _memory(kernel)
        finally:
            kernel.close()
    ours = loaded - plain
    return [
        Row("memory of a kernel with the SDK alone", f"+{sdk:.0f} MiB"),
        Row(
            "  with the agent, before the first message",
            f"+{ours:.0f} MiB",
            "<= 30 MiB",
            ours <= 30,
        ),
        Row("  after it", f"+{after - plain:.0f} MiB"),
        Row("  its claude process, before and after", f"{prewarmed:.0f}, {claude:.0f} MiB"),
    ]


def _sdk_alone(home: Path) -> float:
    kernel = RealKernel(home)
    try:
        plain, _ = _memory(kernel)
        kernel.run("import claude_agent_sdk")
        return _memory(kernel)[0] - plain
    finally:
        kernel.close()


def _memory(kernel: RealKernel) -> tuple[float, float]:
    """Of the kernel and of the processes below it, MiB."""
    process = psutil.Process(int(kernel.run("import os; os.getpid()").text))
    below = sum(child.memory_info().rss for child in process.children(recursive=True))
    return process.memory_info().rss / _MB, below / _MB
