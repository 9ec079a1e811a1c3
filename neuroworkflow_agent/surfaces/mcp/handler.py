"""`/mcp` of a Jupyter server: who may come in, and how much of a request is read; then ASGI has it.

Authentication, authorization and the check of `Host` are Jupyter's own. `Origin` is checked also where a token came
along, which Jupyter's own check lets pass: a page that got hold of one has no business here.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async, origin_matches_pat
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, stream_request_body

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.mcp.http import HttpService

_FORBIDDEN, _TOO_LARGE = 403, 413


class Extension(Protocol):
    """What the handler needs of the extension."""

    max_body_bytes: int
    body_timeout_s: float

    def started_service(self) -> HttpService:
        """The service, made by the first request."""


@stream_request_body
class McpHandler(APIHandler):
    """One request of the streamable HTTP transport."""

    def initialize(self, extension: Extension) -> None:
        """Take what tornado passes on."""
        super().initialize()
        self._extension = extension
        self._body = bytearray()
        self._gone = asyncio.Event()

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse whoever may not come in, before the body is read."""
        await super().prepare()
        if self.current_user is None or not self._is_origin_ours():
            raise HTTPError(_FORBIDDEN)
        # Whoever comes in can run code.
        may = await ensure_async(self.authorizer.is_authorized(self, self.current_user, "execute", "kernels"))
        if not may:
            raise HTTPError(_FORBIDDEN)
        limit = self._extension.max_body_bytes
        length = self.request.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > limit:
            raise HTTPError(_TOO_LARGE, f"A request may have {limit} bytes.")
        connection: Any = self.request.connection
        connection.set_max_body_size(limit)  # also of one that comes without a length
        connection.set_body_timeout(self._extension.body_timeout_s)

    def check_xsrf_cookie(self) -> None:
        """Say that the token is wrong, rather than that a cookie is missing which no client has."""
        # Tornado also asks before it is known who it is, when `current_user` only warns.
        if getattr(self, "_jupyter_current_user", self) is None:
            raise HTTPError(_FORBIDDEN, "The token is missing or wrong.")
        super().check_xsrf_cookie()

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        self._body += chunk

    async def get(self) -> None:
        """What the server says unasked."""
        await self._serve()

    async def post(self) -> None:
        """A message."""
        await self._serve()

    async def delete(self) -> None:
        """The end of a session."""
        await self._serve()

    def on_connection_close(self) -> None:
        """Note that nobody listens any more."""
        self._gone.set()

    async def _serve(self) -> None:
        service = self._extension.started_service()
        with contextlib.suppress(StreamClosedError):
            await service.handle(self._scope(), self._receiver(), self._send)
        if not self._finished:
            with contextlib.suppress(StreamClosedError):
                await self.finish(set_content_type=self._headers.get("Content-Type", "application/json"))

    def _scope(self) -> dict[str, Any]:
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in self.request.headers.get_all()
            if name.lower() not in ("authorization", "cookie")
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.request.method,
            "scheme": self.request.protocol,
            "path": "/mcp",
            "raw_path": b"/mcp",
            "root_path": "",
            "query_string": self.request.query.encode("latin-1", "replace"),
            "headers": headers,
            "client": (self.request.remote_ip, 0),
            "server": None,
        }

    def _receiver(self) -> Any:
        is_read = False

        async def receive() -> dict[str, Any]:
            nonlocal is_read
            if not is_read:
                is_read = True
                return {"type": "http.request", "body": bytes(self._body), "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        return receive

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.set_status(message["status"])
            self.clear_header("Content-Type")
            for name, value in message["headers"]:
                if name.lower() != b"content-length":
                    self.set_header(name.decode("latin-1"), value.decode("latin-1"))
            self.set_header("X-Accel-Buffering", "no")  # proxies pass streams on as they come
            if self._headers.get("Content-Type", "").startswith("text/event-stream"):
                await self.flush()  # it may be long until something is said
            return
        if body := message.get("body"):
            self.write(body)
        if message.get("more_body"):
            await self.flush()

    def _is_origin_ours(self) -> bool:
        origin = self.request.headers.get("Origin")
        if origin is None or self.allow_origin == "*":
            return True
        if urlsplit(origin.lower()).netloc == self.request.host.lower():
            return True
        if self.allow_origin:
            return bool(self.allow_origin == origin)
        return bool(self.allow_origin_pat and origin_matches_pat(self.allow_origin_pat, origin))
