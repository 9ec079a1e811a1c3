"""Tries a node in a fresh process: import, make, ask, and run on its example.

The process belongs to `try_node`, which ends it and whatever it started, at the latest after a time
limit. It runs the node's own code, so this is only done when asked for. Results come through a file,
since a node may print anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroworkflow_agent.nodes.findings import Finding
from neuroworkflow_agent.nodes.layout import detect_layout

TIMEOUT_S = 60.0
_MAX_TOLD_CHARS = 600


def example_file(path: Path) -> Path:
    """Where a node's example inputs are looked for: `X.example.json` beside `X.py`."""
    return path.with_suffix(".example.json")


def try_node(path: Path, environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> list[Finding]:
    """Run a node file in a process of its own and say what failed.

    Parameters
    ----------
    path
        The node file. Beside it may lie `X.example.json`: `{"parameters": {…}, "inputs": {…}}`.
    environ
        The process's environment; without secrets, since the file may do anything.
    timeout_s
        Limit for all of it, in seconds.

    Returns
    -------
    list of Finding
        Empty if all went well. One `NW609` if the library is not importable or there is no example.
    """
    path = path.absolute()
    with tempfile.TemporaryDirectory(prefix="node-trial-", ignore_cleanup_errors=True) as scratch:
        result, log = Path(scratch, "result.json"), Path(scratch, "log.txt")
        request = {
            "path": str(path),
            "library": str(detect_layout(path).library or ""),
            "example": str(example_file(path)),
            "results": str(Path(scratch, "results")),
            "result": str(result),
        }
        # -B: no compiled files beside the user's node.
        trial = ["-P", "-B", "-m", "neuroworkflow_agent.nodes.trial_process"]
        command = [sys.executable, *trial, json.dumps(request)]
        code = _run(command, {**environ, "PYTHONPATH": python_path(environ)}, scratch, log, timeout_s)
        said = _tail(log)
        try:
            steps: list[dict[str, Any]] = json.loads(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            steps = []
    shown = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    if code is None:
        message = f"The trial took longer than {timeout_s:g} s and was ended{_during(steps)}."
        remedy = "Make the example smaller, or give more time with --timeout."
        return [Finding(shown, 1, 1, "NW606", message, remedy)]
    if not steps or steps[-1].get("step") != "end":
        message = (
            f"The trial's process ended with {_ending(code)}{_during(steps)}. It said: {said or 'nothing'}"
        )
        return [Finding(shown, 1, 1, "NW607", message)]
    return [
        Finding(
            shown,
            int(each.get("line") or 1),
            1,
            each["code"],
            each["message"].replace("{said}", said),
            each["remedy"],
        )
        for each in steps
        if "code" in each
    ]


def _run(command: list[str], environ: dict[str, str], folder: str, log: Path, timeout_s: float) -> int | None:
    """The process's exit code; None if it was ended for taking too long."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and, where there are process groups, everything it left behind."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def python_path(environ: Mapping[str, str]) -> str:
    """`PYTHONPATH` for a process in another folder: the user's own entries, then where this package is."""
    ours = str(Path(__file__).parents[2])
    theirs = [str(Path(each).absolute()) for each in environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    return os.pathsep.join([*theirs, ours])


def _tail(log: Path) -> str:
    text = " ".join(log.read_bytes()[-4 * _MAX_TOLD_CHARS :].decode(errors="replace").split())
    return text[-_MAX_TOLD_CHARS:]


def _during(steps: list[dict[str, Any]]) -> str:
    return f", during {steps[-1]['step']}" if steps and steps[-1].get("step") else ""


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
