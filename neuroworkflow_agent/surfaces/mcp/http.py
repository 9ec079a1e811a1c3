"""A service as an ASGI application, and the one for a Jupyter server: its notebooks, its kernels.

`HttpService` owns the service and the task that keeps the sessions of clients, from the first request until `aclose`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.surfaces.mcp.collaboration import holder_maker
from neuroworkflow_agent.surfaces.mcp.server_kernels import ServerKernels
from neuroworkflow_agent.surfaces.mcp.service import Service

_UNAVAILABLE = 503


class Served(Protocol):
    """What clients get."""

    def server(self) -> Any:
        """An MCP server for all of them."""

    async def aclose(self) -> None:
        """Give back what it holds. Idempotent."""


def notebook_service(serverapp: Any, *, read_only: bool) -> Service:
    """The notebooks of a Jupyter server, in its rooms and with its kernels.

    Parameters
    ----------
    serverapp
        The server.
    read_only
        Whether tools that change something are left out.
    """
    return Service(
        AgentConfig.from_env(workspace=serverapp.contents_manager.root_dir),
        read_only=read_only,
        kernels=ServerKernels(serverapp),
        hold=holder_maker(serverapp),
    )


class HttpService:
    """MCP for the clients of one Jupyter server.

    Parameters
    ----------
    service
        What they get; closed with this.
    max_sessions, session_idle_s, max_body_bytes
        Bounds of what clients may ask for.
    """

    def __init__(
        self, service: Served, *, max_sessions: int, session_idle_s: float, max_body_bytes: int
    ) -> None:
        self._service = service
        self._sessions = StreamableHTTPSessionManager(
            service.server(),
            session_idle_timeout=session_idle_s,
            max_sessions=max_sessions,
            max_request_body_size=max_body_bytes,
        )
        self._is_ready = asyncio.Event()
        self._is_over = asyncio.Event()
        self._keeping = asyncio.create_task(self._keep())

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        await self._is_ready.wait()
        if self._is_over.is_set():
            await _refuse(send)
            return
        await self._sessions.handle_request(scope, receive, send)

    async def aclose(self) -> None:
        """End all sessions, what they run, and give back what they hold. Idempotent."""
        self._is_over.set()
        await self._keeping
        await self._service.aclose()

    async def _keep(self) -> None:
        """Keep sessions in one task, which has to end what it began."""
        async with self._sessions.run():
            self._is_ready.set()
            await self._is_over.wait()


async def _refuse(send: Any) -> None:
    """Say that the server stops."""
    await send(
        {"type": "http.response.start", "status": _UNAVAILABLE, "headers": [(b"content-type", b"text/plain")]}
    )
    await send({"type": "http.response.body", "body": b"The server stops."})
