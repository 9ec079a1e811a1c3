"""A surface says what it is doing before the model is asked, also in a kernel's first turn; `benchmarks/bench_reaction.py` measures how soon."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel

ACTIVITY = re.compile("Starting the agent")


def late() -> Reply:
    return Reply(Reply.text("late").blocks, first_byte_delay_s=0.5)


def test_a_cell(start_kernel: Callable[[], RealKernel], scripted_model: ScriptedModel) -> None:
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    scripted_model.extend(late())
    ran = kernel.run("%chat hi")
    shown = [str(msg["content"]) for msg in ran.msgs if msg["msg_type"] in ("display_data", "update_display_data")]  # fmt: skip
    first = next(number for number, content in enumerate(shown) if ACTIVITY.search(content))
    assert first <= 1  # the first cell says which model serves, too
    assert not any("late" in content for content in shown[:first])


def test_ipython_in_a_terminal(scripted_model: ScriptedModel, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("TERM", "xterm-256color")
    scripted_model.extend(late())
    arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    ipython = pexpect.spawn(sys.executable, arguments, cwd=workspace, encoding="utf-8", timeout=60)
    try:
        ipython.expect(r"In \[1\]: ")
        ipython.sendline("%load_ext neuroworkflow_agent")
        ipython.expect(r"In \[2\]: ")
        ipython.sendline("%chat hi")
        ipython.expect(ACTIVITY.pattern)
        assert scripted_model.requests == []
        ipython.expect("late")
    finally:
        ipython.close(force=True)
