"""A file of a turn put back, where it still is what the turn left."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from neuroworkflow_agent.errors import OutsideWorkspaceError
from neuroworkflow_agent.replacing import PREFIX, Temporary, digest_of, sweep
from neuroworkflow_agent.replacing import look as seen_at
from neuroworkflow_agent.state.file_copies import FileCopies, FileCopy, look
from neuroworkflow_agent.workspace import Workspace


def obstacle(copy: FileCopy, copies: FileCopies, workspace: Workspace) -> str:
    """Why a file cannot be put back; empty if it can. Changes nothing."""
    path = Path(copy.path)
    if not _is_inside(path, workspace):
        return "its place leads elsewhere by now"
    if copy.before.trouble:
        return f"{copy.before.trouble}, so it was not kept"
    if copy.left is None:
        return "it is not known how the turn left it"
    if look(path) != copy.left:
        return "it was changed since"
    if copy.before.is_there and copies.content(copy.before.digest) is None:
        return "what it was is not kept any more"
    return ""


def put_back(copy: FileCopy, copies: FileCopies, workspace: Workspace) -> str:
    """Put a file back; why that was not done, or empty.

    A file that somebody writes meanwhile stays theirs. A process that is killed here leaves each file as the turn left it
    or as it was before, never by half, and perhaps a temporary file beside it.
    """
    if reason := obstacle(copy, copies, workspace):
        return reason
    path = Path(copy.path)
    try:
        if not copy.before.is_there:
            reason = _remove(copy, path)
        else:
            data = copies.content(copy.before.digest)
            assert data is not None
            reason = _write(copy, path, data)
    except OSError as error:
        reason = f"it cannot be written ({error.strerror})"
    if not reason:
        with contextlib.suppress(OSError):
            copies.undone(copy.path)
    return reason


def sweep_beside(copy: FileCopy, workspace: Workspace) -> None:
    """Remove the temporary file that a process has left that was killed as it put this one back."""
    path = Path(copy.path)
    if _is_inside(path, workspace):
        sweep(path)


def _write(copy: FileCopy, path: Path, data: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    expected = seen_at(path) if copy.left is not None and copy.left.is_there else None
    if (
        copy.left is not None
        and copy.left.is_there
        and (expected is None or expected.digest != copy.left.digest)
    ):
        return "it was changed since"
    temporary = Temporary(path)
    try:
        temporary.path.chmod(copy.before.mode)
        temporary.write(data)
        if not temporary.put(expected):
            return "it was changed since"
    finally:
        temporary.discard()
    return ""


def _remove(copy: FileCopy, path: Path) -> str:
    """Take a file out of its place first, so that it is the one that was looked at which is removed."""
    assert copy.left is not None
    if not copy.left.is_there:
        return ""
    aside = path.with_name(f"{PREFIX}{secrets.token_hex(8)}.undone")
    path.rename(aside)
    if digest_of(aside) != copy.left.digest:
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
            aside.unlink()
        return "it was changed since"
    aside.unlink()
    for directory in copy.made_directories:
        with contextlib.suppress(OSError):  # others have put something there
            Path(directory).rmdir()
    return ""


def _is_inside(path: Path, workspace: Workspace) -> bool:
    """Whether the path still means itself, with no link in it that leads elsewhere."""
    try:
        return workspace.resolve(str(path)) == path
    except OutsideWorkspaceError:
        return False
