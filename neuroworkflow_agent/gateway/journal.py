"""What was used and is not in the database yet: files of lines, which outlive a process that is killed.

`Journal` owns one file that it appends to, and whatever files of dead processes it finds; a lock on each, which ends
with the process, tells the dead from the living. Every entry has the id of its request, so that one which is read
again after it has been written counts once. In memory is only where to read on.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.gateway.journal_file import JournalFile, encode
from neuroworkflow_agent.gateway.totals import Entry

_log = logging.getLogger("neuroworkflow_agent.gateway")
_SUFFIX = ".jsonl"
_ROTATE_BYTES = 2**20


class Journal:
    """Entries that the database does not have yet, in the order in which they came.

    Parameters
    ----------
    directory
        Where its files are; made if need be, for this user alone. Several gateways may share it.
    database_url
        Which database they are for: another one's are left alone.
    """

    def __init__(self, directory: Path, database_url: str) -> None:
        self._directory = directory
        self._for = _fingerprint(database_url)
        self._files: list[JournalFile] = []
        self._given: tuple[JournalFile, int] | None = None

    def prepare(self) -> None:
        """Make the directory, and find out if entries can be kept there.

        Raises
        ------
        ConfigError
            If not.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._begin_file()
            self._files.pop().remove()
        except OSError as error:
            raise self._cannot_be_kept(error) from None

    def open(self) -> None:
        """Take up what dead processes left, and begin a file.

        Raises
        ------
        ConfigError
            If the directory cannot be written to.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = sorted(self._directory.glob(f"*{_SUFFIX}"))
            ours = [path for path in found if path.name.startswith(f"{self._for}-")]
            self._files = [taken for path in ours if (taken := JournalFile.take(path)) is not None]
            self._begin_file()
        except OSError as error:
            raise self._cannot_be_kept(error) from None
        if len(found) > len(ours):
            _log.warning("%s has entries for another database; they stay there.", self._directory)

    @property
    def is_empty(self) -> bool:
        """Whether the database has everything."""
        return all(file.is_read for file in self._files)

    def append(self, entry: Entry) -> None:
        """Add an entry; it outlives this process from now on.

        Raises
        ------
        OSError
            If it cannot be written; the file is as it was.
        """
        if self._files[-1].size > _ROTATE_BYTES:
            self._begin_file()
        self._files[-1].append(encode(entry))

    def next(self, most: int) -> list[Entry]:
        """The oldest entries; the same ones again until they are settled."""
        while (file := next((file for file in self._files if not file.is_read), None)) is not None:
            entries, end = file.read(most)
            self._given = file, end
            if entries:
                return entries
            self.settle()  # nothing there that can be read
        self._given = None
        return []

    def settle(self) -> None:
        """The database has what `next` gave last."""
        if self._given is None:
            return
        (file, end), self._given = self._given, None
        file.done = end
        if not file.is_read:
            return
        if file is self._files[-1]:
            file.empty()
        else:
            self._files.remove(file)
            file.remove()

    def sync(self) -> None:
        """Have the system write it to the disk, so that it outlives the machine's end, too. Blocks."""
        for file in list(self._files):
            if not file.is_read:
                with suppress(OSError):
                    os.fsync(file.descriptor)

    def close(self) -> None:
        """End; files with entries stay for the next process."""
        for file in self._files:
            if file.is_read:
                file.remove()
            else:
                _log.error("%s keeps what could not be written; the next start writes it.", file.path)
                file.close()
        self._files = []

    def _cannot_be_kept(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"What is used cannot be kept in {str(self._directory)!r}: {error.strerror}. Set NEUROWORKFLOW_GATEWAY_JOURNAL_DIR to a directory that the gateway may write to."
        )

    def _begin_file(self) -> None:
        self._files.append(JournalFile.make(self._directory / f"{self._for}-{uuid4().hex}{_SUFFIX}"))


def _fingerprint(database_url: str) -> str:
    """Tells databases apart; passwords change, and have no place in a name."""
    parts = urlsplit(database_url)
    return hashlib.sha256(f"{parts.hostname}:{parts.port}{parts.path}".encode()).hexdigest()[:8]
