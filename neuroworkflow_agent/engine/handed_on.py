"""What a session's model is to be told with the next message, kept beside the session's log until it is: a process may end before.

One small file a session, of this user's alone; nothing of it is kept in memory.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from neuroworkflow_agent.engine.event_log import log_path
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.private_files import write_private


def hand_on(session_id: str, text: str) -> bool:
    """Keep a text, behind what is kept already; False if that cannot be written."""
    try:
        whole = "\n\n".join(filter(None, (handed_on(session_id), text)))
        write_private(_path(session_id), whole.encode("utf-8", "replace"))
    except (OSError, ConfigError):
        return False
    return True


def handed_on(session_id: str) -> str:
    """What is kept; empty if nothing is."""
    with contextlib.suppress(OSError, ConfigError):
        return _path(session_id).read_text(encoding="utf-8", errors="replace")
    return ""


def copy_handed_on(session_id: str, copy_id: str) -> None:
    """Give a session's copy what is kept for the session."""
    if text := handed_on(session_id):
        hand_on(copy_id, text)


def forget_handed_on(session_id: str) -> None:
    """It was told, or nobody is left to tell."""
    with contextlib.suppress(OSError, ConfigError):
        _path(session_id).unlink(missing_ok=True)


def _path(session_id: str) -> Path:
    return log_path(session_id).with_suffix(".next")
