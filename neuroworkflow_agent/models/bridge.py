"""`python -m neuroworkflow_agent.models.bridge STATE_FILE`: other providers behind a Messages API.

LiteLLM translates; this process alone holds the provider's key, and looks nothing up in the network when it
starts. See `models.host` for its life.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from neuroworkflow_agent.models.host import host
from neuroworkflow_agent.models.messages import plain_request
from neuroworkflow_agent.text import redact
from neuroworkflow_agent.wire import error_body, sse

_SWITCHES = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "DISABLE_AIOHTTP_TRANSPORT": "True",
}
_REQUEST_KEYS = ("messages", "system", "tools", "tool_choice", "temperature", "top_p", "stop_sequences")
_MAX_TOKENS = 8_192


class Bridge:
    """One model of some provider as a Messages API endpoint.

    Parameters
    ----------
    model
        As LiteLLM names it.
    """

    def __init__(self, model: str) -> None:
        self._model = model

    def app(self) -> Starlette:
        """The ASGI app."""
        return Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
                Route("/v1/models", self._models),
            ]
        )

    async def _models(self, _request: Request) -> Response:
        return JSONResponse({"data": [{"type": "model", "id": self._model, "display_name": self._model}]})

    async def _count_tokens(self, request: Request) -> Response:
        import litellm

        body = plain_request(await request.json())
        text = json.dumps({key: body[key] for key in ("system", "messages", "tools") if key in body})
        return JSONResponse({"input_tokens": litellm.token_counter(model=self._model, text=text)})

    async def _messages(self, request: Request) -> Response:
        from litellm.anthropic_interface import messages

        body = plain_request(await request.json())
        wanted = {key: body[key] for key in _REQUEST_KEYS if key in body}
        try:
            answer: Any = await messages.acreate(
                model=self._model,
                max_tokens=min(int(body.get("max_tokens", _MAX_TOKENS)), _MAX_TOKENS),
                stream=bool(body.get("stream")),
                num_retries=0,
                **wanted,
            )
        except Exception as error:  # noqa: BLE001 - whatever the provider or LiteLLM raises is the client's to read
            return _refusal(error)
        if not body.get("stream"):
            return JSONResponse(answer if isinstance(answer, dict) else answer.model_dump())
        return StreamingResponse(_events(answer), media_type="text/event-stream")


async def _events(answer: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """LiteLLM's events; an error in the middle becomes the API's error event."""
    try:
        async for chunk in answer:
            if isinstance(chunk, bytes):
                yield chunk
            else:
                fields = dict(chunk)
                yield sse(str(fields.pop("type")), **fields).encode()
    except Exception as error:  # noqa: BLE001 - see above
        yield sse("error", error=error_body(_status(error), _message(error))["error"]).encode()


def _refusal(error: Exception) -> Response:
    status = _status(error)
    return JSONResponse(error_body(status, _message(error)), status_code=status)


def _status(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and 400 <= status < 600 else 500


def _message(error: Exception) -> str:
    """The provider's words, without LiteLLM's class names in front and without the key."""
    text = str(getattr(error, "message", "") or error)
    text = redact(text, [os.environ.get("OPENAI_API_KEY", "")])
    return text.split("Exception - ", 1)[-1][:1_000]


def main() -> None:
    """Serve the bridge; settings come as JSON on standard input."""
    settings = json.load(sys.stdin)
    os.environ.update({**_SWITCHES, **settings["keys"]})
    try:
        import litellm
    except ImportError as error:
        sys.exit(f'{error}. Install it: pip install "neuroworkflow-agent[openai]".')
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    # What every compatible server has; OpenAI's newer Responses API has only its own.
    litellm.use_chat_completions_url_for_anthropic_messages = True
    litellm.drop_params = True
    host(Bridge(settings["model"]).app(), Path(sys.argv[1]), idle_s=float(settings["idle_s"]))


if __name__ == "__main__":
    main()
