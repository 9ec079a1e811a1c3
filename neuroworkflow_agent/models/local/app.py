"""The Messages API in front of a llama.cpp server: a small model is led by the hand, a larger one is not.

The app owns its HTTP client; whoever serves the app owns the llama.cpp server.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from neuroworkflow_agent.models.local.conversation import INSTRUCTIONS, Message, SmallPrompt, small_prompt
from neuroworkflow_agent.models.local.guide import Try, answer
from neuroworkflow_agent.models.local.read_ahead import ReadAhead
from neuroworkflow_agent.models.messages import MessageWriter, plain_request
from neuroworkflow_agent.wire import error_body, sse

_ANSWER_TOKENS = 400
_RESERVE_TOKENS = 64
_UNTOUCHED_HEADERS = ("content-type",)


class LocalModel:
    """A llama.cpp server as a Messages API endpoint.

    Parameters
    ----------
    client
        Bound to the llama.cpp server's address, with its key.
    name
        Model name to report.
    n_ctx
        Size of the context window, in tokens.
    is_small
        Whether code blocks stand for tool calls.
    """

    def __init__(self, client: httpx.AsyncClient, *, name: str, n_ctx: int, is_small: bool) -> None:
        self._client = client
        self._name = name
        self._n_ctx = n_ctx
        self._is_small = is_small
        self._ahead = ReadAhead(client)

    def app(self) -> Starlette:
        """The ASGI app."""

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            if self._is_small:
                self._ahead.begin(partial(self._applied, INSTRUCTIONS))
            yield
            await self._ahead.stop()
            await self._client.aclose()

        return Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
                Route("/v1/models", self._models),
            ],
            lifespan=lifespan,
        )

    async def _models(self, _request: Request) -> Response:
        return JSONResponse({"data": [{"type": "model", "id": self._name, "display_name": self._name}]})

    async def _count_tokens(self, request: Request) -> Response:
        if not self._is_small:
            return await self._pass_on(request, "/v1/messages/count_tokens")
        return JSONResponse(
            {"input_tokens": await self._count(small_prompt(await request.json()).messages())}
        )

    async def _messages(self, request: Request) -> Response:
        if not self._is_small:
            return await self._pass_on(request, "/v1/messages")
        body = await request.json()
        prompt = small_prompt(body)
        await self._ahead.stop()
        fitted = await self._fit(prompt)
        if fitted is None:
            message = f"The request alone is longer than the model's context of {self._n_ctx} tokens. Ask with less text."
            return JSONResponse(error_body(400, message), status_code=400)
        messages, input_tokens = fitted
        writer = MessageWriter(self._name, input_tokens)
        events = self._answered(body, answer(prompt, messages, writer, self._stream), writer)
        if body.get("stream"):
            return StreamingResponse(_guarded(events), media_type="text/event-stream")
        async for _ in events:
            pass
        return JSONResponse(writer.message)

    async def _answered(
        self, body: dict[str, Any], events: AsyncIterator[str], writer: MessageWriter
    ) -> AsyncIterator[str]:
        """The events; at the end of a turn its history is read, while the user reads the answer."""
        async for event in events:
            yield event
        if writer.message["stop_reason"] == "end_turn":
            told = {"role": "assistant", "content": writer.message["content"]}
            await self._ahead.stop()
            self._ahead.begin(partial(self._history, {**body, "messages": [*body["messages"], told]}))

    async def _history(self, body: dict[str, Any]) -> str:
        """What a further request in this session begins with; empty if nothing of it would be left."""
        fitted = await self._fit(small_prompt(body))
        return await self._applied(fitted[0]) if fitted is not None else ""

    async def _pass_on(self, request: Request, path: str) -> Response:
        """To the llama.cpp server's own Messages API, streamed back as it comes."""
        upstream = self._client.build_request("POST", path, json=plain_request(await request.json()))
        response = await self._client.send(upstream, stream=True)

        async def body() -> AsyncIterator[bytes]:
            try:
                async for chunk in response.aiter_bytes():
                    yield chunk
            finally:
                await response.aclose()

        headers = {name: response.headers[name] for name in _UNTOUCHED_HEADERS if name in response.headers}
        return StreamingResponse(body(), status_code=response.status_code, headers=headers)

    async def _stream(self, attempt: Try) -> AsyncIterator[str]:
        """Text of the model as it is written; leaving the iteration stops the model."""
        request = {
            "messages": attempt.messages,
            "stream": True,
            "max_tokens": _ANSWER_TOKENS,
            "temperature": attempt.temperature,
            "repeat_penalty": 1.05,
            "seed": attempt.seed,
            "cache_prompt": True,
        }
        async with self._client.stream("POST", "/v1/chat/completions", json=request) as response:
            if response.status_code != 200:
                raise httpx.HTTPError((await response.aread()).decode(errors="replace")[:300])
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                choices = json.loads(line[6:]).get("choices") or [{}]
                if text := choices[0].get("delta", {}).get("content"):
                    yield text

    async def _fit(self, prompt: SmallPrompt) -> tuple[list[Message], int] | None:
        """Messages that leave room for an answer, and their tokens; the oldest turns give way."""
        room = self._n_ctx - _ANSWER_TOKENS - _RESERVE_TOKENS
        for skip in range(max(1, len(prompt.turns))):
            messages = prompt.messages(skip)
            tokens = await self._count(messages)
            if tokens <= room:
                return messages, tokens
        return None

    async def _count(self, messages: list[Message]) -> int:
        content = {"content": await self._applied(messages), "parse_special": True}
        counted = await self._client.post("/tokenize", json=content)
        return len(counted.json()["tokens"])

    async def _applied(self, messages: list[Message]) -> str:
        """Messages as the model is given them."""
        applied = await self._client.post("/apply-template", json={"messages": messages})
        prompt: str = applied.json()["prompt"]
        return prompt


async def _guarded(events: AsyncIterator[str]) -> AsyncIterator[str]:
    """An error in the middle of a stream becomes the API's error event."""
    try:
        async for event in events:
            yield event
    except httpx.HTTPError as error:
        yield sse("error", error=error_body(500, f"The local model failed: {error}")["error"])
