"""One notebook that clients work on: its document, its kernel, and what each client has read of it.

`ServedNotebook` owns its kernel until `aclose`.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuroworkflow_agent.notebooks.document import Holder, NotebookDocument
from neuroworkflow_agent.notebooks.reading import kernel_name
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import Kernels, NotebookKernel
from neuroworkflow_agent.tools.notebook import NotebookTools
from neuroworkflow_agent.tools.registry import Tool
from neuroworkflow_agent.tools.run_code import RunCode

Tools = dict[str, Tool]


class ServedNotebook:
    """One notebook.

    Parameters
    ----------
    path
        Its file, canonical.
    name
        What clients call it.
    holder
        Who has its newest state.
    kernels
        Gives its kernel.
    secrets
        Values to keep from clients, as they are when asked for.
    """

    def __init__(
        self, path: Path, name: str, holder: Holder, kernels: Kernels, secrets: Callable[[], frozenset[str]]
    ) -> None:
        self.path = path
        self.name = name
        self.holder = holder
        self.document = NotebookDocument(holder)
        self.kernel = NotebookKernel(path, kernels, self._kernel_name)
        self.code = RunCode(self.kernel, _nobody, _nobody, _nobody, secrets)
        self.last_used = time.monotonic()
        self._secrets = secrets
        self._tools: weakref.WeakKeyDictionary[Any, Tools] = weakref.WeakKeyDictionary()

    def tools_of(self, client: Any) -> Tools:
        """The agent's tools for this notebook as one client has them: they know what it has read."""
        if client is None:
            return self._new_tools()
        if client not in self._tools:
            self._tools[client] = self._new_tools()
        return self._tools[client]

    def touch(self) -> None:
        """Note that a client uses it."""
        self.last_used = time.monotonic()

    @property
    def idle_s(self) -> float:
        """Seconds since a client used it."""
        return round(time.monotonic() - self.last_used, 1)

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it would be lost with it."""
        return not (self.code.is_running or self.kernel.is_started)

    async def aclose(self) -> None:
        """Let go of the kernel and of the notebook. Idempotent."""
        await self.kernel.aclose()
        close = getattr(self.holder, "aclose", None)
        if close is not None:
            await close()

    def _new_tools(self) -> Tools:
        made = NotebookTools(self.document, self.code, self._secrets)
        return {tool.name: tool for tool in made.offered}

    async def _kernel_name(self) -> str:
        return kernel_name(await self.document.snapshot())


def _nobody(*_about: Any) -> None:
    """Whoever called sees the outputs in the answer."""
