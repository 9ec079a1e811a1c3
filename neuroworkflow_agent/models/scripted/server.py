"""A Messages API server on loopback that follows a script.

`ScriptedModel` owns a daemon thread with uvicorn's loop, from entering its context to leaving it. Each
request of the conversation takes the next reply; leaving ends hanging replies within a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from neuroworkflow_agent.models.scripted.replies import (
    Dropped,
    Failure,
    Malformed,
    Reply,
    Script,
    message_body,
    stream_events,
)
from neuroworkflow_agent.wire import error_body, sse

API_KEY = "scripted-model-key-0000"


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request of the conversation, as it came in."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: dict[str, Any]
    time: float
    """`time.monotonic()` at arrival, in seconds."""

    @property
    def system_text(self) -> str:
        """The system prompt, its parts joined."""
        system = self.body.get("system", "")
        return system if isinstance(system, str) else "\n".join(part["text"] for part in system)

    @property
    def tool_names(self) -> list[str]:
        """Tools the model is offered."""
        return [tool["name"] for tool in self.body.get("tools", [])]

    @property
    def user_texts(self) -> list[str]:
        """Every text of every user message."""
        return [b["text"] for b in self._blocks("user") if b.get("type") == "text"]

    @property
    def tool_results(self) -> list[dict[str, Any]]:
        """Every tool result block, oldest first."""
        return [b for b in self._blocks("user") if b.get("type") == "tool_result"]

    def _blocks(self, role: str) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        for message in self.body.get("messages", []):
            if message["role"] == role:
                content = message["content"]
                blocks += [{"type": "text", "text": content}] if isinstance(content, str) else content
        return blocks


Step: TypeAlias = Script | Callable[[RecordedRequest], Script]


@dataclass
class ScriptedModel:
    """The server; use it as a context manager.

    A step of the script is a reply, or a function from the request to one. When the script is used up,
    requests fail with HTTP 400, so that a test ends rather than waits.
    """

    script: Iterable[Step] = ()
    api_key: str = API_KEY
    """The only key that is accepted."""
    models: tuple[str, ...] | None = None
    """Models that are known; None for any."""
    requests: list[RecordedRequest] = field(default_factory=list)
    """Requests of the conversation so far."""
    other_requests: list[str] = field(default_factory=list)
    """Method and path of everything else that was asked."""
    disconnects: int = 0
    """Replies that the client did not wait for."""

    def __post_init__(self) -> None:
        self._steps = list(self.script)
        self._arrived = threading.Condition()
        self._stopping: asyncio.Event | None = None

    def __enter__(self) -> Self:
        routes = [
            Route("/v1/messages", self._messages, methods=["POST"]),
            Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
            Route("/v1/models", self._models),
            Route("/v1/models/{model}", self._models),
            Route("/{path:path}", self._anything_else, methods=["GET", "HEAD", "POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="scripted-model", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The scripted model did not start.")
            time.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.should_exit = True
        if self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(5)

    @property
    def environ(self) -> dict[str, str]:
        """Variables that send a Messages API client here."""
        return {"ANTHROPIC_BASE_URL": self.base_url, "ANTHROPIC_API_KEY": self.api_key}

    def extend(self, *steps: Step) -> None:
        """Append to the script."""
        self._steps.extend(steps)

    def forget(self) -> None:
        """Begin anew: no script, no requests so far."""
        self._steps.clear()
        self.requests.clear()
        self.other_requests.clear()

    def wait_for_requests(self, count: int, timeout_s: float = 20.0) -> None:
        """Block until `count` requests have come.

        Raises
        ------
        TimeoutError
            If they do not come in time.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came within {timeout_s:g} s.")

    # -- the server -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        async def main() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            await self._server.serve()

        with asyncio.Runner() as runner:
            runner.run(main())

    async def _messages(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await _json_object(request)
        if body is None:
            return JSONResponse(error_body(400, "The body is not a JSON object."), status_code=400)
        recorded = RecordedRequest(request.url.path, headers, body, time.monotonic())
        with self._arrived:
            self.requests.append(recorded)
            step: Step = (
                self._steps.pop(0) if self._steps else Failure(400, "The script has no further reply.")
            )
            self._arrived.notify_all()
        if headers.get("x-api-key") != self.api_key:
            return self._response(Failure(401, "invalid x-api-key"), recorded)
        return self._response(step(recorded) if callable(step) else step, recorded)

    def _response(self, script: Script, recorded: RecordedRequest) -> Response:
        model = str(recorded.body.get("model"))
        match script:
            case Failure(status=status, retry_after_s=retry_after_s):
                headers = {"retry-after": f"{retry_after_s:g}"} if retry_after_s is not None else {}
                return JSONResponse(error_body(status, script.message), status_code=status, headers=headers)
            case Reply() if not recorded.body.get("stream"):
                return JSONResponse(message_body(script, model))
            case _:
                return StreamingResponse(self._stream(script, model), media_type="text/event-stream")

    async def _stream(self, script: Script, model: str) -> AsyncIterator[str]:
        try:
            match script:
                case Reply():
                    for delay_s, event in stream_events(script, model):
                        if delay_s:
                            await self._sleep(delay_s)
                        while _can_wait(event) and not _may_end(script):
                            await self._sleep(0.01)
                        yield event
                case Dropped(text=text):
                    for _, event in list(stream_events(Reply.text(text), model))[:-3]:
                        yield event
                    raise ConnectionError("scripted drop")
                case Malformed():
                    yield sse("message_start", message=message_body(Reply.text(""), model))
                    yield "event: content_block_delta\ndata: {this is no json\n\n"
                case _:
                    await self._sleep(3600)
        except asyncio.CancelledError:
            self.disconnects += 1
            raise

    async def _sleep(self, seconds: float) -> None:
        assert self._stopping is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
            raise ConnectionError("the scripted model stops")

    async def _count_tokens(self, request: Request) -> Response:
        return JSONResponse({"input_tokens": max(1, len(await request.body()) // 4)})

    async def _models(self, request: Request) -> Response:
        if request.headers.get("x-api-key") != self.api_key:
            return JSONResponse(error_body(401, "invalid x-api-key"), status_code=401)
        model = request.path_params.get("model")
        if model is not None and self.models is not None and model not in self.models:
            return JSONResponse(error_body(404, f"model: {model}"), status_code=404)
        return JSONResponse({"id": model} if model else {"data": []})

    async def _anything_else(self, request: Request) -> Response:
        self.other_requests.append(f"{request.method} {request.url.path}")
        return JSONResponse({})


def _can_wait(event: str) -> bool:
    """Whether it is the end, or a call: Claude Code may answer to that before the end."""
    begins_call = event.startswith("event: content_block_start") and '"tool_use"' in event
    return begins_call or event.startswith("event: message_delta")


def _may_end(reply: Reply) -> bool:
    return reply.until is None or reply.until.is_set()


async def _json_object(request: Request) -> dict[str, Any] | None:
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
