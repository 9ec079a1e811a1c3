"""A shell's own notebook as it was last saved, for looking at: what can be had where no page answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.edits import Applied, Edit
from neuroworkflow_agent.notebooks.file_holder import FileHolder
from neuroworkflow_agent.notebooks.reading import Notebook

_UNKNOWN = (
    "Which notebook this kernel belongs to is not known, so its cells cannot be looked up. Name a file of the workspace, or put "
    "what is meant into the message."
)


class SavedNotebook:
    """The notebook's file, wherever it is when it is read; never written.

    Parameters
    ----------
    shell
        The shell, into which VS Code writes its notebook's path.
    session_name
        Gives `JPY_SESSION_NAME`, as Jupyter sets it.
    """

    def __init__(self, shell: Any, session_name: Callable[[], str]) -> None:
        self._shell = shell
        self._session_name = session_name
        self._file: FileHolder | None = None
        self._path: Path | None = None

    @property
    def name(self) -> str:
        return f"{self._path.name} as it was last saved" if self._path else "the notebook"

    async def read(self) -> Notebook:
        path = self._found()
        if path is None:
            raise NotebookError(_UNKNOWN)
        if self._file is None or path != self._path:
            self._file, self._path = FileHolder(path), path
        return await self._file.read()

    async def apply(self, _edits: Sequence[Edit], _running: Collection[str]) -> list[Applied]:
        raise EditRefusedError("The notebook is open in a page, and is not written behind its back.")

    def _found(self) -> Path | None:
        for said in (self._shell.user_ns.get("__vsc_ipynb_file__"), self._session_name()):
            if isinstance(said, str) and said.endswith(".ipynb") and Path(said).is_absolute():
                path = Path(said)
                if path.is_file():
                    return path
        return None
