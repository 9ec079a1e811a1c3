"""One notebook file, replaced as a whole: at any moment it is the old or the new notebook, never less.

`NotebookFile` owns the path it was opened for and, during a save, one temporary file beside it. A process
killed in the middle leaves at most that file, which the next save of the same notebook overwrites.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat

from neuroworkflow_agent.errors import NotebookConflictError, NotebookError
from neuroworkflow_agent.notebooks.document import Notebook, parse_notebook, read_text

SUFFIX = ".neuroworkflow-tmp"
_REPLACE_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Seen:
    """The file as we last knew it."""

    signature: tuple[int, int, int] | None
    """(inode, size, mtime in ns); None if there was no file."""
    digest: str
    """Of its bytes."""


class NotebookFile:
    """A notebook and where it is kept.

    Made by `open`. `notebook` may be changed freely; `save` writes it.
    """

    def __init__(self, notebook: Notebook, target: Path, seen: _Seen) -> None:
        self.notebook = notebook
        self.path = target
        """Where `save` writes; changes once, if someone else writes there."""
        self._seen = seen

    @classmethod
    def open(cls, path: Path, *, output: Path | None = None, upgrade: bool = False) -> NotebookFile:
        """Read the notebook at `path`, to be saved there or at `output`.

        Raises
        ------
        NotebookError
            If it cannot be read, or could not be saved; nothing has been written then.
        """
        notebook = parse_notebook(read_text(path), str(path), upgrade=upgrade)
        target = Path(os.path.realpath(output or path))
        if target.is_dir():
            raise NotebookError(f"'{output}' is a directory; name the notebook to write.")
        file = cls(notebook, target, _look(target))
        file._check_writable()
        return file

    def save(self) -> NotebookConflictError | None:
        """Replace the file by the notebook as it is now.

        If someone else changed the file meanwhile, theirs is kept and ours goes beside it, there and from
        then on; a file that someone deleted is written again.

        Returns
        -------
        NotebookConflictError or None
            The conflict, the one time it is found.

        Raises
        ------
        NotebookError
            If the file could not be written; the old one is as it was.
        """
        data = nbformat.writes(self.notebook).encode() + b"\n"
        conflict = None
        if self._changed_by_others():
            before, self.path = self.path, self._beside()
            conflict = NotebookConflictError(before, self.path)
        self._replace(data)
        self._seen = _Seen(_signature(self.path), hashlib.sha256(data).hexdigest())
        return conflict

    def _changed_by_others(self) -> bool:
        signature = _signature(self.path)
        if signature is None or signature == self._seen.signature:
            return False
        return _look(self.path).digest != self._seen.digest

    def _beside(self) -> Path:
        stem = f"{self.path.stem}.agent-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        candidates = (
            self.path.with_name(f"{stem}{extra}.ipynb") for extra in ("", *(f"-{n}" for n in range(1, 1000)))
        )
        return next(candidate for candidate in candidates if not candidate.exists())

    def _replace(self, data: bytes) -> None:
        temporary = self._temporary()
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(self.path.stat().st_mode & 0o7777)
            _move(temporary, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise _not_saved(self.path, error) from error
        _sync_directory(self.path.parent)

    def _check_writable(self) -> None:
        """Try what a save does, short of the replacing."""
        temporary = self._temporary()
        try:
            with temporary.open("wb") as stream:
                stream.write(b" " * 4096)
                stream.flush()
                os.fsync(stream.fileno())
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise _not_saved(self.path, error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _temporary(self) -> Path:
        return self.path.with_name(f".{self.path.name}{SUFFIX}")


def _not_saved(path: Path, error: OSError) -> NotebookError:
    return NotebookError(
        f"'{path}' cannot be written: {error.strerror or error}. Free some space or permission, or pass --output PATH."
    )


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _look(path: Path) -> _Seen:
    signature = _signature(path)
    if signature is None:
        return _Seen(None, "")
    try:
        return _Seen(signature, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise NotebookError(f"'{path}' cannot be read: {error.strerror}.") from error


def _move(source: Path, target: Path) -> None:
    """Replace `target`; on Windows a reader may hold it for a moment."""
    for attempt in range(_REPLACE_ATTEMPTS):
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == _REPLACE_ATTEMPTS - 1:
                raise
            time.sleep(0.05 * 2**attempt)


def _sync_directory(directory: Path) -> None:
    """Make the rename durable; where directories cannot be opened there is nothing to do."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
