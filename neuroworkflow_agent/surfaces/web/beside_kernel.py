"""A chat beside a kernel in another process, where no cells of the user's are watched.

`BesideKernel` owns that kernel, unless it is a notebook's on a Jupyter server; it is started when code is first run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.base import Execution, Kernel
from neuroworkflow_agent.kernels.variables.elsewhere import list_variables
from neuroworkflow_agent.notebooks.pages import Asker
from neuroworkflow_agent.outputs import OutputChange, OutputListener, with_texts
from neuroworkflow_agent.state.effects import Effect
from neuroworkflow_agent.state.undo import Undo
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import NotebookKernel
from neuroworkflow_agent.surfaces.panel.surroundings import Surroundings

_LISTED_S = 1.0
"""How long a kernel may take to say what its variables are; while code runs it does not."""


class BesideKernel(Surroundings):
    """The kernel of one chat.

    Parameters
    ----------
    kernel
        The kernel, started or not.
    is_own
        Whether it is the chat's own, rather than a notebook's, which runs already.
    """

    document = None
    error_name = ""

    def __init__(self, kernel: NotebookKernel, *, is_own: bool = True) -> None:
        self._inner = kernel
        self._is_own = is_own
        self._kernel = ShownKernel(kernel)
        self._undo = Undo(kernel=kernel)
        self._listing: asyncio.Task[list[dict[str, str]]] | None = None
        """Asks the kernel for its variables; one at a time."""

    @property
    def kernel(self) -> ShownKernel:
        return self._kernel

    @property
    def undo(self) -> Undo:
        return self._undo

    def attach(
        self,
        *,
        on_interrupt: Callable[[], None],  # noqa: ARG002 - nobody else has the kernel
        on_cell: Callable[[], None],  # noqa: ARG002
        hide: Callable[[str], str],
    ) -> None:
        self._kernel.hide = hide

    def detach(self) -> None:
        return

    async def aclose(self) -> None:
        if self._listing is not None:
            self._listing.cancel()
        await self._kernel.aclose()
        if self._listing is not None:
            await asyncio.wait([self._listing])

    def asker(self) -> Asker:
        return Asker()

    def begin(self, asker: Asker) -> None:  # noqa: ARG002 - there is no notebook
        return

    def exclusively(self, function: Callable[[], list[Effect]]) -> list[Effect]:
        return function()

    def take_activity(self, max_chars: int) -> str:  # noqa: ARG002 - nothing does
        return ""

    async def rest(self) -> bool:
        """End a kernel of the chat's own in which nothing runs; the next code starts another one. Whether there was one."""
        if self._kernel.is_running or not self._inner.is_started:
            return False
        await self._inner.aclose()
        return True

    def error(self) -> str:
        return ""

    async def find_variables(self, query: str, limit: int) -> list[tuple[str, str]]:
        wanted = query.casefold()
        found = [each for each in await self._variables() if wanted in each["name"].casefold()]
        found.sort(key=lambda each: not each["name"].casefold().startswith(wanted))
        return [(each["name"], each["type"]) for each in found[:limit]]

    async def describe(self, name: str) -> str | None:
        about = next((each for each in await self._variables() if each["name"] == name), None)
        if about is None:
            return None
        return " ".join(filter(None, (about["type"], about.get("shape"), about.get("value"))))

    def watch_variables(self, post: Callable[[dict[str, Any]], None]) -> None:  # noqa: ARG002 - no page shows them
        return

    def leave_variables(self) -> None:
        return

    async def _variables(self) -> list[dict[str, str]]:
        """What there is; empty where no kernel runs, it is not Python's, or it is busy."""
        if self._is_own and not self._inner.is_started:
            return []
        if self._listing is None or self._listing.done():
            self._listing = asyncio.create_task(self._listed())
        # Not given up: what a kernel was sent can only be stopped once it has begun, behind the user's cell.
        done, _ = await asyncio.wait([self._listing], timeout=_LISTED_S)
        return self._listing.result() if done else []

    async def _listed(self) -> list[dict[str, str]]:
        try:
            return await list_variables(await self._inner.started())
        except KernelError:
            return []


class ShownKernel(Kernel):
    """A kernel whose outputs are shown without known secrets.

    Parameters
    ----------
    inner
        The kernel.
    """

    def __init__(self, inner: NotebookKernel) -> None:
        self._inner = inner
        self.hide: Callable[[str], str] = str
        """Takes known secrets out of a text."""
        self._count = 0

    @property
    def is_running(self) -> bool:
        """Whether code runs."""
        return self._count > 0

    @property
    def language(self) -> str:
        return self._inner.language

    async def execute(
        self, source: str, *, on_output: OutputListener | None = None, **more: Any
    ) -> Execution:
        def shown(change: OutputChange) -> None:
            if on_output is not None:
                on_output(with_texts(change, self.hide))

        self._count += 1
        try:
            return await self._inner.execute(source, on_output=shown, **more)
        finally:
            self._count -= 1

    async def interrupt(self) -> None:
        await self._inner.interrupt()

    async def aclose(self) -> None:
        await self._inner.aclose()
