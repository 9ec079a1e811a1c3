"""A chat beside the cells of the kernel that it lives in.

`InNotebook` owns the way to the kernel's main thread, the watch over the user's cells, and the link to the notebook's pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.kernels.activity import Activity
from neuroworkflow_agent.kernels.own import OwnKernel
from neuroworkflow_agent.notebooks.pages import Asker
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.undo import LiveNames, Undo
from neuroworkflow_agent.surfaces.notebook_page import asker_of
from neuroworkflow_agent.surfaces.panel.attachments import describe_variable, find_variables
from neuroworkflow_agent.surfaces.panel.surroundings import Surroundings
from neuroworkflow_agent.surfaces.panel.variables import VariablesTable

if TYPE_CHECKING:
    from neuroworkflow_agent.notebooks.document import NotebookDocument
    from neuroworkflow_agent.surfaces.open_notebook import OpenNotebook

_FREE_S = 5.0
"""How long an undo waits for the kernel."""


class InNotebook(Surroundings):
    """The kernel of this process, and the notebook that it belongs to.

    Parameters
    ----------
    shell
        Its shell.
    portal
        The worker thread.
    environ
        Gives the kernel's environment.

    Raises
    ------
    KernelError
        If there is no Jupyter kernel.
    """

    def __init__(self, shell: Any, portal: Portal, environ: Callable[[], Mapping[str, str]]) -> None:
        self._shell = shell
        self._portal = portal
        self._environ = environ
        self._on_interrupt: Callable[[], None] = lambda: None
        self._hide: Callable[[str], str] = str
        self._undo = Undo(LiveNames(shell))
        self._kernel = OwnKernel(
            shell,
            on_interrupt=self._interrupted,
            hide=self._hidden,
            watch=self._undo,
        )
        self._activity = Activity(shell)
        self._variables: VariablesTable | None = None

    @property
    def kernel(self) -> OwnKernel:
        return self._kernel

    @property
    def undo(self) -> Undo:
        return self._undo

    @cached_property
    def _notebook(self) -> OpenNotebook:
        """What it needs is imported when a session is first made."""
        from neuroworkflow_agent.surfaces.open_notebook import OpenNotebook

        return OpenNotebook(self._shell, self._environ, in_cell=False, portal=self._portal)

    @cached_property
    def document(self) -> NotebookDocument:
        from neuroworkflow_agent.notebooks.document import NotebookDocument

        return NotebookDocument(self._notebook)

    def attach(
        self,
        *,
        on_interrupt: Callable[[], None],
        on_cell: Callable[[], None],
        hide: Callable[[str], str],
    ) -> None:
        self._on_interrupt, self._hide = on_interrupt, hide
        self._activity.on_cell = on_cell
        self._activity.attach()

    def _interrupted(self) -> None:
        self._on_interrupt()

    def _hidden(self, text: str) -> str:
        return self._hide(text)

    def detach(self) -> None:
        self._activity.detach()

    async def aclose(self) -> None:
        self.leave_variables()
        await self._kernel.aclose()
        if "_notebook" in vars(self):
            await asyncio.to_thread(self._notebook.close)

    def asker(self) -> Asker:
        return asker_of(self._shell)

    def begin(self, asker: Asker) -> None:
        self._notebook.begin(asker)

    def exclusively(self, function: Callable[[], list[Effect]]) -> list[Effect]:
        try:
            return self._portal.call(self._kernel.call(function, wait_s=_FREE_S))
        except TimeoutError:
            raise ConfigError("The kernel is busy. Undo the turn when the running cell has ended.") from None

    def take_activity(self, max_chars: int) -> str:
        return self._activity.take(max_chars, self._hide)

    @property
    def error_name(self) -> str:
        return self._activity.last_error_name

    def error(self) -> str:
        return self._activity.last_error(self._hide)

    async def find_variables(self, query: str, limit: int) -> list[tuple[str, str]]:
        return find_variables(query, self._kernel.namespace, limit)

    async def describe(self, name: str) -> str | None:
        return describe_variable(name, self._kernel.namespace)

    def watch_variables(self, post: Callable[[dict[str, Any]], None]) -> None:
        if self._variables is None:
            namespace = self._kernel.namespace
            self._variables = VariablesTable(self._shell, namespace, self._portal, post, self._hide)
        self._variables.watch()

    def leave_variables(self) -> None:
        if self._variables is not None:
            self._variables.close()
