"""How soon each surface shows what it is doing, counted from the message that was sent; the model is slow on purpose."""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from time import perf_counter
from typing import Any

import pexpect
from playwright.sync_api import sync_playwright

from benchmarks.rows import Row
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.lab import OPEN, Lab, find_chromium
from neuroworkflow_agent.testing.real_kernel import RealKernel

_ACTIVITY = re.compile(r"Starting the agent|Waiting for the model|Thinking|Working")
_SLOW = Reply.text("late")
_ROUNDS = 5
_TARGET_MS = 100
_TYPING_S = 0.5
"""Nobody types a message faster."""
_WATCH = """() => {
    const panel = document.querySelector(".nwa-panel"), status = panel.querySelector(".nwa-status");
    panel.querySelector("textarea").addEventListener("keydown", (event) => { if (event.key === "Enter") window.sent = performance.now(); }, true);
    new MutationObserver(() => { if (status.textContent && window.sent) { window.waited = performance.now() - window.sent; window.sent = 0; } })
        .observe(status, { childList: true, characterData: true, subtree: true });
}"""


def rows() -> list[Row]:
    """The first message of a fresh kernel each time, and one of a session that runs."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ.update(model.environ, CLAUDE_CONFIG_DIR=name, XDG_STATE_HOME=name)
        cells = [_cell(model, home) for _ in range(_ROUNDS)]
        terminals = [_terminal(model, home) for _ in range(_ROUNDS)]
        panels = _panel(model, home)
        headless = _headless(home)
    return [
        _row("a cell, first message", [first for first, _ in cells]),
        _row("  later message", [later for _, later in cells]),
        _row("IPython in a terminal, first message", [first for first, _ in terminals]),
        _row("  later message", [later for _, later in terminals]),
        *([_row("the panel, first message", panels[:1]), _row("  later message", panels[1:])] if panels else []),
        headless,
    ]  # fmt: skip


def _row(name: str, seconds: list[float]) -> Row:
    worst = 1000 * max(seconds)
    value = f"{1000 * statistics.median(seconds):.0f} ms, at worst {worst:.0f}"
    return Row(f"reaction of {name}" if name[0] != " " else name, value, f"<= {_TARGET_MS} ms", worst <= _TARGET_MS)  # fmt: skip


def _slow(model: ScriptedModel) -> None:
    model.extend(Reply(_SLOW.blocks, first_byte_delay_s=0.5))


def _cell(model: ScriptedModel, home: Path) -> tuple[float, float]:
    kernel = RealKernel(home)
    try:
        kernel.run("%load_ext neuroworkflow_agent")
        time.sleep(_TYPING_S)
        return _asked(kernel, model), _asked(kernel, model)
    finally:
        kernel.close()


def _asked(kernel: RealKernel, model: ScriptedModel) -> float:
    _slow(model)
    started, waited = perf_counter(), 0.0
    message_id = kernel.client.execute("%chat hi")
    while True:
        msg: dict[str, Any] = kernel.client.get_iopub_msg(timeout=60)
        if not waited and msg["msg_type"] != "execute_input" and _ACTIVITY.search(str(msg["content"])):
            waited = perf_counter() - started
        is_end = msg["msg_type"] == "status" and msg["content"]["execution_state"] == "idle"
        if is_end and msg["parent_header"].get("msg_id") == message_id:
            return waited


def _terminal(model: ScriptedModel, home: Path) -> tuple[float, float]:
    arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    ipython = pexpect.spawn(sys.executable, arguments, cwd=home, encoding="utf-8", timeout=60)
    ipython.delaybeforesend = None
    try:
        ipython.expect(r"In \[1\]: ")
        ipython.sendline("%load_ext neuroworkflow_agent")
        waited = []
        for number in (2, 3):
            ipython.expect(rf"In \[{number}\]: ")
            _slow(model)
            time.sleep(_TYPING_S)
            started = perf_counter()
            ipython.sendline("%chat hi")
            ipython.expect(_ACTIVITY.pattern)
            waited.append(perf_counter() - started)
        ipython.expect(r"In \[4\]: ")
        return waited[0], waited[1]
    finally:
        ipython.close(force=True)


def _panel(model: ScriptedModel, home: Path) -> list[float]:
    path = find_chromium()
    if path is None:
        return []
    with sync_playwright() as playwright:
        lab = Lab(home / "lab", model)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            page = lab.open(browser.new_context(), OPEN, "")
            page.open_panel()
            page.tab.evaluate(_WATCH)
            waited = []
            for number in range(1, _ROUNDS + 1):
                _slow(model)
                page.ask("hi")
                page.wait_for_end("complete", number)
                waited.append(float(page.tab.evaluate("() => window.waited")) / 1000)
            return waited
        finally:
            browser.close()
            lab.end_kernels()
            lab.close()


def _headless(home: Path) -> Row:
    """From the start of the process, so the interpreter's and its imports' own time is part of it."""
    waited = []
    for number in range(_ROUNDS):
        arguments = ["-m", "neuroworkflow_agent", "run", f"new-{number}.ipynb", "hi", "--model", "scripted:none.json"]  # fmt: skip
        (home / f"new-{number}.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')  # fmt: skip
        (home / "none.json").write_text('[{"text": "late"}]')
        started = time.perf_counter()
        run = pexpect.spawn(sys.executable, arguments, cwd=home, encoding="utf-8", timeout=60)
        run.expect("Starting the kernel")
        waited.append(perf_counter() - started)
        run.expect(pexpect.EOF)
    return Row(
        "  a headless run, from the start of its process", f"{1000 * statistics.median(waited):.0f} ms"
    )
