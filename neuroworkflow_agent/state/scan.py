"""A bounded look over the workspace before and after code runs: which files it has changed, and what small ones were.

Links are not followed, and directories whose names begin with a dot are not entered. Notebooks are passed over: a page
saves them at any time, and to undo that would take what a person has written.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILES = 2_000
MAX_DIRECTORIES = 400
MAX_FILE_BYTES = 1024 * 1024
"""Of a file that is kept in case code changes it."""
MAX_BYTES = 16 * 1024 * 1024
"""Of all of them."""
_NOTEBOOK = ".ipynb"
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})

Signature = tuple[int, int, int, int, int]
"""Inode, size, mode, mtime and ctime in ns: no program can set the last one."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Regular files of a workspace at one time."""

    files: Mapping[str, Signature]
    is_whole: bool
    """Whether all of the workspace was looked at."""


@dataclass(slots=True)
class SmallFiles:
    """Contents of small files, in case code changes them."""

    _contents: dict[str, tuple[Signature, bytes]] = field(default_factory=dict)

    def take(self, listing: Listing) -> None:
        """Read those that are new or have changed, the latest first, as far as there is room."""
        room = MAX_BYTES
        kept: dict[str, tuple[Signature, bytes]] = {}
        for path, signature in sorted(listing.files.items(), key=lambda each: -each[1][3]):
            size = signature[1]
            if size > min(room, MAX_FILE_BYTES):
                continue
            known = self._contents.get(path)
            found = known if known is not None and known[0] == signature else _read(path, signature)
            if found is not None:
                kept[path] = found
                room -= size
        self._contents = kept

    def content(self, path: str, signature: Signature) -> bytes | None:
        """A file as it was with this signature; None if that was not read."""
        known = self._contents.get(path)
        return known[1] if known is not None and known[0] == signature else None


def scan(root: Path) -> Listing:
    """The files below a directory, those near its top first."""
    files: dict[str, Signature] = {}
    waiting, directories, is_whole = deque([str(root)]), 0, True
    while waiting:
        if directories == MAX_DIRECTORIES or len(files) >= MAX_FILES:
            is_whole = False
            break
        directories += 1
        try:
            with os.scandir(waiting.popleft()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith(".") and entry.name not in _SKIPPED:
                            waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(_NOTEBOOK):
                        if len(files) >= MAX_FILES:
                            is_whole = False
                            break
                        files[entry.path] = _signature(entry.stat(follow_symlinks=False))
        except OSError:
            is_whole = False
    return Listing(files, is_whole)


def differing(before: Listing, after: Listing) -> list[str]:
    """Paths of files that came, changed or went, as far as both looks could see."""
    came = [path for path in after.files if path not in before.files] if before.is_whole else []
    gone = [path for path in before.files if path not in after.files] if after.is_whole else []
    changed = [path for path, found in after.files.items() if before.files.get(path, found) != found]
    return sorted([*came, *changed, *gone])


def _signature(found: os.stat_result) -> Signature:
    return found.st_ino, found.st_size, stat.S_IMODE(found.st_mode), found.st_mtime_ns, found.st_ctime_ns


def _read(path: str, signature: Signature) -> tuple[Signature, bytes] | None:
    """A file that still has its signature when it was read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            data = file.read(MAX_FILE_BYTES + 1)
            return (signature, data) if _signature(os.fstat(descriptor)) == signature else None
    except OSError:
        return None
