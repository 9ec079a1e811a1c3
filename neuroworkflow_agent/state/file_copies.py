"""Files as they were before a turn changed them, and as it left them; kept on the user's disk.

`FileCopies` belongs to one turn and has one directory of the user's own, so that what it holds outlives the kernel. Its
journal is appended to before a file is changed and after; a process that is killed leaves at most half a line, which
readers pass over.

The SDK's own file checkpoints would not do: `rewind_files` writes over what the user has changed since (seen on SDK
0.2.186: their edit of a file was lost, and a file of the agent's that they had edited was deleted), knows only the
files of Write and Edit, and is not there any more in a copy of the session.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.ids import TurnId

MAX_KEPT_BYTES = 16 * 1024 * 1024
"""Of one file; a larger one is not kept."""
MAX_HASHED_BYTES = 256 * 1024 * 1024
_MAX_TURNS = 200
_MAX_STORED_BYTES = 512 * 1024 * 1024
_TURN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_JOURNAL = "files.jsonl"


@dataclass(frozen=True, slots=True)
class FileState:
    """A file at one time."""

    digest: str
    """SHA-256 of its bytes; empty where there is no file."""
    mode: int = 0
    trouble: str = ""
    """Why there is no digest though something is there."""

    @property
    def is_there(self) -> bool:
        """Whether there is something of that name."""
        return bool(self.digest or self.trouble)


NOTHING = FileState("")
"""No file of that name."""


@dataclass(frozen=True, slots=True)
class FileCopy:
    """One file of a turn."""

    path: str
    before: FileState
    left: FileState | None = None
    """As the turn left it; None where that is not known."""
    made_directories: tuple[str, ...] = ()
    """Directories that were not there before, the innermost first."""
    is_later_version: bool = False
    """Whether somebody else changed it during the turn, so that only what came after can be taken back."""
    is_undone: bool = False


class FileCopies:
    """Of one turn.

    Parameters
    ----------
    turn_id
        Whose.
    """

    def __init__(self, turn_id: TurnId) -> None:
        if not _TURN_ID.fullmatch(turn_id):
            raise ValueError(f"{turn_id!r} is not the id of a turn.")
        self._turn_id = turn_id
        self._files: dict[str, FileCopy] = {}
        self._directory: Path | None = None

    @classmethod
    def load(cls, turn_id: TurnId) -> FileCopies:
        """What is stored of a turn, perhaps by another process; nothing if nothing is."""
        made = cls(turn_id)
        directory = state_directory("undo") / turn_id
        with contextlib.suppress(OSError):
            lines = (directory / _JOURNAL).read_bytes().splitlines()
            made._directory = directory
            for line in lines:
                if (copy := _read_line(line)) is not None:
                    made._files[copy.path] = copy
        return made

    @property
    def files(self) -> list[FileCopy]:
        """Its files that it has changed, in the order of the changes."""
        return [each for each in self._files.values() if each.left != each.before and not _is_unwritten(each)]

    def end(self) -> None:
        """The turn has ended: what was to be written is as it is now."""
        for each in list(self._files.values()):
            if each.left is None:
                self.leave(Path(each.path))

    def keep(self, path: Path) -> None:
        """Remember a file as it is now, unless it is remembered already. Never follows a link.

        Raises
        ------
        OSError
            If there is no room for it.
        """
        self.keep_as(path, *_read(path))

    def keep_as(self, path: Path, state: FileState, data: bytes | None) -> None:
        """As `keep`, for a file that may be another one by now.

        Parameters
        ----------
        data
            Its bytes; None where there is no file, or they are not known.
        """
        known = self._files.get(str(path))
        if known is not None and known.left == state:
            return
        if known is not None and known.left is None and known.before == state:
            return
        if data is not None:
            self._write(state.digest, data)
        copy = FileCopy(str(path), state, None, _missing_parents(path), is_later_version=known is not None)
        self._note(copy)

    def leave(self, path: Path) -> None:
        """Remember a file as the turn has left it."""
        if (known := self._files.get(str(path))) is not None:
            self._note(replace(known, left=look(path)))

    def undone(self, path: str) -> None:
        """Remember that a file is as it was before."""
        self._note(replace(self._files[path], is_undone=True))

    def content(self, digest: str) -> bytes | None:
        """The bytes that were kept; None if they were not, or are gone."""
        if self._directory is None:
            return None
        with contextlib.suppress(OSError):
            data = (self._directory / digest).read_bytes()
            return data if hashlib.sha256(data).hexdigest() == digest else None
        return None

    def _note(self, copy: FileCopy) -> None:
        line = b"\n" + json.dumps(asdict(copy)).encode() + b"\n"  # not the end of half a line
        descriptor = os.open(
            self._place() / _JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600
        )
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
        self._files[copy.path] = copy

    def _write(self, name: str, data: bytes) -> None:
        target = self._place() / name
        if target.exists():
            return
        with target.with_suffix(".part").open("wb") as file:
            file.write(data)
        target.with_suffix(".part").replace(target)

    def _place(self) -> Path:
        if self._directory is None:
            self._directory = state_directory("undo", self._turn_id)
        return self._directory


def look(path: Path) -> FileState:
    """A file as it is now. Never follows a link."""
    return _read(path, max_bytes=MAX_HASHED_BYTES)[0]


def forget(turn_id: str) -> None:
    """Remove what is kept of a turn's files."""
    if _TURN_ID.fullmatch(turn_id):
        shutil.rmtree(state_directory("undo") / turn_id, ignore_errors=True)


def sweep() -> None:
    """Let the oldest turns go where there are too many, or they take too much room; nothing where there is no place for any."""
    with contextlib.suppress(OSError, ConfigError):
        turns = sorted(state_directory("undo").iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
        room = _MAX_STORED_BYTES
        for number, turn in enumerate(turns):
            room -= sum(file.stat().st_size for file in turn.iterdir())
            if number >= _MAX_TURNS or (room < 0 and number):
                shutil.rmtree(turn, ignore_errors=True)


def _read(path: Path, *, max_bytes: int = MAX_KEPT_BYTES) -> tuple[FileState, bytes | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return NOTHING, None
    except OSError as error:
        return FileState("", trouble=f"it cannot be read ({error.strerror})"), None
    found = os.fstat(descriptor)
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        return FileState("", mode, "it is not a regular file"), None
    with os.fdopen(descriptor, "rb") as file:
        if found.st_size > max_bytes:
            return FileState("", mode, f"it is larger than {max_bytes // 1024**2} MB"), None
        data = file.read(max_bytes + 1)
    return FileState(hashlib.sha256(data).hexdigest(), mode), data


def state_of(data: bytes, mode: int) -> FileState:
    """Of a file with these bytes."""
    return FileState(hashlib.sha256(data).hexdigest(), mode)


def _is_unwritten(copy: FileCopy) -> bool:
    """Whether it was to be changed, and was not."""
    return copy.left is None and look(Path(copy.path)) == copy.before


def _missing_parents(path: Path) -> tuple[str, ...]:
    missing = []
    for parent in path.parents:
        if parent.exists():
            break
        missing.append(str(parent))
    return tuple(missing)


def _read_line(line: bytes) -> FileCopy | None:
    try:
        data: dict[str, Any] = json.loads(line)
        before, left = FileState(**data.pop("before")), data.pop("left")
        directories = tuple(map(str, data.pop("made_directories")))
        return FileCopy(
            before=before, left=FileState(**left) if left else None, made_directories=directories, **data
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
