"""The notebook of a chat kernel: read as it was saved last; new code is proposed below the prompt, as any kernel may do.

A `SavedNotebook` belongs to its conversation. Where the notebook is, is looked for when a tool, or a message, first asks in a turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from neuroworkflow_agent.notebooks.belonging import Belonging, find_notebook
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.edits import Applied, Edit
from neuroworkflow_agent.notebooks.elsewhere import Elsewhere
from neuroworkflow_agent.notebooks.reading import Notebook

_WHY = "A chat kernel reaches no cell of a page."


class SavedNotebook(Holder):
    """Of one chat kernel.

    Parameters
    ----------
    environ
        Gives the kernel's environment.
    kernel_id
        By which a Jupyter server knows the chat kernel; empty if it does not.
    propose
        Shows one new code cell when the prompt's cell has ended.
    """

    def __init__(
        self, environ: Callable[[], Mapping[str, str]], kernel_id: str, propose: Callable[[str], None]
    ) -> None:
        self._environ = environ
        self._kernel_id = kernel_id
        self._propose = propose
        self._current: Elsewhere | None = None
        self._lock = asyncio.Lock()

    def begin(self) -> None:
        """A turn begins. From any thread, before it is sent."""
        self._current = None

    def find(self) -> Belonging:
        """Which one it is. Asks a server, so not for an event loop."""
        return find_notebook(
            self._environ(), kernel_id=self._kernel_id, runtime_dir=Path(jupyter_runtime_dir())
        )

    @property
    def name(self) -> str:
        return self._current.name if self._current is not None else "the notebook"

    async def read(self) -> Notebook:
        return await (await self._holder()).read()

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        return await (await self._holder()).apply(edits, running)

    async def folder(self) -> Path | None:
        return await (await self._holder()).folder()

    async def _holder(self) -> Elsewhere:
        async with self._lock:
            if self._current is None:
                found = await asyncio.to_thread(self.find)
                self._current = Elsewhere(_WHY, found.path, self._propose)
            return self._current
