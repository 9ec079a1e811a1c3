"""Files of a run as they are read: regular ones alone, for code of a run may have put anything beside its record."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_BYTES = 512 * 1024 * 1024


def read_plain(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a regular file; no link is followed, no pipe waited for.

    Raises
    ------
    OSError
        If it is none, or too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "It is not a regular file", str(path))
        if about.st_size > max_bytes:
            raise OSError(errno.EFBIG, "It is too large", str(path))
        return file.read()
