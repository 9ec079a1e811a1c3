"""Directories of this user's alone: for caches, and for what is to be kept.

They are where the user keeps such things, or else in the temporary directory: a container started as some user id has no home
that can be written, and not even a name for its user.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

from neuroworkflow_agent.errors import ConfigError

_NAME = "neuroworkflow-agent"


def private_directory(*parts: str) -> Path:
    """A directory for a cache that can be written and that nobody else can read; made if missing.

    Parameters
    ----------
    *parts
        Its path below ours.

    Raises
    ------
    ConfigError
        If there is no place for it.
    """
    return _private_directory(user_cache_path, "XDG_CACHE_HOME", parts)


def state_directory(*parts: str) -> Path:
    """As `private_directory`, for what is to be kept."""
    return _private_directory(user_state_path, "XDG_STATE_HOME", parts)


def _private_directory(place: Callable[[str], Path], variable: str, parts: tuple[str, ...]) -> Path:
    root = _of_user(place)
    if root is not None:
        try:
            return _made(root, parts)
        except OSError:
            pass
    try:
        fallback = Path(tempfile.gettempdir()) / f"{_NAME}-{os.getuid()}"
        fallback.mkdir(mode=0o700, exist_ok=True)
        if _is_ours_alone(fallback):
            return _made(fallback, parts)
        trouble = f"'{fallback}' is not this user's alone"
    except OSError:
        trouble = "the temporary directory cannot be either"
    home = f"'{root}' cannot be written" if root else "This user has no home directory"
    raise ConfigError(f"{home}, and {trouble}. Set {variable} to a directory of yours that can be written.")


def user_home() -> Path | None:
    """The user's home; None for a user id without a name where HOME is not set."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def can_write(directory: Path) -> bool:
    """Whether files can be made in a directory, or where it would be made."""
    try:
        while not directory.exists() and directory != directory.parent:
            directory = directory.parent
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def _of_user(place: Callable[[str], Path]) -> Path | None:
    """Ours in a place of the user's; None for a user id without a name where HOME is not set."""
    try:
        found = place(_NAME)
    except RuntimeError:
        return None
    return found if found.is_absolute() else None  # earlier platformdirs: "~" itself


def _made(root: Path, parts: tuple[str, ...]) -> Path:
    """The directory below `root`, made with `root` itself and seen to take a file."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = root
    for part in parts:
        directory = directory / part
        directory.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        return directory


def _is_ours_alone(directory: Path) -> bool:
    """Whether it is a directory of this user's that others cannot look into; anybody can make names in /tmp."""
    found = directory.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
