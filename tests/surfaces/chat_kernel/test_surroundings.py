"""`%context` and `%subkernel` in a chat kernel: another kernel, other tools, approved code, and the session goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.processes import started_by
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests import needs
from tests.kernelspecs import write_spec
from tests.surfaces.conftest import SharedKernel

pytestmark = [pytest.mark.kernel, pytest.mark.claude]

RIG = """\
title: Our rig
skills: []
tools: {off: [Write, check_node]}
setup:
  python: |
    print('rig is on')
    rig = 1
examples: [Look at the data.]
variables: [rig]
"""


@pytest.fixture
def rig(shared_kernel: SharedKernel) -> Path:
    """A context of the workspace; its file."""
    file = shared_kernel.workspace / ".claude" / "contexts" / "rig" / "context.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RIG)
    return file


def test_context_is_chosen_once_its_code_is_approved_and_changes_what_the_model_has(
    kernel: RealKernel, shared_kernel: SharedKernel, rig: Path
) -> None:
    scripted_model = shared_kernel.model
    scripted_model.extend(Reply.text("One."), Reply.text("Two."), Reply.text("Three."))
    kernel.run("%chat remember this")
    assert "rig: Our rig" in kernel.run("%context").text
    refused = kernel.run("%context rig", answers=["n"])
    assert (refused.status, "print('rig is on')" in refused.text) == ("error", True)
    assert refused.reply["evalue"] == "The context 'rig' is not chosen: its code is not approved."
    nobody = kernel.run("%context rig")
    assert "nobody can be asked here" in nobody.reply["evalue"]
    chosen = kernel.run("%context rig", answers=["y"])
    assert (chosen.status, chosen.outputs[-1]["text"]) == ("ok", "rig is on\n")
    assert "%chat Look at the data." in chosen.text
    assert kernel.run("rig").text == "1"
    again = kernel.run("%context rig")
    assert (again.status, "rig is on" in again.text) == ("ok", True)
    rig.write_text(RIG.replace("rig = 1", "rig = 2"))
    assert kernel.run("%context rig").status == "error"
    assert kernel.run("%context rig", answers=["y"]).status == "ok"
    rig.write_text(RIG)
    assert kernel.run("%context rig").status == "ok", "once for each text"
    kernel.run("%chat and now?")
    kernel.run("%chat the same again")
    first, second, third = scripted_model.requests
    switched = {"Write", "mcp__neuroworkflow__check_node", "Skill"}
    assert (switched & set(first.tool_names), switched & set(second.tool_names)) == (switched, set())
    assert "remember this" in str(second.body["messages"])
    assert "The user has chosen the context 'Our rig'." in str(second.body["messages"][-1])
    assert "rig: int 1\n" not in "".join(first.user_texts)
    assert "".join(third.user_texts).count("rig: int 1\n") == 2, "told each time, though it is the same"
    assert kernel.run("%context --none").status == "ok"


def test_code_of_a_context_that_fails_is_said_and_the_context_is_chosen(
    kernel: RealKernel, rig: Path
) -> None:
    rig.write_text(RIG.replace("rig = 1", "1 / 0"))
    ran = kernel.run("%context rig", answers=["yes"])
    assert (ran.status, ran.reply["evalue"].endswith("ZeroDivisionError: division by zero")) == (
        "error",
        True,
    )
    assert "rig (chosen): Our rig" in kernel.run("%context").text
    kernel.run("%context --none")


def test_code_of_a_context_runs_again_in_a_subkernel_that_is_started_again(
    start_kernel: Callable[..., RealKernel], workspace: Path
) -> None:
    rig, number = workspace / ".claude" / "contexts" / "rig" / "context.yaml", workspace / "rig.txt"
    rig.parent.mkdir(parents=True)
    rig.write_text(RIG.replace("rig = 1", "import pathlib; rig = int(pathlib.Path('rig.txt').read_text())"))
    number.write_text("3")
    kernel = start_kernel()
    assert kernel.run("%context rig", answers=["y"]).status == "ok"
    number.write_text("4")
    died = kernel.run("import os; os.kill(os.getpid(), 9)")
    assert died.reply["evalue"].startswith("The subkernel 'python3' died")
    again = kernel.run("rig")
    assert (again.text, again.reply["execution_count"]) == ("4", 1)
    number.write_text("four")
    kernel.run("import os; os.kill(os.getpid(), 9)")
    again = kernel.run("print('on it goes')")
    printed = {output["name"]: output["text"] for output in again.outputs}
    assert "the context's code did not run to its end: ValueError" in printed["stderr"]
    assert printed["stdout"] == "on it goes\n"
    kernel.run("%context --none")
    kernel.run("import os; os.kill(os.getpid(), 9)")
    assert kernel.run("'rig' in dir()").text == "False"


def test_code_of_a_context_is_stopped(kernel: RealKernel, rig: Path) -> None:
    rig.write_text(RIG.replace("rig = 1", "import time; time.sleep(600)"))
    ran = kernel.run(
        "%context rig",
        answers=["y"],
        interrupt_when=lambda msg: "rig is on\n" in str(msg["content"].get("text")),
    )
    assert (ran.status, ran.text.endswith("Stopped.")) == ("error", True)
    assert kernel.run("1 + 1").text == "2"
    kernel.run("%context --none")


def test_subkernel_is_exchanged_and_the_conversation_goes_on(
    scripted_model: ScriptedModel, start_kernel: Callable[..., RealKernel]
) -> None:
    needs.program("R", install="sudo apt install r-cran-irkernel")
    kernel = start_kernel()
    scripted_model.extend(
        Reply.text("Hello."), Reply.code("y <- x + 1; cat(R.version$language, y)"), Reply.text("Done.")
    )
    kernel.run("%chat hello")
    sent = [kernel.send(code) for code in ("%subkernel ir", "x <- 41")]
    assert [kernel.reply_to(each)["status"] for each in sent] == ["ok"] * 2
    ran = kernel.run("%chat add one in this language")
    assert (ran.end, "R 42" in ran.text) == ("complete", True)
    hello, asked, _ = scripted_model.requests
    assert "hello" in str(asked.body["messages"])
    assert ("run Python" in hello.system_text, "run R " in asked.system_text) == (True, True)
    assert "Code now runs in another kernel, 'ir', in r" in str(asked.body["messages"][-1])
    assert kernel.run("%subkernel python3").status == "ok"
    assert kernel.run("'x' in dir()").text == "False"
    assert "python3 (current)" in kernel.run("%subkernel").text
    deadline = time.monotonic() + 5
    while len(started_by(kernel.pid, "kernel.json")) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [each.name() for each in started_by(kernel.pid, "kernel.json")] == ["python"]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([sys.executable, "-c", "raise SystemExit(1)"], "ended twice before it answered"),
        (["no-such-program"], "cannot be run"),
    ],
)
def test_subkernel_that_does_not_start_leaves_the_one_there_is(
    argv: list[str], why: str, kernel: RealKernel, shared_kernel: SharedKernel
) -> None:
    kernels = shared_kernel.home / "share" / "jupyter" / "kernels"
    write_spec(kernels, "broken", argv, "python")
    try:
        kernel.run("kept = 5")
        ran = kernel.run("%subkernel broken")
        assert (ran.status, why in ran.reply["evalue"]) == ("error", True), ran.reply
        assert kernel.run("kept").text == "5"
    finally:
        (kernels / "broken" / "kernel.json").unlink()
        (kernels / "broken").rmdir()


def test_start_of_another_subkernel_can_be_stopped(kernel: RealKernel, shared_kernel: SharedKernel) -> None:
    kernels = shared_kernel.home / "share" / "jupyter" / "kernels"
    write_spec(kernels, "slow", [sys.executable, "-c", "import time; time.sleep(600)"], "python")
    kernel.run("kept = 5")
    ran = kernel.run("%subkernel slow", interrupt_when=lambda msg: "Starting" in str(msg["content"]))
    assert (ran.status, ran.stopped_after_s < 2) == ("error", True)
    assert kernel.run("kept").text == "5"
    assert not started_by(kernel.pid, "time.sleep(600)")


@pytest.mark.parametrize(
    ("name", "why"), [("gone", "No kernelspec named 'gone'"), ("talk", "is itself a chat kernel")]
)
def test_subkernel_that_cannot_be_one_is_refused(name: str, why: str, kernel: RealKernel) -> None:
    assert why in kernel.run(f"%subkernel {name}").reply["evalue"]


@pytest.mark.parametrize("argv", [[sys.executable, "-c", "raise SystemExit(1)"], ["no-such-program"]])
def test_another_subkernel_is_chosen_where_the_first_does_not_start(
    argv: list[str], start_kernel: Callable[..., RealKernel], tmp_path: Path
) -> None:
    write_spec(tmp_path / "share" / "jupyter" / "kernels", "broken", argv, "python")
    kernel = start_kernel("broken")
    failed = kernel.run("1 + 1")
    assert failed.reply["evalue"].endswith("'%subkernel' lists the kernels that there are.")
    listed = kernel.run("%subkernel")
    assert (listed.status, "python3: " in listed.text) == ("ok", True)
    assert kernel.run("%subkernel python3").text.endswith("Code runs in 'python3' now: python.")
    assert kernel.run("1 + 1").text == "2"


def test_code_of_a_context_that_ends_the_subkernel_is_not_run_again(
    start_kernel: Callable[..., RealKernel], workspace: Path
) -> None:
    rig = workspace / ".claude" / "contexts" / "rig" / "context.yaml"
    rig.parent.mkdir(parents=True)
    kernel = start_kernel()
    rig.write_text(RIG.replace("rig = 1", "import os; os._exit(3)"))
    died = kernel.run("%context rig", answers=["y"])
    assert "The kernel died" in died.reply["evalue"]
    again = kernel.run("1 + 1")
    assert again.reply["evalue"].startswith("The subkernel died while it ran the context's code")
    assert kernel.run("1 + 1").text == "2"
    assert kernel.run("%context --none").status == "ok"
