"""Environments for processes that tests start: nothing of the developer's, and everything kept below a directory of the test's."""

from __future__ import annotations

import os
from pathlib import Path

_OURS = ("ANTHROPIC_", "CLAUDE_", "NEUROWORKFLOW_", "OPENAI_")
JUPYTERS = ("JUPYTER", "PYTEST_")
"""For a process with a Jupyter of its own."""


def bare_environ(*without: str) -> dict[str, str]:
    """This process's environment without settings and keys of ours, and without names that begin so."""
    return {name: value for name, value in os.environ.items() if not name.startswith((*_OURS, *without))}


def private_environ(home: Path, *without: str) -> dict[str, str]:
    """The same, with everything that programs keep below `home`."""
    return {
        **bare_environ(*without),
        "CLAUDE_CONFIG_DIR": str(home / "claude"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
