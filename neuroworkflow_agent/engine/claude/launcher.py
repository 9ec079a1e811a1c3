"""Starts `claude` in a session of its own, out of reach of signals meant for the kernel.

A Jupyter interrupt goes to the kernel's whole process group and Ctrl-C to the terminal's; `claude` would
take either as a request to exit. The SDK has no option for a new process group, and a blocked SIGINT is
unblocked by the CLI at its start, so a one-line script in the user's cache steps in between.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path

from neuroworkflow_agent.directories import private_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.private_files import write_private


def find_cli(cli_path: Path | None) -> Path | None:
    """The `claude` executable: the given one, else the SDK's bundled one, else one on PATH."""
    if cli_path is not None:
        return cli_path
    name = "claude.exe" if sys.platform == "win32" else "claude"
    sdk = importlib.util.find_spec("claude_agent_sdk")  # not imported: that takes a second
    for directory in (sdk.submodule_search_locations or ()) if sdk else ():
        if (bundled := Path(directory, "_bundled", name)).is_file():
            return bundled
    found = shutil.which(name)
    return Path(found) if found else None


def detached(cli: Path | None, *, cache: Path | None = None) -> Path | None:
    """A path that starts `cli` in a session of its own; `cli` itself where that is not needed or possible.

    Parameters
    ----------
    cli
        The executable; None is handed back, for the SDK to report.
    cache
        Where to put the script; None for a private directory.
    """
    if cli is None or sys.platform == "win32":  # Jupyter interrupts by an event there, not by a signal
        return cli
    if setsid := shutil.which("setsid"):
        command = [setsid, str(cli)]
    else:
        code = "import os, sys; os.setsid(); os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-I", "-S", "-c", code, str(cli)]
    script = f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
    with contextlib.suppress(OSError, ConfigError):  # nowhere to write, or where no programs run
        directory = cache / "bin" if cache else private_directory("bin")
        target = directory / f"claude-{hashlib.sha256(script.encode()).hexdigest()[:16]}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(target, script.encode(), is_program=True)
        if os.access(target, os.X_OK):
            return target
    return cli
