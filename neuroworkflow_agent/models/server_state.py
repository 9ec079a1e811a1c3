"""Where a model server process is to be found: a small file that it writes and clients read.

Light to import: clients look for the file at every turn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neuroworkflow_agent.private_files import write_private


def write_state(state_file: Path, **state: Any) -> None:
    """Say who and where we are, atomically."""
    import psutil

    me = psutil.Process()
    text = json.dumps({"pid": me.pid, "create_time": me.create_time(), **state})
    write_private(state_file, text.encode())


def read_state(state_file: Path) -> dict[str, Any] | None:
    """What the process behind the file says; None if there is none, or it has ended."""
    import psutil

    try:
        state: dict[str, Any] = json.loads(state_file.read_text())
        process = psutil.Process(state["pid"])
        is_same = abs(process.create_time() - state["create_time"]) < 1.0
        return state if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
