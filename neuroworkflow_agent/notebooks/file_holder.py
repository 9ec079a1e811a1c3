"""Notebook files as holders of a document: opened for each change, or open for as long as a run has them.

A `FileHolder` owns nothing between calls but the notebook as it last read it. An `OpenFileHolder` belongs to
whoever has the file open, and shares a lock with everybody else who changes the notebook in memory.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
import stat
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from neuroworkflow_agent.errors import NotebookError, NotebookLockedError
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.edits import Applied, Edit, apply
from neuroworkflow_agent.notebooks.file import NotebookFile
from neuroworkflow_agent.notebooks.reading import Notebook, parse_notebook, read_text

_LOCK_TIMEOUT_S = 5.0
_LOCK_POLL_S = 0.01
_LOCK_TRIES = 400
"""At least so often is a lock asked for: on a busy machine a process that edits all the time leaves few moments to another."""
_TRIES = 20
_SETTLING_S = 2.0
"""How long after its last change a file that is no notebook may become one: JupyterLab writes into the file that is there."""
T = TypeVar("T")


class FileHolder(Holder):
    """A notebook file that nobody of ours has open.

    Parameters
    ----------
    path
        The file.
    name
        What people call it; its path by default.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self._path = path
        self._name = name or str(path)
        self._signature: tuple[int, int, int] | None = None
        self._notebook: Notebook = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    async def folder(self) -> Path | None:
        return self._path.resolve().parent

    async def read(self) -> Notebook:
        return await asyncio.to_thread(self._read)

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        return await asyncio.to_thread(self._apply, edits, running)

    def _read(self) -> Notebook:
        with self._lock:
            signature = self._look()
            if signature is None or signature != self._signature:
                self._notebook = self._settled(lambda: parse_notebook(read_text(self._path), self.name))
                self._signature = signature
            return self._notebook

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        for _ in range(_TRIES):
            with self._opened() as file:
                applied = apply(file.notebook, edits, running=running)
                if file.replace():
                    with self._lock:
                        self._notebook, self._signature = file.notebook, file.signature
                    return applied
        raise NotebookError(
            f"'{self._path}' is written by another program all the time. Nothing was written by us."
        )

    def _settled(self, read: Callable[[], T]) -> T:
        """What is read of the file; again for a moment where it may be one that another program is writing."""
        deadline = time.monotonic() + _SETTLING_S
        while True:
            try:
                return read()
            except NotebookLockedError:
                raise
            except NotebookError:
                if time.monotonic() > deadline or not self._is_fresh():
                    raise
                time.sleep(_LOCK_POLL_S)

    def _is_fresh(self) -> bool:
        try:
            found = self._path.stat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime < _SETTLING_S

    def _opened(self) -> NotebookFile:
        """The file, once no other process of ours has it."""
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        for tries in itertools.count(1):
            try:
                return self._settled(lambda: NotebookFile.open(self._path, probe=False))
            except NotebookLockedError:
                if time.monotonic() > deadline and tries > _LOCK_TRIES:
                    raise
                time.sleep(random.uniform(0, _LOCK_POLL_S))  # noqa: S311 - not to come always when the other one has it
        raise AssertionError("unreachable: it is asked for without end")


class OpenFileHolder(Holder):
    """The notebook of a file that a run has open; what stands behind its transcript is left alone.

    Parameters
    ----------
    file
        Belongs to the run.
    changing
        Held by whoever changes the notebook.
    save
        Saves the file; called on another thread.
    hidden
        Tells which cells are not the notebook's own but a transcript's; they come last.
    """

    def __init__(
        self,
        file: NotebookFile,
        changing: threading.RLock,
        save: Callable[[], object],
        hidden: Callable[[], Collection[int]],
    ) -> None:
        self._file = file
        self._changing = changing
        self._save = save
        self._hidden = hidden

    @property
    def name(self) -> str:
        return self._file.path.name

    async def folder(self) -> Path | None:
        return self._file.path.resolve().parent

    async def read(self) -> Notebook:
        return await asyncio.to_thread(self._read)

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        return await asyncio.to_thread(self._apply, edits, running)

    def _read(self) -> Notebook:
        with self._changing:
            self._file.refresh()
            own = copy.copy(self._file.notebook)
            own.cells = own.cells[: self._end()]
        return own

    def _apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        with self._changing:
            self._file.refresh()  # an edit of what somebody has changed since is to be refused, not to be a conflict
            applied = apply(self._file.notebook, edits, running=running, end=self._end())
            self._save()
        return applied

    def _end(self) -> int:
        """Where the notebook's own cells end."""
        hidden, cells = self._hidden(), self._file.notebook.cells
        return next((index for index, cell in enumerate(cells) if id(cell) in hidden), len(cells))
