"""The agent in a terminal IPython and in plain Python, and what is left when a kernel goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import psutil
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel, Text
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.test_terminal import GREEN, Terminal


def test_terminal_ipython_shows_the_turn_as_text(scripted_model: ScriptedModel, workspace: Path) -> None:
    scripted_model.extend(
        Reply((Text("I look."), *Reply.code("y = 6 * 7\nprint('seen')\ny").blocks)),
        Reply.text("It is **42**."),
    )
    lines = "%load_ext neuroworkflow_agent\n%chat what's six times seven?\nprint('after', y)\nexit\n"
    result = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=NoColor", "--no-banner"],
        input=lines, capture_output=True, text=True, timeout=60, cwd=workspace, check=False,
    )  # fmt: skip
    out = result.stdout
    for shown in (
        "I look.",
        "Run code\n    y = 6 * 7",
        "seen",
        "42",
        "It is **42**.",
        "complete · ",
        "after 42",
    ):
        assert shown in out, (out, result.stderr)
    assert "<" not in out.replace("<ipython", "")


def test_plain_python_runs_the_agents_code_in_main(scripted_model: ScriptedModel, workspace: Path) -> None:
    scripted_model.extend(
        Reply.code("import asyncio\nawait asyncio.sleep(0.01)\ny = x * 2\ny"), Reply.text("Doubled.")
    )
    script = workspace / "script.py"
    script.write_text(
        "from neuroworkflow_agent import chat\nx = 21\nreply = chat('double x')\nprint(reply, y, reply.end)\n"
    )
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, cwd=workspace, check=False
    )
    assert result.stdout.splitlines()[-1] == "Doubled. 42 complete", result
    assert "Traceback" not in result.stderr
    assert "never retrieved" not in result.stderr


@pytest.mark.parametrize(("no_color", "colour"), [("", True), ("1", False)])
def test_python_at_its_prompt_shows_the_turn_and_keeps_its_prompt(
    no_color: str,
    colour: bool,
    scripted_model: ScriptedModel,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted_model.extend(Reply.text("It is **42**."))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    terminal = Terminal(80, 24)
    lines = (
        "from neuroworkflow_agent import chat",
        "reply = chat('what is it?')",
        "reply.end",
        "print(reply)",
    )
    with_python = pexpect.spawn(sys.executable, ["-q"], cwd=workspace, dimensions=(24, 80), encoding="utf-8")
    try:
        for line in (*lines, ""):
            with_python.expect(">>> ", timeout=60)
            terminal.write((with_python.before + with_python.after).replace("\r\n", "\n"))
            with_python.sendline(line)
    finally:
        with_python.kill(signal.SIGKILL)
        with_python.close()
    closing = next(line for line in terminal.lines if line.startswith("complete · "))
    assert terminal.text.split("\n") == [
        ">>> from neuroworkflow_agent import chat",
        ">>> reply = chat('what is it?')",
        "Model: Messages API server, because ANTHROPIC_BASE_URL is set.",
        "It is 42.",
        closing,
        ">>> reply.end",
        "'complete'",
        ">>> print(reply)",
        "It is **42**.",
        ">>>",
    ]
    assert terminal.style_of("complete · ")[0] == (GREEN if colour else "default")


def test_a_script_on_a_terminal_shows_what_it_asks_and_nothing_else(
    scripted_model: ScriptedModel, workspace: Path
) -> None:
    scripted_model.extend(Reply.tool("Write", file_path="a.txt", content="x"), Reply.text("Not written."))
    script = workspace / "script.py"
    script.write_text(
        "from neuroworkflow_agent import chat\nfrom neuroworkflow_agent.surfaces import calls\n"
        "calls._kernel_chat().chat.select(mode='ask')\nprint(chat('write'), end='!')\n"
    )
    running = pexpect.spawn(sys.executable, [str(script)], cwd=workspace, encoding="utf-8", timeout=60)
    running.expect("or say why not: ")
    asked = running.before
    running.sendline("n")
    running.expect(pexpect.EOF)
    running.close()
    lines = [line for line in asked.splitlines() if line.strip()]
    assert lines[0].startswith("The agent asks to write a file.")
    assert any("+x" in line for line in lines)
    assert running.before.strip() == "n\r\nNot written.!"


@pytest.mark.parametrize("pause_s", [0.0, 0.4, 2.0])
def test_interpreter_that_ends_early_says_nothing(
    pause_s: float, scripted_model: ScriptedModel, workspace: Path
) -> None:
    script = workspace / "script.py"
    script.write_text(
        "import time\nfrom neuroworkflow_agent import Session\n"
        f"session = Session()\nsession.prewarm()\ntime.sleep({pause_s})\n"
    )
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, cwd=workspace, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_session_works_from_plain_python(scripted_model: ScriptedModel, workspace: Path) -> None:
    scripted_model.extend(Reply.text("hello"))
    script = workspace / "script.py"
    script.write_text(
        "from neuroworkflow_agent import Session\nwith Session() as s:\n    t = s.run('hi')\nprint(t.text, t.result().end)\n"
    )
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, cwd=workspace, check=False
    )
    assert result.stdout == "hello complete\n", result


def claude_of(kernel: RealKernel) -> list[psutil.Process]:
    return [
        child for child in psutil.Process(kernel.pid).children(recursive=True) if "claude" in child.name()
    ]


@pytest.mark.parametrize("how", ["shutdown", "kill"])
def test_nothing_outlives_the_kernel(
    how: str, start_kernel: Callable[[], RealKernel], scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("hello"))
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    assert kernel.run("%chat hi").end == "complete"
    processes = claude_of(kernel)
    assert len(processes) == 1
    if how == "kill":
        os.kill(kernel.pid, signal.SIGKILL)
    else:
        kernel.close()
    _gone, alive = psutil.wait_procs(processes, timeout=15)
    assert alive == []


def test_next_kernel_sweeps_what_a_killed_one_left_in_the_temporary_directory(
    start_kernel: Callable[[], RealKernel],
    scripted_model: ScriptedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    places = []
    for how in ("kill", "shutdown"):
        scripted_model.extend(Reply.text("hello"))
        kernel = start_kernel()
        kernel.run("%load_ext neuroworkflow_agent")
        assert kernel.run("%chat hi").end == "complete"
        processes = claude_of(kernel)
        places.append({path for path in tmp_path.iterdir() if path.name.startswith("neuroworkflow-agent")})
        if how == "kill":
            os.kill(kernel.pid, signal.SIGKILL)
        kernel.close()
        psutil.wait_procs(processes, timeout=15)
    (first,), (second,) = places
    assert first != second
    assert not first.exists()
    assert not second.exists()


def test_without_a_writable_home_sessions_go_on_in_the_temporary_directory(
    scripted_model: ScriptedModel, workspace: Path, tmp_path: Path
) -> None:
    scripted_model.extend(Reply.text("one"), Reply.text("two"))
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CLAUDE_CONFIG_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    }
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    kernel = RealKernel(workspace, {**kept, "HOME": "/dev/null", "TMPDIR": str(temporary)})
    try:
        kernel.run("%load_ext neuroworkflow_agent")
        ran = kernel.run("%chat hi"), kernel.run("%chat --mode ask again")
    finally:
        kernel.close()
    assert [each.end for each in ran] == ["complete", "complete"], ran
    assert scripted_model.requests[-1].user_texts == ["hi", "again"]
    assert [path.name for path in temporary.iterdir()] == [f"neuroworkflow-agent-{os.getuid()}"]
    assert list(workspace.iterdir()) == []


def test_fifty_figures_and_a_large_image_reach_the_model(
    start_kernel: Callable[[], RealKernel], scripted_model: ScriptedModel
) -> None:
    code = """
import io, os
from IPython.display import Image, display
from PIL import Image as Pillow
def png(side):
    buffer = io.BytesIO()
    Pillow.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(buffer, "PNG")
    return buffer.getvalue()
for _ in range(50):
    display(Image(data=png(40), format="png"))
display(Image(data=png(2600), format="png"))
print("z" * 10_000_000)
"""
    scripted_model.extend(Reply.code(code), Reply.text("seen"))
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    started = time.monotonic()
    ran = kernel.run("%chat show")
    assert (ran.end, "seen" in ran.text) == ("complete", True), time.monotonic() - started
    (result,) = scripted_model.requests[-1].tool_results
    kinds = [block["type"] for block in result["content"]]
    assert kinds.count("image") == 51
    text = "".join(block.get("text", "") for block in result["content"])
    assert len(text) <= 60_000  # ours and what the CLI says about each image
    assert "characters left out" in text
