"""Kernels of a Jupyter server for its notebooks: the one that a person uses too, or a new one for both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from jupyter_server.utils import ensure_async

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.managed import ManagedKernel
from neuroworkflow_agent.notebooks.belonging import file_of
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import Kernels


class ServerKernels(Kernels):
    """Kernels of one server; they stay when clients go.

    Parameters
    ----------
    serverapp
        The server.
    """

    def __init__(self, serverapp: Any) -> None:
        self._sessions = serverapp.session_manager
        self._kernels = serverapp.kernel_manager
        self._root = Path(serverapp.contents_manager.root_dir).resolve()
        self._connected: dict[str, ManagedKernel] = {}
        self._starting = asyncio.Lock()

    async def get(self, path: Path, name: str) -> ClientKernel:
        async with self._starting:
            if found := await self.find(path):
                return found
            api_path = path.relative_to(self._root).as_posix()
            try:
                session = await self._sessions.create_session(
                    path=api_path, name=path.name, type="notebook", kernel_name=name
                )
            except Exception as error:  # whatever a server's own managers raise
                raise KernelError(f"The server could not start the kernel {name!r}: {error}") from error
            return await self._connect(session["kernel"]["id"])

    async def find(self, path: Path) -> ClientKernel | None:
        for session in await self._sessions.list_sessions():
            if session.get("type") == "notebook" and self._is_at(session.get("path", ""), path):
                return await self._connect(session["kernel"]["id"])
        return None

    def _is_at(self, api_path: str, path: Path) -> bool:
        return file_of(self._root, api_path).resolve() == path

    async def _connect(self, kernel_id: str) -> ManagedKernel:
        self._connected = {known: each for known, each in self._connected.items() if not each.is_closed}
        if kernel_id not in self._connected:
            manager = self._kernels.get_kernel(kernel_id)
            self._connected[kernel_id] = await ManagedKernel.of(
                manager,
                is_there=lambda: kernel_id in self._kernels,
                restart=lambda: ensure_async(self._kernels.restart_kernel(kernel_id)),
            )
        return self._connected[kernel_id]
