"""What the web page asks its server for, as an ASGI app.

Requests are served on whatever loop the server has; chats live on the engine's. Nothing that a model, a user or a file says is
ever served under an address of its own: it comes as JSON, and is drawn by the page.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import AgentError, SessionNotFoundError, sentence
from neuroworkflow_agent.surfaces.web import pages
from neuroworkflow_agent.surfaces.web.chats import Chats
from neuroworkflow_agent.surfaces.web.places import decoded
from neuroworkflow_agent.surfaces.web.streams import Stream, encode
from neuroworkflow_agent.surfaces.web.web_chat import Message

T = TypeVar("T")

_MAX_BODY_BYTES = 4 * 1024 * 1024
_MAX_WORDS_CHARS = 200
_SESSION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KINDS = frozenset(
    ("hello", "ask", "queued", "go_on", "stop", "answer", "undo_plan", "undo", "edit", "drop", "pin", "compact", "account",
     "settings", "sign_in", "complete", "upload", "picture")
)  # fmt: skip
"""Messages to a chat; what concerns several has an address of its own."""


class _Answer(JSONResponse):
    """JSON in ASCII: names of files and what was typed may hold halves of characters, which UTF-8 has not."""

    def render(self, content: Any) -> bytes:
        """See `JSONResponse`."""
        return json.dumps(content).encode("ascii")


class RefusedError(Exception):
    """A request that cannot be served."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WebApp:
    """The app.

    Parameters
    ----------
    chats
        What it serves.
    portal
        The worker thread, on which they live.
    """

    def __init__(self, chats: Chats, portal: Portal) -> None:
        self._chats = chats
        self._portal = portal
        self.asgi = Starlette(
            routes=[
                Route("/healthz", _health),
                Route("/", pages.page),
                Route("/c/{id}", pages.page),
                Route("/manifest.webmanifest", pages.manifest),
                Mount("/static", pages.static()),
                Route("/events", self._events),
                Route("/chats", self._list),
                Route("/chats", self._begin, methods=["POST"]),
                Route("/places", self._places),
                Route("/chats/{id}/messages", self._message, methods=["POST"]),
                Route("/chats/{id}/fork", self._fork, methods=["POST"]),
                Route("/chats/{id}/rename", self._rename, methods=["POST"]),
                Route("/chats/{id}/pin", self._pin, methods=["POST"]),
                Route("/chats/{id}", self._about),
                Route("/chats/{id}", self._delete, methods=["DELETE"]),
            ],
            exception_handlers={RefusedError: _refused, AgentError: _failed, OSError: _failed},
        )

    def end_streams(self) -> None:
        """Have pages know that the server ends. From any thread."""
        if self._portal.is_alive:
            self._portal.post(self._chats.end_streams)

    async def _on_engine(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(self._portal.submit(work))

    # -- all chats ------------------------------------------------------------------------------------

    async def _list(self, request: Request) -> Response:
        words = " ".join(request.query_params.get("words", "").split())[:_MAX_WORDS_CHARS]
        return _Answer({"chats": await self._on_engine(self._chats.rows(words))})

    async def _places(self, _request: Request) -> Response:
        return _Answer(await self._on_engine(self._chats.places()))

    async def _begin(self, request: Request) -> Response:
        place = decoded((await _json(request)).get("place"))

        async def begin() -> str:
            return (await self._chats.begin(place)).session_id

        return _Answer({"id": await self._on_engine(begin())})

    async def _fork(self, request: Request) -> Response:
        given = await _json(request)
        message_id = str(given.get("message_id") or "") or None
        return _Answer({"id": await self._on_engine(self._chats.fork(_id(request), message_id))})

    async def _rename(self, request: Request) -> Response:
        given = await _json(request)
        await self._on_engine(self._chats.rename(_id(request), str(given.get("title") or "")))
        return _Answer({})

    async def _pin(self, request: Request) -> Response:
        given = await _json(request)
        await self._on_engine(self._chats.pin(_id(request), is_pinned=bool(given.get("pinned"))))
        return _Answer({})

    async def _delete(self, request: Request) -> Response:
        await self._on_engine(self._chats.delete(_id(request)))
        return _Answer({})

    # -- one of them ----------------------------------------------------------------------------------

    async def _about(self, request: Request) -> Response:
        """Whether it is there."""

        async def title() -> str:
            return (await self._chats.get(_id(request))).title

        return _Answer({"title": await self._on_engine(title())})

    async def _message(self, request: Request) -> Response:
        given = await _json(request)
        message = given.get("message")
        if not isinstance(message, dict) or str(message.get("type")) not in _KINDS:
            raise RefusedError(400, "There is no such message.")
        buffers = _buffers(given.get("buffers"))
        session_id = _id(request)

        async def handle() -> Message | None:
            return await (await self._chats.get(session_id)).handle(message, buffers)

        return _Answer({"message": await self._on_engine(handle())})

    async def _events(self, request: Request) -> Response:
        session_id = _checked(request.query_params.get("chat", ""))
        stream = Stream()

        async def follow() -> None:
            chat = await self._chats.get(session_id)
            stream.put(encode("place", chat.place.label))
            chat.show(stream)
            self._chats.follow(stream)

        await self._on_engine(follow())
        return _Events(stream, lambda: self._leave(stream))

    def _leave(self, stream: Stream) -> None:
        stream.close()
        if self._portal.is_alive:
            self._portal.post(lambda: self._chats.leave(stream))


class _Events(StreamingResponse):
    """What a page is sent, until it goes; also one that is gone before anything is sent, whose events are never begun to be read."""

    def __init__(self, stream: Stream, on_end: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_told(stream), media_type="text/event-stream", headers=headers)
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()


async def _told(stream: Stream) -> AsyncIterator[bytes]:
    yield b":\n\n"  # so that the page knows it is there
    async for event in stream.read():
        yield event


async def _health(_request: Request) -> Response:
    return _Answer({"status": "ok"})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return _Answer({"problem": str(error)}, error.status)


async def _failed(_request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, SessionNotFoundError) else 409
    return _Answer({"problem": sentence(error)}, status)


async def _json(request: Request) -> dict[str, Any]:
    """The body of a request, an object."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise RefusedError(413, f"A message may have {_MAX_BODY_BYTES // 2**20} MB.")
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise RefusedError(400, "This is not JSON.") from None
    if not isinstance(given, dict):
        raise RefusedError(400, "This is not a JSON object.")
    return given


def _buffers(given: Any) -> list[bytes]:
    try:
        return [base64.b64decode(each, validate=True) for each in given or []]
    except (TypeError, ValueError, binascii.Error):
        raise RefusedError(400, "The buffers are not in base64.") from None


def _id(request: Request) -> str:
    return _checked(str(request.path_params["id"]))


def _checked(session_id: str) -> str:
    """The id, if it could be one."""
    if not _SESSION_ID.fullmatch(session_id):
        raise SessionNotFoundError(session_id)
    return session_id
