"""Processes that a process has started, told by their commands."""

from __future__ import annotations

import contextlib

import psutil


def started_by(pid: int | None, word: str = "", *, recursive: bool = True) -> dict[psutil.Process, list[str]]:
    """Those that have `word` in their command, with that; those that end meanwhile are left out.

    Parameters
    ----------
    pid
        Of the process that has started them; None for this one.
    recursive
        Whether those count, too, that they have started.
    """
    found: dict[psutil.Process, list[str]] = {}
    for process in psutil.Process(pid).children(recursive=recursive):
        with contextlib.suppress(psutil.Error):  # it has ended, or is not yet waited for
            command = process.cmdline()
            if command and word in " ".join(command):
                found[process] = command
    return found
