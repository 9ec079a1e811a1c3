"""What changes while something runs: a token that expires or is revoked, a Hub that is slow or talks nonsense."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from neuroworkflow_agent.gateway import hub as hub_module
from neuroworkflow_agent.gateway import jwts as jwts_module
from neuroworkflow_agent.gateway.api_errors import ApiError
from neuroworkflow_agent.gateway.hub import HubTokens
from neuroworkflow_agent.gateway.jwts import Jwts
from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.gateway.conftest import Served, ServeGateway, read_all, serving, wait_until
from tests.gateway.test_service import used
from tests.gateway.test_tokens import Asker, token

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def says(*pieces: bytes, every_s: float = 0.0, again: bool = False) -> Answer:
    """Send these, some time apart; the last for ever if `again`."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        while True:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every_s)
            if not again:
                return

    return answer


NONSENSE = [
    pytest.param(says(b""), id="closes at once"),
    pytest.param(says(b"\x00\xff\x17 this is not HTTP\r\n\r\n"), id="does not speak HTTP"),
    pytest.param(says(HEAD + b"\r\n<html>log in here</html>"), id="shows a page"),
    pytest.param(says(HEAD + b"\r\n" + b"[" * 500_000), id="nests for ever"),
    pytest.param(says(HEAD + b"content-encoding: gzip\r\n\r\nnot gzip"), id="lies in its encoding"),
    pytest.param(says(HEAD + b"content-length: 50\r\n\r\n{"), id="says half of it"),
    pytest.param(says(HEAD + b"\r\n" + b'{"a":"' + b"x" * 65_536, again=True), id="never stops"),
    pytest.param(says(HEAD + b"\r\n{", b" ", every_s=0.05, again=True), id="says a byte now and then"),
    pytest.param(says(every_s=30), id="says nothing"),
    pytest.param(says(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"), id="sends elsewhere"),
    pytest.param(says(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"), id="fails"),
]  # fmt: skip


@asynccontextmanager
async def server_that(answer: Answer) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize("answer", NONSENSE)
@pytest.mark.parametrize("kind", ["hub", "issuer"])
async def test_server_that_talks_nonsense_refuses_for_the_moment(
    kind: str, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bounded time and memory, and without an error of ours."""
    monkeypatch.setattr(hub_module, "_TIMEOUT_S", 0.3)
    monkeypatch.setattr(jwts_module, "_TIMEOUT_S", 0.3)
    async with server_that(answer) as url, httpx.AsyncClient(trust_env=False) as client:
        asking = (
            HubTokens(client, url, "gw", 30).caller("alices", Asker())
            if kind == "hub"
            else Jwts(client, url, "workflows", None).caller(token())
        )
        started = time.monotonic()
        with pytest.raises(ApiError) as refused:
            await asking
        assert refused.value.status == 503
        assert time.monotonic() - started < 5


class Hub:
    """A Hub on loopback; who has which token is the test's to say."""

    def __init__(self) -> None:
        self.users = {"alices-token-000001": "alice"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        shown = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("token ")
        name = self.users.get(shown)
        model = {"kind": "user", "name": name, "session_id": None, "scopes": ["access:services"]}
        await (JSONResponse(model) if name else JSONResponse({}, 403))(scope, receive, send)


def _ask(gateway: Served) -> socket.socket:
    body = json.dumps({"model": "claude-sonnet-4-5", "messages": [], "stream": True})
    connection = socket.create_connection(("127.0.0.1", gateway.port), 10)
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: alices-token-000001\r\nconnection: close\r\ncontent-length: {len(body)}"
    connection.sendall(f"{head}\r\n\r\n{body}".encode())
    return connection


def test_token_that_is_revoked_in_the_middle_of_an_answer_gets_this_one_and_no_other(
    serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    """What runs is paid for already, and ends; it is booked to whom it was begun for."""
    hub = Hub()
    upstream.extend(Reply.text("word " * 10, delay_s=0.05), Reply.text("not for anybody"))
    with serving(hub, lifespan="off") as url:
        gateway = serve_gateway(hub_api_url=url, hub_cache_s=0.1)
        with _ask(gateway) as connection:
            first = connection.recv(10)
            hub.users.clear()
            answer = first + read_all(connection)
        assert answer.count(b"text_delta") == 10
        assert b"message_stop" in answer
        wait_until(lambda: used(gateway))
        assert [account for account, *_ in used(gateway)] == ["hub:alice"]
        with _ask(gateway) as connection:
            assert b" 401 " in read_all(connection).split(b"\r\n")[0]


def test_hub_that_goes_away_in_the_middle_of_an_answer_does_not_end_it(
    serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    upstream.extend(Reply.text("word " * 10, delay_s=0.05))
    with serving(Hub(), lifespan="off") as url:
        gateway = serve_gateway(hub_api_url=url, hub_cache_s=0)
        connection = _ask(gateway)
        first = connection.recv(10)
    answer = first + read_all(connection, 2)
    connection.close()
    assert answer.count(b"text_delta") == 10
    with _ask(gateway) as connection:
        assert b" 503 " in read_all(connection, 12).split(b"\r\n")[0]
