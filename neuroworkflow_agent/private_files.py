"""A small file of this user's, put in place as a whole; and one process at a time where it is read before."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def write_private(target: Path, data: bytes, *, is_program: bool = False) -> None:
    """Replace a file, or make it; whoever reads meanwhile finds the old one or the new one.

    Each writer fills a file of its own beside it, made anew (`O_EXCL`) under a name that nobody knows before, which
    only this user can open.

    Parameters
    ----------
    is_program
        Whether it may be run.

    Raises
    ------
    OSError
        If it cannot be written; the target is as it was then.
    """
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if is_program:
                os.fchmod(descriptor, 0o700)
            file.write(data)
        made.replace(target)
    except BaseException as error:
        made.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.strerror:  # of a write it says no name, of a rename two
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise


@contextlib.contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Wait until no other process, and no other thread, is in here with this directory; then hold it.

    The directory itself is held: a file for a lock could be planted. Where the file system has no locks nobody waits, and the last
    one's file counts, as a whole.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
