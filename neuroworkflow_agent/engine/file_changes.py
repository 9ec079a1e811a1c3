"""What a call of Write or Edit is about to do to its file, told with the lines of the real one."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroworkflow_agent.diffs import unified_diff
from neuroworkflow_agent.engine.permissions import MAX_SHOWN_CHARS
from neuroworkflow_agent.errors import OutsideWorkspaceError
from neuroworkflow_agent.events import FileChange
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.text import show_invisible
from neuroworkflow_agent.workspace import Workspace

WRITING_TOOLS = ("Write", "Edit")
_MAX_BYTES = 2_000_000


def change_of(
    tool_use_id: ToolUseId, tool: str, tool_input: Mapping[str, Any], workspace: Workspace
) -> FileChange | None:
    """What the call would change; None where that cannot be told, and its input has to do.

    Reads the file.
    """
    path = tool_input.get("file_path")
    if tool not in WRITING_TOOLS or not isinstance(path, str):
        return None
    try:
        place = workspace.resolve(path)
        before = _read(place)
    except (OSError, UnicodeDecodeError, OutsideWorkspaceError):
        return None
    if before is not None and tool == "Edit":
        # It sees lines that end as Unix has them, and keeps what the file has; Write keeps nothing.
        before = before.replace("\r\n", "\n")
    after = _after(tool, tool_input, before) if before is not None else None
    if before is None or after is None:
        return None
    diff = unified_diff(before, after)
    # A person who is asked must see all of it, and the tool's own input has its limit.
    if len(show_invisible(diff)) > MAX_SHOWN_CHARS:
        return None
    return FileChange(tool_use_id, str(place.relative_to(os.path.realpath(workspace.root))), diff)


def _after(tool: str, tool_input: Mapping[str, Any], before: str) -> str | None:
    """The file's text afterwards; None if the call is going to fail."""
    match tool_input:
        case {"content": str(content)} if tool == "Write":
            return content
        case {"old_string": str(old), "new_string": str(new)} if tool == "Edit":
            is_everywhere = tool_input.get("replace_all") is True
            times = before.count(old) if old else int(not before)
            if times == 1 or (times and is_everywhere):
                return before.replace(old, new, -1 if is_everywhere else 1)
    return None


def _read(path: Path) -> str | None:
    """The text of a file, empty for one that is not there; None for what is no text file of a fair size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MAX_BYTES:
            return None
        return file.read(_MAX_BYTES + 1).decode("utf-8")
