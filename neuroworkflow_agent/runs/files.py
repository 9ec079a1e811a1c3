"""What changed in a workspace while a run went on: found by looking at the files, whoever wrote them.

A `FileWatch` belongs to its run and owns nothing. Nothing is followed and nothing but regular files is opened.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MAX_FILES = 100_000
"""Of one workspace; what is beyond is not watched, and that is said."""
_MAX_HASHED_BYTES = 16 * 1024 * 1024
_MAX_HASHED_IN_ALL = 256 * 1024 * 1024
"""What is larger is told to have changed by its size and times."""
_QUICK_S = 0.2
"""A look that takes longer is not taken after each call of a tool."""
_BLOCK_BYTES = 1 << 20

Signature = tuple[int, int, int, int, int]
"""mode, size, inode, and times of change of content and of file, ns."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is not as it was."""

    path: str
    """From the workspace's root."""
    before: str | None
    """SHA-256 of its content; None if it was not there, `large` or `special` for what was not read."""
    after: str | None
    by: str
    """Which tool, as far as that can be told: `Write`, `run_code`, `the notebook's cells` …"""


@dataclass(frozen=True, slots=True)
class _Seen:
    signature: Signature
    digest: str


class FileWatch:
    """Looks at a workspace again and again.

    Parameters
    ----------
    root
        The workspace.
    leave_out
        Directories in it that are not looked at, such as that of the runs.
    writers
        Who writes a file whoever seems to, by its path.
    """

    def __init__(
        self, root: Path, leave_out: Iterable[Path] = (), writers: Mapping[str, str] | None = None
    ) -> None:
        self._root = Path(os.path.realpath(root))
        self._left_out = {os.path.realpath(path) for path in leave_out}
        self._hashed_bytes = 0
        self._is_quick = True
        self.is_complete = True
        """Whether all files were looked at."""
        self._first = self._look({})
        self._last = self._first
        self._by: dict[str, str] = {}
        self._writers = dict(writers or {})

    def note(self, by: str, *, at_any_cost: bool = False) -> None:
        """Look what has changed since the last time; it is laid to `by`.

        Parameters
        ----------
        at_any_cost
            Whether to look even if that takes long.
        """
        if not (self._is_quick or at_any_cost):
            return
        now = self._look(self._last)
        for path in now.keys() | self._last.keys():
            if now.get(path) != self._last.get(path):
                self._by[path] = self._writers.get(path, by)
        self._last = now

    @property
    def changes(self) -> list[FileChange]:
        """What is not as it was at the beginning, by the last look, in the order of the paths."""
        found = []
        for path in sorted(self._last.keys() | self._first.keys()):
            before, after = self._first.get(path), self._last.get(path)
            if before == after or (before and after and _same_content(before, after)):
                continue
            was, is_now = (seen.digest if seen is not None else None for seen in (before, after))
            found.append(FileChange(path, was, is_now, self._by.get(path, "")))
        return found

    def _look(self, known: dict[str, _Seen]) -> dict[str, _Seen]:
        started = time.monotonic()
        found: dict[str, _Seen] = {}
        for path, signature in self._files():
            if len(found) >= MAX_FILES:
                self.is_complete = False
                break
            seen = known.get(path)
            if seen is None or seen.signature != signature:
                seen = _Seen(signature, self._digest(self._root / path, signature))
            found[path] = seen
        self._is_quick = time.monotonic() - started <= _QUICK_S
        return found

    def _files(self) -> Iterable[tuple[str, Signature]]:
        waiting = [str(self._root)]
        while waiting:
            directory = waiting.pop()
            try:
                entries = list(os.scandir(directory))
            except OSError:
                continue
            for entry in entries:
                try:
                    about = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISDIR(about.st_mode):
                    if entry.path not in self._left_out:
                        waiting.append(entry.path)
                    continue
                times = (about.st_mtime_ns, about.st_ctime_ns)
                yield (
                    os.path.relpath(entry.path, self._root),
                    (about.st_mode, about.st_size, about.st_ino, *times),
                )

    def _digest(self, path: Path, signature: Signature) -> str:
        mode, size = signature[:2]
        try:
            if stat.S_ISLNK(mode):
                return f"link:{hashlib.sha256(os.fsencode(path.readlink())).hexdigest()}"
            if not stat.S_ISREG(mode):
                return "special"
            if size > _MAX_HASHED_BYTES or self._hashed_bytes + size > _MAX_HASHED_IN_ALL:
                return "large"
            self._hashed_bytes += size
            return _read_digest(path)
        except OSError:
            return "unreadable"


def as_json(changes: Iterable[FileChange], *, is_complete: bool, is_shared: bool) -> dict[str, Any]:
    """What `files.json` says.

    Parameters
    ----------
    is_shared
        Whether others worked in the same workspace meanwhile, so that a change may be theirs.
    """
    return {"complete": is_complete, "shared": is_shared, "changes": [asdict(each) for each in changes]}


def _same_content(before: _Seen, after: _Seen) -> bool:
    """Whether only times differ; what was not read has changed if its times have."""
    is_read = before.digest not in ("large", "unreadable", "special")
    return is_read and before.digest == after.digest and before.signature[0] == after.signature[0]


def _read_digest(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "special"
        hashed = hashlib.sha256()
        while block := file.read(_BLOCK_BYTES):
            hashed.update(block)
        return hashed.hexdigest()
