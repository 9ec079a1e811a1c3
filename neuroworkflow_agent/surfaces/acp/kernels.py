"""Where the code of a session runs: in the kernel of a notebook that a Jupyter server of the user's runs, or in one of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.notebooks.belonging import find_kernel
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import Kernels, NotebookKernel

_KERNEL_NAME = "python3"


class SessionKernels(Kernels):
    """The notebook's kernel if it has one, else a new one in its folder."""

    def __init__(self, config: AgentConfig) -> None:
        self._config = config

    async def get(self, path: Path, name: str) -> ClientKernel:
        """See `Kernels.get`."""
        found = await self.find(path)
        if found is not None:
            return found
        return await ClientKernel.start(name, cwd=path.parent, env=self._config.harmless_environ)

    async def find(self, path: Path) -> ClientKernel | None:
        """See `Kernels.find`."""
        runtime_dir = Path(jupyter_runtime_dir())
        kernel_id = await asyncio.to_thread(find_kernel, path, self._config.environ, runtime_dir=runtime_dir)
        return await ClientKernel.connect(runtime_dir / f"kernel-{kernel_id}.json") if kernel_id else None


def kernel_of_session(config: AgentConfig, notebook: Path | None) -> NotebookKernel:
    """The kernel of a session, found or started when code is first run.

    Parameters
    ----------
    notebook
        The notebook that the client says it is about; None for a kernel of the session's own.
    """

    async def wanted() -> str:
        return _KERNEL_NAME

    return NotebookKernel(notebook or config.workspace / "session", SessionKernels(config), wanted)
