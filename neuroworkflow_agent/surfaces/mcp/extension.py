"""Jupyter Server's extension: notebooks over MCP at `/mcp`.

Loading it imports nothing that the server has not: the service and `mcp` come with the first request. The extension
owns the service from then on, until the server stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Float, Integer

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.asgi_handler import Asgi
    from neuroworkflow_agent.surfaces.mcp.http import HttpService, Served

_MODULE = "neuroworkflow_agent.surfaces.mcp.extension"
_NEEDED_MCP = (1, 30)
"""The first version whose sessions are bounded."""


class NotebooksOverMcp(ExtensionApp):
    """Serves the notebooks of this server to MCP clients at `/mcp`."""

    name = "neuroworkflow_agent_mcp"

    read_only = Bool(False, help="Offer only tools that change nothing.").tag(config=True)
    max_sessions = Integer(256, min=1, help="How many clients there may be at once.").tag(config=True)
    session_idle_s = Float(900.0, min=1.0, help="Seconds after which a silent client is forgotten.").tag(
        config=True
    )
    max_body_bytes = Integer(4 * 1024 * 1024, min=1024, help="Size of a request.").tag(config=True)
    body_timeout_s = Float(60.0, min=1.0, help="Seconds in which a request has to arrive.").tag(config=True)
    service: HttpService | None = None

    def initialize_handlers(self) -> None:
        """Add `/mcp`, if it can be served."""
        if missing := _missing(self.serverapp):
            self.log.info("Notebooks are not served over MCP: %s", missing)
            return
        from neuroworkflow_agent.surfaces.mcp.handler import McpHandler

        self.handlers.append((r"/mcp", McpHandler, {"extension": self}))

    async def started_app(self) -> Asgi:
        """The service, made by the first request."""
        if self.service is None:
            from neuroworkflow_agent.surfaces.mcp.http import HttpService

            self.service = HttpService(
                self.make_service(),
                max_sessions=self.max_sessions,
                session_idle_s=self.session_idle_s,
                max_body_bytes=self.max_body_bytes,
            )
        return self.service.handle

    def make_service(self) -> Served:
        """What clients get: this server's notebooks."""
        from neuroworkflow_agent.surfaces.mcp.http import notebook_service

        return notebook_service(self.serverapp, read_only=self.read_only)

    async def stop_extension(self) -> None:
        """End what clients have running."""
        if self.service is not None:
            await self.service.aclose()
            self.service = None


def _missing(serverapp: Any) -> str:
    """What stands in the way, and what to do; empty if nothing does."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = tuple(int(part) for part in version("mcp").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        found = (0, 0)
    if found < _NEEDED_MCP:
        return 'pip install "neuroworkflow-agent[server]" adds what it needs.'
    if not getattr(serverapp.contents_manager, "root_dir", ""):
        return "this server's contents are not files of this machine."
    return ""


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": _MODULE, "app": NotebooksOverMcp}]
