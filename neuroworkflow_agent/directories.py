"""Directories of this user's alone: for caches, state and logs.

They are in the user's cache, or else in the temporary directory: a container started as some user id has no home
that can be written, and not even a name for its user.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from neuroworkflow_agent.errors import ConfigError

_NAME = "neuroworkflow-agent"


def private_directory(*parts: str) -> Path:
    """A directory that can be written and that nobody else can read; made if missing.

    Parameters
    ----------
    *parts
        Its path below ours.

    Raises
    ------
    ConfigError
        If there is no place for it.
    """
    cache = _user_cache()
    if cache is not None:
        try:
            return _made(cache, parts)
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
    home = f"'{cache}' cannot be written" if cache else "This user has no home directory"
    raise ConfigError(
        f"{home}, and {trouble}. Set XDG_CACHE_HOME to a directory of yours that can be written."
    )


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


def _user_cache() -> Path | None:
    """Ours in the user's cache; None for a user id without a name where HOME is not set."""
    try:
        cache = user_cache_path(_NAME)
    except RuntimeError:
        return None
    return cache if cache.is_absolute() else None  # earlier platformdirs: "~" itself


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
