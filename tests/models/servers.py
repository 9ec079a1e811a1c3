"""Model servers that a test started, ended as their owner would: what they did is measured, too."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import psutil

_PATIENCE_S = 10.0


def end_servers(cache: Path) -> None:
    """End every server whose state is in a user's cache."""
    for state in cache.rglob("servers/*.json"):
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
            process = psutil.Process(json.loads(state.read_text())["pid"])
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except psutil.TimeoutExpired:
                process.kill()
