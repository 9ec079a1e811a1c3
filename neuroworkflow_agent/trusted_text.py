"""Text files that are obeyed: read only if they are the user's, or root's, and nobody else can write them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.skill_files import distrusted


class UnfitFileError(AgentError):
    """A file that cannot be obeyed; the message says why, as the end of a sentence."""


def read_trusted_text(
    path: Path, max_bytes: int, *, follow_link: bool = False, is_secret: bool = False
) -> str:
    """The text of a regular file.

    Parameters
    ----------
    max_bytes
        Of a file that is taken.
    follow_link
        Whether the file may be a link to one.
    is_secret
        Whether nobody else may be able to read it, either.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UnfitFileError
        If it cannot be obeyed.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags if follow_link else flags | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        is_link = path.is_symlink() and not follow_link
        raise UnfitFileError("is a link" if is_link else f"cannot be read ({error.strerror})") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnfitFileError("is not a regular file")
        if reason := distrusted(found):
            raise UnfitFileError(reason)
        if is_secret and found.st_mode & 0o077:
            raise UnfitFileError("can be read by others")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise UnfitFileError(f"is longer than {max_bytes // 1000} kB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UnfitFileError("is not UTF-8 text") from None
