"""A request to a Jupyter server that an ASGI app answers: who may come in, and how much of it is read; then ASGI has it.

Authentication, authorization and the check of `Host` are Jupyter's own. `Origin` is checked also where a token came
along, which Jupyter's own check lets pass: a page that got hold of one has no business here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async, origin_matches_pat
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, stream_request_body

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_FORBIDDEN, _TOO_LARGE = 403, 413


class Extension(Protocol):
    """What the handler needs of its extension."""

    max_body_bytes: int
    body_timeout_s: float

    async def started_app(self) -> Asgi:
        """What answers, made by the first request."""


@stream_request_body
class AsgiHandler(APIHandler):
    """One request, which only those may make who may run code.

    Subclasses name the methods that there are.
    """

    def initialize(self, extension: Extension, root_path: str = "") -> None:
        """Take what tornado passes on.

        Parameters
        ----------
        extension
            Whose app answers.
        root_path
            Below which the app lies.
        """
        super().initialize()
        self._extension = extension
        self._root_path = root_path
        self._body = bytearray()
        self._gone = asyncio.Event()

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse whoever may not come in, before the body is read."""
        await super().prepare()
        if self._finished:  # sent to sign in
            return
        if not self._is_origin_ours():
            raise HTTPError(_FORBIDDEN)
        await self.check_user()
        limit = self._extension.max_body_bytes
        length = self.request.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > limit:
            raise HTTPError(_TOO_LARGE, f"A request may have {limit} bytes.")
        connection: Any = self.request.connection
        connection.set_max_body_size(limit)  # also of one that comes without a length
        connection.set_body_timeout(self._extension.body_timeout_s)

    async def check_user(self) -> None:
        """Refuse whoever may not run code, which whoever comes in can."""
        if self.current_user is None or not await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "execute", "kernels")
        ):
            raise HTTPError(_FORBIDDEN)

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body."""
        self._body += chunk

    def on_connection_close(self) -> None:
        """Note that nobody listens any more."""
        self._gone.set()

    async def serve(self) -> None:
        """Have the app answer."""
        app = await self._extension.started_app()
        with contextlib.suppress(StreamClosedError):
            await app(self._scope(), self._receiver(), self._send)
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
            "path": unquote(self.request.path),
            "raw_path": self.request.path.encode("latin-1", "replace"),
            "root_path": self._root_path,
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
