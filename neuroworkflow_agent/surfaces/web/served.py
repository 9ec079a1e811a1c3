"""The chats of a Jupyter server: its files are the workspace, its notebooks' kernels can be attached to.

`ServedChats` is made on a thread that may wait, and lives on the server's loop until `aclose`; it owns the chats.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.notebooks.belonging import RunningNotebook, notebooks_of
from neuroworkflow_agent.surfaces.web.app import WebApp
from neuroworkflow_agent.surfaces.web.chats import Chats
from neuroworkflow_agent.surfaces.web.guard import Guard

_LOOK_S = 30.0
_END_TIMEOUT_S = 8.0
_SESSIONS_TIMEOUT_S = 10.0
_ACTIVITY = "neuroworkflow_agent_last_activity"
"""Settings of such a name say when the server was last of use; a hub ends servers that are not."""


class ServedChats:
    """What answers at `/neuroworkflow`.

    Parameters
    ----------
    serverapp
        The server.
    idle_s, max_open
        As for `Chats`.
    """

    def __init__(self, serverapp: Any, *, idle_s: float, max_open: int) -> None:
        self._serverapp = serverapp
        self._limits = (idle_s, max_open)
        self._loop: asyncio.AbstractEventLoop = serverapp.io_loop.asyncio_loop
        self._portal = shared_portal()
        self._chats = self._portal.call(self._make(_config(serverapp)))
        self._web = WebApp(self._chats, self._portal)
        self.app = Guard(self._web.asgi)
        self._looking = asyncio.run_coroutine_threadsafe(self._tell_activity(), self._loop)

    async def aclose(self) -> None:
        """End the chats. Idempotent."""
        self._looking.cancel()
        self._web.end_streams()
        if self._portal.is_alive:
            closing = asyncio.wrap_future(self._portal.submit(self._chats.aclose()))
            await asyncio.wait([closing], timeout=_END_TIMEOUT_S)

    async def _make(self, config: AgentConfig) -> Chats:
        idle_s, most = self._limits
        return Chats(config, self._portal, running=self._running, idle_s=idle_s, most=most)

    def _running(self, below: Path) -> list[RunningNotebook]:
        """Notebooks with kernels, as this server itself knows them. On a thread that may wait."""
        server = self._serverapp

        async def sessions() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = await server.session_manager.list_sessions()
            return found

        listed = asyncio.run_coroutine_threadsafe(sessions(), self._loop).result(_SESSIONS_TIMEOUT_S)
        root, below = Path(server.contents_manager.root_dir).resolve(), below.resolve()
        return [each for each in notebooks_of(listed, root) if each.path.is_relative_to(below)]

    async def _tell_activity(self) -> None:
        """An agent at work is of use, also when no page is open."""
        while True:
            if self._chats.is_busy:
                self._serverapp.web_app.settings[_ACTIVITY] = datetime.now(UTC)
            await asyncio.sleep(_LOOK_S)


def _config(serverapp: Any) -> AgentConfig:
    """Settings, with the server's root as workspace where the environment names none."""
    config = AgentConfig.from_env()
    if config.now("NEUROWORKFLOW_WORKSPACE_ROOT"):
        return config
    return AgentConfig.from_env(workspace=Path(serverapp.contents_manager.root_dir).resolve())
