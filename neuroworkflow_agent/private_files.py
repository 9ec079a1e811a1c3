"""A small file of this user's, put in place as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


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
    except BaseException:
        made.unlink(missing_ok=True)
        raise
