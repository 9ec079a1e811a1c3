"""The temporary directory of one process that we start: of a `claude`, of a kernel.

The CLI keeps copies of pictures there and leaves them behind; a kernel's connection file is there. Whoever starts the
process owns the `Scratch` and removes it when that has ended. An owner that is killed cannot; `sweep` removes what such
owners have left, told by a lock that ends with its owner.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PREFIX = "neuroworkflow-agent-scratch-"
_LOCK = "owner"


class Scratch:
    """A directory of this user's alone, from its making to `remove`."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock: int | None = None
        self.path = self._root / "files"
        """For the process."""
        try:
            self._lock = _lock(self._root)
            self.path.mkdir(mode=0o700)
        except BaseException:  # a full disk: without a lock no sweep would remove it
            self.remove()
            raise

    def remove(self) -> None:
        """Remove it with all that is in it. Idempotent."""
        shutil.rmtree(self._root, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep() -> None:
    """Remove what owners have left that are no more: on this machine, of this user, and never through a link."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_left(entry.path)


def _lock(root: Path) -> int | None:
    """The descriptor that holds the lock; None where there are no locks.

    The file gets its name once it is locked, so that no sweep meets it unlocked.
    """
    if sys.platform == "win32":
        return None
    descriptor = os.open(root / "new", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, _machine())
        (root / "new").rename(root / _LOCK)
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def _machine() -> bytes:
    """Which machine this is: another one that shares the directory may not see our locks, nor we its."""
    return os.uname().nodename.encode()


def _remove_if_left(path: str) -> None:
    """Remove a directory if it is ours and its owner has ended."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(directory).st_uid != os.getuid():
            return
        lock = os.open(_LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
        try:
            if stat.S_ISREG(os.fstat(lock).st_mode) and os.read(lock, 1000) == _machine():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an error while the owner lives
                _empty(directory)
                Path(path).rmdir()
        finally:
            os.close(lock)
    finally:
        os.close(directory)


def _empty(directory: int) -> None:
    """Remove what is in an open directory, the lock last: a sweep that is cut off is done again."""
    for name in sorted(os.listdir(directory), key=lambda name: name == _LOCK):
        if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)
