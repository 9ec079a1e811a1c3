"""The notebooks below one folder, by paths that lead to each in one way only.

`Notebooks` owns those that are open until `aclose`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from neuroworkflow_agent.errors import NotebookError, OutsideWorkspaceError, ToolFailed
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.replacing import Temporary
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import Kernels
from neuroworkflow_agent.surfaces.mcp.served_notebook import ServedNotebook
from neuroworkflow_agent.workspace import Workspace

_MAX_LISTED = 1000
_MAX_LOOKED_AT = 100_000
_MAX_OPEN = 128
_MAX_PATH_CHARS = 4096
_MAKERS: dict[str, Any] = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
HolderMaker = Callable[[Path, str], Awaitable[Holder]]
"""Gives whoever holds the notebook at a canonical path, which clients call so."""


class Notebooks:
    """All of one server.

    Parameters
    ----------
    workspace
        What may be touched.
    kernels
        Gives kernels.
    hold
        Gives holders.
    secrets
        Values to keep from clients, as they are when asked for.
    """

    def __init__(
        self,
        workspace: Workspace,
        kernels: Kernels,
        hold: HolderMaker,
        secrets: Callable[[], frozenset[str]],
    ) -> None:
        self.workspace = workspace
        self._kernels = kernels
        self._hold = hold
        self._secrets = secrets
        self._open: dict[Path, ServedNotebook] = {}

    async def open(self, path: str) -> ServedNotebook:
        """The notebook at a path; aliases of one file give one notebook.

        Raises
        ------
        ToolFailed
            If the path leads out of the folder, or to no notebook.
        """
        place = self._place(path)
        if not place.is_file():
            raise ToolFailed(f"There is no notebook {path!r}. notebook_list names those there are.")
        if place not in self._open:
            await self._close_some()
            holder = await self._hold(place, self.name_of(place))
            self._open.setdefault(
                place, ServedNotebook(place, self.name_of(place), holder, self._kernels, self._secrets)
            )
        found = self._open[place]
        found.touch()
        return found

    def is_open(self, place: Path) -> ServedNotebook | None:
        """The notebook at a canonical path, if a client has it."""
        return self._open.get(place)

    def all_open(self) -> list[ServedNotebook]:
        """Those that clients have."""
        return list(self._open.values())

    def create(self, path: str, cells: Sequence[Mapping[str, Any]], kernel: str) -> str:
        """Create a notebook and say what it is called; never in another file's place.

        Raises
        ------
        ToolFailed
            If there is something, or it cannot be written.
        """
        place = self._place(path)
        made = [_MAKERS[cell.get("cell_type") or "code"](cell["source"]) for cell in cells]
        notebook = new_notebook(cells=made)
        notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel}
        if os.path.lexists(place):
            raise ToolFailed(
                f"There is something at {path!r} already; it was left alone. Choose another name."
            )
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            file = Temporary(place)
            try:
                file.write((nbformat.writes(notebook) + "\n").encode())
                if not file.put(None):
                    raise ToolFailed(f"Somebody else created {path!r} just now; theirs was left alone.")
            finally:
                file.discard()
        except OSError as error:
            raise ToolFailed(f"{path!r} cannot be written: {error.strerror}.") from error
        return self.name_of(place)

    def listed(self, folder: str) -> tuple[list[Path], bool]:
        """Canonical paths of the notebooks below a folder, and whether there are more.

        Raises
        ------
        ToolFailed
            If the folder is outside.
        """
        start = self._resolve(folder or ".")
        found: list[Path] = []
        for place in self._files(start):
            if len(found) == _MAX_LISTED:
                return found, True
            found.append(place)
        return found, False

    def name_of(self, place: Path) -> str:
        """What clients call the file at a canonical path."""
        return place.relative_to(self.workspace.root).as_posix()

    async def aclose(self) -> None:
        """Let go of all. Idempotent."""
        notebooks, self._open = list(self._open.values()), {}
        await asyncio.gather(*(notebook.aclose() for notebook in notebooks))

    def _place(self, path: str) -> Path:
        place = self._resolve(path)
        if place.suffix != ".ipynb":
            raise ToolFailed(f"{path!r} is not the path of a notebook; it ends with .ipynb.")
        return place

    def _resolve(self, path: str) -> Path:
        if len(path) > _MAX_PATH_CHARS:
            raise ToolFailed(f"A path of {len(path)} characters is too long.")
        try:
            return self.workspace.resolve(path)
        except OutsideWorkspaceError as error:
            raise ToolFailed(f"{path!r} leads out of the server's root folder.") from error

    def _files(self, start: Path) -> Iterator[Path]:
        looked_at = 0
        for folder, folders, names in os.walk(start):
            folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
            looked_at += len(names)
            if looked_at > _MAX_LOOKED_AT:
                return
            for name in sorted(names):
                place = Path(folder, name)
                if name.endswith(".ipynb") and not name.startswith(".") and not place.is_symlink():
                    yield place

    async def _close_some(self) -> None:
        """Let go of what was not used for longest, if there are many."""
        idle = sorted((each for each in self._open.values() if each.is_idle), key=lambda each: each.last_used)
        for notebook in idle[: max(0, len(self._open) - _MAX_OPEN + 1)]:
            del self._open[notebook.path]
            await notebook.aclose()
        if len(self._open) >= _MAX_OPEN:
            raise NotebookError(f"{_MAX_OPEN} notebooks are open with running kernels. Close this server.")
