"""Processes of a chat kernel that are killed: one sentence, nothing left behind, the next cell works."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.processes import started_by
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.kernelspecs import write_spec

pytestmark = [pytest.mark.kernel, pytest.mark.claude]


@pytest.fixture
def kernel(scripted_model: ScriptedModel, start_kernel: Callable[..., RealKernel]) -> RealKernel:
    """One of the test's own, with its model."""
    return start_kernel()


def subkernel(kernel: RealKernel) -> psutil.Process:
    return next(iter(started_by(kernel.pid, "ipykernel_launcher", recursive=False)))


def killing(find: Callable[[], psutil.Process]) -> Callable[[dict[str, object]], bool]:
    """Kill a process when the cell says that it is on; never asks for an interrupt."""
    killed: list[psutil.Process] = []

    def on_message(msg: dict[str, object]) -> bool:
        if not killed and "it is on" in str(msg["content"]) and msg["msg_type"] == "stream":
            killed.append(find())
            killed[0].kill()
        return False

    return on_message


ON = "import time\nprint('it is on', flush=True)\ntime.sleep(600)"


@pytest.mark.thorough
def test_subkernel_dies_while_a_cell_runs(kernel: RealKernel) -> None:
    kernel.run("x = 1")
    ran = kernel.run(ON, interrupt_when=killing(lambda: subkernel(kernel)))
    assert ran.status == "error"
    assert (
        ran.text.splitlines()[-1]
        == "The subkernel 'python3' died, and its variables are lost. The next cell starts it again."
    )
    assert kernel.run("'x' in dir()").text == "False"


def test_subkernel_dies_while_the_agents_code_runs(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code(ON), Reply.code("1 + 1"), Reply.text("Again."))
    ran = kernel.run("%chat go", interrupt_when=killing(lambda: subkernel(kernel)))
    assert (ran.status, ran.end) == ("ok", "complete")
    told, then = [str(each["content"]) for each in scripted_model.requests[-1].tool_results]
    assert "The kernel died. All its variables are lost" in told
    assert "2" in then
    assert kernel.run("1 + 2").text == "3"


def test_stopping_a_turn_that_waits_for_the_new_subkernel_ends_no_kernel(
    scripted_model: ScriptedModel, start_kernel: Callable[..., RealKernel], tmp_path: Path
) -> None:
    slow = "import time; time.sleep(1.5); from ipykernel.kernelapp import launch_new_instance as run; run()"
    argv = [sys.executable, "-c", slow, "-f", "{connection_file}"]
    write_spec(tmp_path / "share" / "jupyter" / "kernels", "slow", argv, "python")
    kernel = start_kernel("slow")
    scripted_model.extend(Reply.code("import os; os._exit(1)"), Reply.code("'the second'"), Reply.text("So."))
    ran = kernel.run("%chat go", interrupt_when=lambda msg: "the second" in str(msg["content"]))
    assert ran.end == "interrupted"
    assert [kernel.run("1 + 2", timeout_s=20).text for _ in range(2)] == ["3", "3"]


@pytest.mark.thorough
def test_claude_dies_while_the_agents_code_runs(kernel: RealKernel, scripted_model: ScriptedModel) -> None:
    def claude() -> psutil.Process:
        return next(c for c in psutil.Process(kernel.pid).children(recursive=True) if c.name() == "claude")

    scripted_model.extend(Reply.code(ON), Reply.text("Again."))
    ran = kernel.run("%chat go", interrupt_when=killing(claude))
    assert ran.status == "error"
    assert ran.end in ("cut_off", "error")
    assert kernel.run("1 + 2").text == "3"
    assert kernel.run("%chat again").end == "complete"


def test_killed_chat_kernel_leaves_nothing_and_starts_again(
    start_kernel: Callable[..., RealKernel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where no other kernel sweeps
    kernel = start_kernel()
    others = started_by(kernel.pid)
    (left,) = {Path(part) for command in others.values() for part in command if part.endswith("kernel.json")}
    psutil.Process(kernel.pid).kill()
    assert psutil.wait_procs(others, timeout=5)[1] == []
    assert left.exists()
    again = start_kernel()
    deadline = time.monotonic() + 5
    while left.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left.exists()
    assert again.run("1 + 1").text == "2"


@pytest.mark.thorough
def test_subkernel_that_is_not_there_is_said_in_each_cell(
    start_kernel: Callable[..., RealKernel], tmp_path: Path
) -> None:
    kernel = start_kernel()
    kernel.close()
    spec = tmp_path / "share" / "jupyter" / "kernels" / "talk-python3" / "kernel.json"
    spec.write_text(spec.read_text().replace('"python3"', '"gone"'))
    lone = RealKernel(tmp_path, name="talk-python3")
    try:
        ran = lone.run("1 + 1")
        assert (ran.status, ran.text.startswith("No kernelspec named 'gone'. Installed here:")) == (
            "error",
            True,
        )
    finally:
        lone.close()
