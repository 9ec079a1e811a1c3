"""Jupyter Server's extension: the web page at `/neuroworkflow`, for whom the server knows.

Loading it imports nothing that the server has not: the app and its chats come with the first request, and are the extension's
until the server stops. Chats live on the engine's loop, requests on the server's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Integer

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.asgi_handler import Asgi
    from neuroworkflow_agent.surfaces.web.served import ServedChats

_MODULE = "neuroworkflow_agent.surfaces.web.extension"
_PATH = "neuroworkflow"
_OPTION = "neuroworkflowChats"
"""By which JupyterLab's page knows where the chats are."""


class ChatsInABrowser(ExtensionApp):
    """Serves the agent's web page at `/neuroworkflow`."""

    name = "neuroworkflow_agent_web"

    max_body_bytes = Integer(5 * 1024 * 1024, min=1024, help="Size of a request.").tag(config=True)
    body_timeout_s = Float(60.0, min=1.0, help="Seconds in which a request has to arrive.").tag(config=True)
    idle_s = Float(
        3600.0, min=1.0, help="Seconds after which the kernel of a chat that nobody uses is ended."
    ).tag(config=True)
    max_open = Integer(50, min=1, help="How many chats may be open at once.").tag(config=True)
    chats: ServedChats | None = None
    _starting: asyncio.Lock | None = None

    def initialize_handlers(self) -> None:
        """Add `/neuroworkflow`, if the server's files are this machine's."""
        server: Any = self.serverapp
        if not getattr(server.contents_manager, "root_dir", ""):
            self.log.info(
                "There are no chats at /%s: this server's contents are not files of this machine.", _PATH
            )
            return
        from neuroworkflow_agent.surfaces.web.handler import OpenHandler, PageHandler, RequestHandler

        root = server.base_url.rstrip("/") + f"/{_PATH}"
        given = {"extension": self, "root_path": root}
        self.handlers += [
            (rf"/{_PATH}/(?:static/.*|manifest\.webmanifest|healthz)", OpenHandler, given),
            (rf"/{_PATH}(?:/|/c/[^/]*)?", PageHandler, given),
            (rf"/{_PATH}/.*", RequestHandler, given),
        ]
        options = server.web_app.settings.setdefault("page_config_data", {})
        options.setdefault(_OPTION, f"{root}/")

    async def started_app(self) -> Asgi:
        """The app, made by the first request."""
        if self._starting is None:
            self._starting = asyncio.Lock()
        async with self._starting:
            if self.chats is None:
                self.chats = await asyncio.to_thread(self._make)
            return self.chats.app

    def _make(self) -> ServedChats:
        from neuroworkflow_agent.surfaces.web.served import ServedChats

        return ServedChats(self.serverapp, idle_s=self.idle_s, max_open=self.max_open)

    async def stop_extension(self) -> None:
        """End what the chats have running."""
        if self.chats is not None:
            chats, self.chats = self.chats, None
            await chats.aclose()


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": _MODULE, "app": ChatsInABrowser}]
