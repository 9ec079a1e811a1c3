"""Standing instructions: the user's own, and a workspace's once the user has approved them as they are.

A downloaded folder's `AGENTS.md` would steer the agent; so it is followed only while its hash is the one that the
user approved, which is kept in their state directory.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.trusted_text import UnfitFileError, read_trusted_text

OF_WORKSPACE = ("AGENTS.md", "CLAUDE.md")
"""Names of a workspace's instructions."""
_MAX_BYTES = 100_000
_APPROVED = "approved-instructions.json"


@dataclass(frozen=True, slots=True)
class Instructions:
    """What is to be followed, and what is not."""

    followed: tuple[tuple[str, str], ...] = ()
    """Names of files, and their texts; the user's own first."""
    notices: tuple[str, ...] = ()
    """What the user should know: what is followed, and what is not and why."""


def users_file() -> Path | None:
    """Where the user's own instructions are, or would be; None for a user id without a name or a home."""
    try:
        return user_config_path("neuroworkflow-agent") / "instructions.md"
    except RuntimeError:
        return None


def find_instructions(workspace: Path) -> Instructions:
    """Instructions for sessions in a workspace."""
    followed: list[tuple[str, str]] = []
    notices: list[str] = []
    own = users_file()
    for path in (*([own] if own else []), *(workspace / name for name in OF_WORKSPACE)):
        name = str(path) if path == own else path.name
        try:
            text = read_instructions(path)
        except FileNotFoundError:
            continue
        except (UnfitFileError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            notices.append(f"Instructions in {name} are not followed: the file {reason}.")
            continue
        if not text.strip() or text in [known for _, known in followed]:
            continue
        if path == own or is_approved(path, text):
            followed.append((name, text))
        else:
            notices.append(
                f"Instructions in {name} are not followed: you have not approved them as they are. "
                f"To read and approve them: neuroworkflow-agent instructions approve {name}"
            )
    if followed:
        notices.insert(0, f"Instructions followed: {', '.join(name for name, _ in followed)}.")
    return Instructions(tuple(followed), tuple(notices))


def read_instructions(path: Path) -> str:
    """The text of a file of instructions.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UnfitFileError
        If it is not a file that may be followed.
    """
    return read_trusted_text(path, _MAX_BYTES)


def is_approved(path: Path, text: str) -> bool:
    """Whether the user has approved a file with this text."""
    return _approved().get(_key(path)) == _hash(text)


def approve(path: Path, text: str) -> None:
    """Follow a file from now on, as long as its text is this one.

    Raises
    ------
    ConfigError
        If that cannot be kept.
    """
    _keep({**_approved(), _key(path): _hash(text)})


def revoke(path: Path) -> bool:
    """Follow a file no longer; says whether it was approved.

    Raises
    ------
    ConfigError
        If that cannot be kept.
    """
    approved = _approved()
    was_approved = approved.pop(_key(path), None) is not None
    if was_approved:
        _keep(approved)
    return was_approved


def _approved() -> dict[str, str]:
    try:
        found = json.loads((state_directory() / _APPROVED).read_text(encoding="utf-8"))
    except (OSError, ValueError, ConfigError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _keep(approved: dict[str, str]) -> None:
    try:
        write_private(state_directory() / _APPROVED, json.dumps(approved, indent=1).encode())
    except OSError as error:
        raise ConfigError(f"The approval cannot be kept: {error.strerror}.") from error


def _key(path: Path) -> str:
    return os.path.realpath(path)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
