"""Where a model server process is to be found: a small file that it writes and clients read.

Light to import: clients look for the file at every turn.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_state(state_file: Path, **state: Any) -> None:
    """Say who and where we are, atomically."""
    import psutil

    me = psutil.Process()
    text = json.dumps({"pid": me.pid, "create_time": me.create_time(), **state})
    temporary = state_file.with_suffix(f".{me.pid}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(state_file)


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
