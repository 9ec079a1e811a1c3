"""The command line, for tests: as a process of its own, or in this one where the process is not the subject."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from unittest import mock

import nbformat
import pytest
from nbformat.v4 import new_notebook

from neuroworkflow_agent import cli
from neuroworkflow_agent.engine import portal


def start(*arguments: str | Path, stdin: str | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start `python -m neuroworkflow_agent`."""
    command = [sys.executable, "-m", "neuroworkflow_agent", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    if stdin is not None:
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
    return process


def run(
    *arguments: str | Path, stdin: str = "", timeout_s: float = 90, **options: Any
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a process."""
    process = start(*arguments, stdin=stdin, **options)
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def call(*arguments: str | Path, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """As `run`, in this process: what it imports is imported once for all tests.

    Whatever children write counts as output too. The worker thread ends with the call, as it does with a process.
    """
    sigterm = signal.getsignal(signal.SIGTERM)
    argv = ["neuroworkflow-agent", *map(str, arguments)]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
        mock.patch.object(sys, "argv", argv),
        mock.patch.dict(os.environ, env or {}),
    ):
        try:
            with _standing_for("stdout", 1, out), _standing_for("stderr", 2, err):
                code = _exit_code()
        finally:
            signal.signal(signal.SIGTERM, sigterm)
            portal.shared_portal().stop()
        return code, _written(out), _written(err)


def _exit_code() -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@contextlib.contextmanager
def _standing_for(name: str, descriptor: int, file: IO[str]) -> Iterator[None]:
    """Let `file` be a standard stream, for Python and for children."""
    kept = os.dup(descriptor)
    try:
        os.dup2(file.fileno(), descriptor)
        with mock.patch.object(sys, name, file):
            yield
    finally:
        file.flush()
        os.dup2(kept, descriptor)
        os.close(kept)


def _written(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def write(path: Path, cells: list[Any], **metadata: Any) -> None:
    """Write a notebook for Python."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec, **metadata}), path)


def read(path: Path) -> Any:
    """A notebook, which is valid."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def ours(notebook: Any) -> list[Any]:
    """The cells that the agent has added."""
    return [cell for cell in notebook.cells if "neuroworkflow_agent" in cell.metadata]


def wait_for(holds: Callable[[], bool], process: subprocess.Popen[str], timeout_s: float = 40) -> None:
    """Wait for something that a process does."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
