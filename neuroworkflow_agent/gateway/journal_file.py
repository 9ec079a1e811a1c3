"""One file of the journal: a line of JSON an entry, only ever added to, locked while its process lives."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from neuroworkflow_agent.gateway.totals import Entry
from neuroworkflow_agent.gateway.usage import Usage

_log = logging.getLogger("neuroworkflow_agent.gateway")
_READ_BYTES = 2**18
_KEPT = ("model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
"""What the database has of a usage; what else there is of it has been priced."""


class JournalFile:
    """One file, locked."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.done = 0
        self._is_damaged = False

    @classmethod
    def make(cls, path: Path) -> JournalFile:
        """A new one; it gets its name when it is locked, so that nobody takes it for a dead process's."""
        new = path.with_suffix(".new")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(new, flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(path)
        return cls(path, descriptor)

    @classmethod
    def take(cls, path: Path) -> JournalFile | None:
        """One that a process left; None while that process lives."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    @property
    def is_read(self) -> bool:
        """Whether the database has all of it."""
        return self.done >= self.size

    def append(self, line: bytes) -> None:
        """Add a line, or leave the file as it was."""
        try:
            written = os.write(self.descriptor, line)
        except OSError:
            written = -1
            raise
        finally:
            if written != len(line):
                os.ftruncate(self.descriptor, self.size)
        if written != len(line):
            raise OSError("The disk is full.")
        self.size += written

    def read(self, most: int) -> tuple[list[Entry], int]:
        """Entries from where all before are done, and where they end."""
        data = os.pread(self.descriptor, min(_READ_BYTES, self.size - self.done), self.done)
        entries: list[Entry] = []
        end = 0
        while len(entries) < most and (stop := data.find(b"\n", end)) >= 0:
            try:
                entries.append(decode(data[end:stop]))
            except (ValueError, TypeError, KeyError):
                self._set_damaged()
            end = stop + 1
        if not end:  # the process was killed while it wrote this
            self._set_damaged()
            end = len(data)
        return entries, self.done + end

    def empty(self) -> None:
        """Begin anew."""
        os.ftruncate(self.descriptor, 0)
        self.size = self.done = 0

    def remove(self) -> None:
        """It is not needed any more."""
        with suppress(OSError):
            if self._is_damaged:
                self.path.rename(self.path.with_suffix(".damaged"))
            else:
                self.path.unlink()
        self.close()

    def close(self) -> None:
        """Leave it to the next process."""
        os.close(self.descriptor)

    def _set_damaged(self) -> None:
        if not self._is_damaged:
            self._is_damaged = True
            _log.error("A line of %s cannot be read; the file is kept as *.damaged.", self.path)


def encode(entry: Entry) -> bytes:
    """An entry as a line."""
    used = {name: getattr(entry.usage, name) for name in _KEPT}
    fields = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    fields |= {"day": entry.day.isoformat(), "usage": used}
    return json.dumps(fields).encode() + b"\n"


def decode(line: bytes) -> Entry:
    """What `encode` made.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is something else.
    """
    fields: dict[str, Any] = json.loads(line)
    used = {name: value for name, value in fields.pop("usage").items() if name in _KEPT}
    return Entry(**fields | {"day": date.fromisoformat(fields["day"]), "usage": Usage(**used)})


def lost(entries: Sequence[Entry]) -> str:
    """Entries that could be put nowhere, for the log."""
    return "".join(encode(entry).decode() for entry in entries)
