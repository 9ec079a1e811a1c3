"""Where the code of a session runs that is shown beside no notebook: in the kernel of one that a Jupyter server of the user's runs,
or in a kernel of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ConfigError, KernelError, NoKernelSpecError
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.notebooks.belonging import RunningNotebook, running_notebooks
from neuroworkflow_agent.surfaces.chat_kernel.specs import find_spec
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import Kernels, NotebookKernel

KERNEL_NAME = "python3"
"""The kernelspec where none is asked for."""


Running = Callable[[Path], list[RunningNotebook]]
"""Which notebooks below a folder have kernels; asks servers, so not for an event loop."""
_NOT_RUNNING = "{name!r} has no running kernel. Open the notebook in Jupyter, or begin a new chat with a kernel of its own."


def running_of_user(config: AgentConfig) -> Running:
    """Those on servers of this user's."""
    return lambda below: running_notebooks(below, config.environ, runtime_dir=Path(jupyter_runtime_dir()))


class SessionKernels(Kernels):
    """The notebook's kernel if it has one, else a new one in its folder.

    Parameters
    ----------
    config
        Settings, with the environment for a new one.
    running
        Tells of kernels that notebooks have.
    is_attached
        Whether there is no new one, and the notebook's has to be there.
    """

    def __init__(self, config: AgentConfig, running: Running, *, is_attached: bool = False) -> None:
        self._config = config
        self._running = running
        self._is_attached = is_attached

    async def get(self, path: Path, name: str) -> ClientKernel:
        """See `Kernels.get`."""
        found = await self.find(path)
        if found is not None:
            return found
        if self._is_attached:
            raise KernelError(_NOT_RUNNING.format(name=path.name))
        return await ClientKernel.start(name, cwd=path.parent, env=self._config.harmless_environ)

    async def find(self, path: Path) -> ClientKernel | None:
        """See `Kernels.find`."""
        found = await asyncio.to_thread(self._find, path)
        if found is None:
            return None
        file = Path(jupyter_runtime_dir()) / f"kernel-{found.kernel_id}.json"
        return await ClientKernel.connect(file, language=language_of_spec(found.kernel_name))

    def _find(self, path: Path) -> RunningNotebook | None:
        wanted = path.resolve()
        return next((each for each in self._running(wanted.parent) if each.path == wanted), None)


def kernel_of_session(
    config: AgentConfig,
    notebook: Path | None,
    *,
    name: str = KERNEL_NAME,
    running: Running | None = None,
    is_attached: bool = False,
) -> NotebookKernel:
    """The kernel of a session, found or started when code is first run.

    Parameters
    ----------
    notebook
        The notebook that it is about; None for a kernel of the session's own.
    name
        Of the kernelspec of such a one.
    running, is_attached
        As for `SessionKernels`; by default `running_of_user`.
    """

    async def wanted() -> str:
        return name

    kernels = SessionKernels(config, running or running_of_user(config), is_attached=is_attached)
    path = notebook or config.workspace / "session"
    return NotebookKernel(path, kernels, wanted, language=language_of_spec(name))


def language_of_spec(name: str) -> str:
    """Of the kernelspec with this name; Python where there is none."""
    try:
        return find_spec(name).language or "python"
    except (NoKernelSpecError, ConfigError):
        return "python"
