"""One notebook file, replaced as a whole: at any moment it is the old or the new notebook, never less.

`NotebookFile` owns the path it was opened for, from `open` to `close` a lock against other runs of ours, and during
a save one temporary file beside it. A process killed in the middle leaves at most that file, which the next run
of the same notebook removes. Who knows nothing of locks, as JupyterLab, may write at any moment: theirs stays.
"""

from __future__ import annotations

import contextlib
import os
import stat
from datetime import datetime
from pathlib import Path
from typing import Self

import nbformat

from neuroworkflow_agent.errors import NotebookConflictError, NotebookError, NotebookLockedError
from neuroworkflow_agent.notebooks.merging import fingerprint, merge
from neuroworkflow_agent.notebooks.reading import Notebook, parse_notebook, read_text
from neuroworkflow_agent.replacing import Seen, Temporary, lock, look, sweep
from neuroworkflow_agent.text import as_json_text

_MERGES = 5
"""How often a save takes in what somebody wrote who writes all the time."""


class NotebookFile:
    """A notebook and where it is kept.

    Made by `open`. `notebook` may be changed freely; `save` writes it; `close` lets others write.
    """

    def __init__(
        self, notebook: Notebook, target: Path, seen: Seen | None, descriptor: int, base: str | None
    ) -> None:
        self.notebook = notebook
        self.path = target
        """Where `save` writes; changes once, if someone else writes there."""
        self._seen = seen
        """The file as we last knew it; None if there was none."""
        self._lock = descriptor
        """The open file that holds our lock; -1 without any."""
        self._base = base
        """What the file said as we last knew it; None if that is not what `notebook` came from."""

    @classmethod
    def open(
        cls, path: Path, *, output: Path | None = None, upgrade: bool = False, probe: bool = True
    ) -> NotebookFile:
        """Read the notebook at `path`, to be saved there or at `output`.

        Parameters
        ----------
        upgrade
            As `parse_notebook`.
        probe
            Find out now whether a save would work, and not only when there is something to lose.

        Raises
        ------
        NotebookError
            If it cannot be read, could not be saved, or another run has it; nothing has been written then.
        """
        target = Path(os.path.realpath(output or path))
        is_same = os.path.realpath(path) == str(target)
        if not is_same:
            notebook = parse_notebook(read_text(path), str(path), upgrade=upgrade)
        if target.is_dir():
            wanted = "the notebook to write" if output else "a notebook in it"
            raise NotebookError(f"'{output or path}' is a directory; name {wanted}.")
        descriptor = _locked(target)
        try:
            # Read by whoever has the lock: what another run wrote until then is not ours to put back.
            seen, base = _look(target), None
            if is_same:
                notebook = parse_notebook(base := read_text(path), str(path), upgrade=upgrade)
            file = cls(notebook, target, seen, descriptor, base)
            sweep(target)
            if probe:
                file._check_writable()
        except BaseException:
            _close(descriptor)
            raise
        return file

    @property
    def signature(self) -> tuple[int, int, int] | None:
        """(inode, size, mtime in ns) of the file as it was last read or written; None if there was none."""
        return self._seen.signature if self._seen is not None else None

    def refresh(self) -> bool:
        """Bring what someone else has written since into the notebook, cell by cell.

        Returns
        -------
        bool
            Whether there was something that could be taken in; the next `save` says what becomes of the rest.
        """
        try:
            is_known = self._seen is None or self._seen.is_at(self.path)
        except OSError:
            return False
        return not is_known and self._take_theirs()

    def replace(self) -> bool:
        """Replace the file by the notebook as it is now, unless someone else changed the file meanwhile.

        Returns
        -------
        bool
            Whether it was replaced.

        Raises
        ------
        NotebookError
            If the file could not be written; the old one is as it was.
        """
        return self._put(as_json_text(nbformat.writes(self.notebook)) + "\n")

    def save(self, *, merging: bool = False) -> NotebookConflictError | None:
        """Replace the file by the notebook as it is now.

        If someone else changed the file meanwhile, theirs is kept and ours goes beside it, there and from
        then on; a file that someone deleted is written again.

        Parameters
        ----------
        merging
            First try to take what someone else changed into the notebook, cell by cell.

        Returns
        -------
        NotebookConflictError or None
            The conflict, the one time it is found.

        Raises
        ------
        NotebookError
            If the file could not be written; the old one is as it was.
        """
        for _ in range(_MERGES):
            if self.replace():
                return None
            if not (merging and self._take_theirs()):
                break
        data = as_json_text(nbformat.writes(self.notebook)) + "\n"
        before, self.path, self._seen = self.path, self._beside(), None
        while not self._put(data):
            self.path = self._beside()
        return NotebookConflictError(before, self.path)

    def close(self) -> None:
        """Let other runs have the notebook. Idempotent."""
        descriptor, self._lock = self._lock, -1
        _close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _take_theirs(self) -> bool:
        """Bring what someone else wrote into the notebook; False if that cannot be done."""
        try:
            seen, text = _look(self.path), read_text(self.path)
            theirs = parse_notebook(text, str(self.path))
            base = fingerprint(parse_notebook(self._base, str(self.path))) if self._base else None
        except NotebookError:
            return False
        if not merge(base, self.notebook, theirs):
            return False
        self._seen, self._base = seen, text
        return True

    def _put(self, text: str) -> bool:
        """Write; False if the file is not the one we know."""
        try:
            known = self._seen if self.path.exists() else None
            temporary = Temporary(self.path)
            try:
                temporary.write(text.encode())
                if not temporary.put(known):
                    temporary.rescue(self._beside())
                    return False
                self.close()
                self._seen, self._lock, self._base = temporary.seen, temporary.take_descriptor(), text
            finally:
                temporary.discard()
        except OSError as error:
            raise _not_saved(self.path, error) from error
        _sync_directory(self.path.parent)
        return True

    def _beside(self) -> Path:
        tail = f".agent-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        stem = _clipped(self.path.stem, len(tail) + len("-999.ipynb"))
        candidates = (
            self.path.with_name(f"{stem}{tail}{extra}.ipynb")
            for extra in ("", *(f"-{n}" for n in range(1, 1000)))
        )
        return next(candidate for candidate in candidates if not candidate.exists())

    def _check_writable(self) -> None:
        """Try what a save does, short of the replacing."""
        try:
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise PermissionError(13, "Permission denied")
            probe = Temporary(self.path)
            try:
                probe.write(b" " * 4096)
            finally:
                probe.discard()
        except OSError as error:
            raise _not_saved(self.path, error) from error


def _locked(target: Path) -> int:
    """The target, open and locked; -1 if there is none to lock, or none that may be opened."""
    while True:
        try:
            descriptor = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return -1
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise NotebookError(f"'{target}' is not a regular file; name the notebook to write.")
        if not lock(descriptor):
            os.close(descriptor)
            raise NotebookLockedError(target)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(found, target.stat()):
                return descriptor
        os.close(descriptor)  # replaced by the run that had it; the new file is the one to lock


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _not_saved(path: Path, error: OSError) -> NotebookError:
    return NotebookError(
        f"'{path}' cannot be written: {error.strerror or error}. Free some space or permission, or pass --output PATH."
    )


def _look(path: Path) -> Seen | None:
    try:
        return look(path)
    except OSError as error:
        raise NotebookError(f"'{path}' cannot be read: {error.strerror}.") from error


def _clipped(stem: str, room: int) -> str:
    """The beginning of a name, so that `room` bytes more fit into what file systems take."""
    return os.fsencode(stem)[: 255 - room].decode(errors="ignore")


def _sync_directory(directory: Path) -> None:
    """Make the rename durable; where directories cannot be opened there is nothing to do."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
