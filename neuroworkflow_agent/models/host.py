"""The inside of a model server process: serve an app on loopback, tell where, end when nobody comes.

`host` owns the process it runs in. It ends after `idle_s` seconds without a request, on SIGTERM, or when
its state file is gone or names another process.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import time
from pathlib import Path

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from neuroworkflow_agent.models.server_state import read_state, write_state
from neuroworkflow_agent.wire import error_body

_LOOK_S = 1.0


class TokenAuth:
    """Lets in who knows the token, and remembers when somebody last did."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()
        self._inside = 0
        self._last_seen = time.monotonic()

    @property
    def idle_s(self) -> float:
        """Seconds since the last request ended; 0 while one is served."""
        return 0.0 if self._inside else time.monotonic() - self._last_seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not self._knows_token(dict(scope["headers"])):
            refusal = JSONResponse(error_body(401, "wrong or missing token"), status_code=401)
            await refusal(scope, receive, send)
            return
        if scope["path"] == "/health":
            await JSONResponse({"status": "ok"})(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1
            self._last_seen = time.monotonic()

    def _knows_token(self, headers: dict[bytes, bytes]) -> bool:
        shown = headers.get(b"x-api-key") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        return hmac.compare_digest(shown, self._token)


def host(app: ASGIApp, state_file: Path, *, idle_s: float) -> None:
    """Serve `app` until it is needed no more.

    Parameters
    ----------
    app
        What to serve.
    state_file
        Where clients look for the address; written, for the user's eyes only, once requests are taken.
    idle_s
        How long to stay without requests.
    """
    auth = TokenAuth(app, token := secrets.token_urlsafe(32))
    config = uvicorn.Config(
        auth, host="127.0.0.1", port=0, log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)

    async def main() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers nothing to wait for
            await asyncio.sleep(0.01)
        if server.started:
            port = server.servers[0].sockets[0].getsockname()[1]
            write_state(state_file, url=f"http://127.0.0.1:{port}", token=token)
        while not serving.done() and auth.idle_s < idle_s and _is_ours(state_file):
            await asyncio.wait([serving], timeout=_LOOK_S)
        server.should_exit = True
        await serving

    try:
        asyncio.run(main())
    finally:
        if _is_ours(state_file):
            state_file.unlink(missing_ok=True)


def _is_ours(state_file: Path) -> bool:
    state = read_state(state_file)
    return state is not None and state["pid"] == os.getpid()
