"""The notebook that a shell's user has open: in a page that answers, or elsewhere.

An `OpenNotebook` belongs to a chat. Where the notebook is, is looked for when a tool first asks in a turn; while no
page answers it is looked for again with the next turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuroworkflow_agent.engine.portal import Portal, shared_portal
from neuroworkflow_agent.notebooks.belonging import Belonging, find_notebook
from neuroworkflow_agent.notebooks.document import Holder
from neuroworkflow_agent.notebooks.edits import Applied, Edit
from neuroworkflow_agent.notebooks.elsewhere import Elsewhere
from neuroworkflow_agent.notebooks.page_holder import PageHolder
from neuroworkflow_agent.notebooks.pages import Asker, NoPageError
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.surfaces.notebook_page import PageLink

_TERMINAL = "This is a terminal, which has no notebook."
_NO_CELLS = "Put what is meant into the message, or name a file of the workspace."
_NO_PAGE = "The notebook is open where no page of ours answers."
_NO_SUBSHELLS = (
    "The page cannot answer while this cell runs, since this kernel has no subshells: use ChatPanel(), or "
    "ipykernel 7 or newer."
)


class OpenNotebook(Holder):
    """The notebook of a shell.

    Parameters
    ----------
    shell
        The shell.
    environ
        Gives the kernel's environment.
    in_cell
        Whether turns are asked for by cells, which run meanwhile.
    portal
        The worker thread; None for the process's own.
    """

    def __init__(
        self,
        shell: Any,
        environ: Callable[[], Mapping[str, str]],
        *,
        in_cell: bool,
        portal: Portal | None = None,
    ) -> None:
        self._shell = shell
        self._environ = environ
        self._in_cell = in_cell
        self._portal = portal
        self._page: PageHolder | None = None
        self._link: PageLink | None = None
        self._current: Holder | None = None
        """Where the notebook is, once that was looked for in this turn."""
        self._asker = Asker()
        self._lock = asyncio.Lock()

    def begin(self, asker: Asker) -> None:
        """A turn begins that was asked for there. From any thread, before the turn is sent."""
        self._asker = asker
        self._current = None

    def close(self) -> None:
        """Leave the pages. Idempotent."""
        if self._link is not None:
            self._link.close()

    @property
    def name(self) -> str:
        return self._current.name if self._current is not None else "the notebook"

    @property
    def running(self) -> Collection[str]:
        return self._current.running if self._current is not None else ()

    async def read(self) -> Notebook:
        return await (await self._holder()).read()

    async def apply(self, edits: Sequence[Edit], running: Collection[str]) -> list[Applied]:
        return await (await self._holder()).apply(edits, running)

    async def whole(self, cells: Sequence[Any]) -> list[Any]:
        return await (await self._holder()).whole(cells)

    async def folder(self) -> Path | None:
        if getattr(self._shell, "kernel", None) is None:
            return None
        found = await asyncio.to_thread(belonging, self._shell, self._environ())
        return found.path.resolve().parent if found.path else None

    async def mark(self, cell: str, *, is_running: bool) -> None:
        await (await self._holder()).mark(cell, is_running=is_running)

    async def show(self, cell: str, outputs: Sequence[Any]) -> None:
        await (await self._holder()).show(cell, outputs)

    # -- where it is ----------------------------------------------------------------------------------

    async def _holder(self) -> Holder:
        async with self._lock:
            while (current := self._current) is None:
                asker = self._asker
                found = await self._find(asker)
                # A stopped turn's last call may end when the next turn has begun, which was asked for elsewhere.
                if asker is self._asker:
                    self._current = found
            return current

    async def _find(self, asker: Asker) -> Holder:
        kernel = getattr(self._shell, "kernel", None)
        if kernel is None:
            return Elsewhere(_TERMINAL, None, self._proposer(), unknown=_NO_CELLS)
        if self._in_cell and not getattr(kernel, "_supports_kernel_subshells", False):
            return await self._elsewhere(_NO_SUBSHELLS)
        if self._link is None:
            self._link = PageLink(self._shell, self._portal or shared_portal())
        if self._page is None:
            self._page = PageHolder(self._link.pages)
        self._page.begin(asker)
        try:
            await self._page.read()
        except NoPageError:
            return await self._elsewhere(_NO_PAGE)
        return self._page

    async def _elsewhere(self, why: str) -> Elsewhere:
        found = await asyncio.to_thread(belonging, self._shell, self._environ())
        return Elsewhere(why, found.path, self._proposer())

    def _proposer(self) -> Callable[[str], None] | None:
        return self._shell.set_next_input if self._in_cell else None


def has_notebook(shell: Any) -> bool:
    """Whether there may be cells to edit, or a prompt to propose code at: in a kernel and in IPython's terminal."""
    return getattr(shell, "kernel", None) is not None or hasattr(shell, "pt_app")


def belonging(shell: Any, environ: Mapping[str, str]) -> Belonging:
    """Which notebook a shell's kernel belongs to. Asks its server, so not for an event loop."""
    from ipykernel.connect import get_connection_file
    from jupyter_core.paths import jupyter_runtime_dir

    kernel_id = Path(get_connection_file()).stem.removeprefix("kernel-")
    return find_notebook(
        environ,
        kernel_id=kernel_id,
        runtime_dir=Path(jupyter_runtime_dir()),
        editor_path=shell.user_ns.get("__vsc_ipynb_file__"),
    )
