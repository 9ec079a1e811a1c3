"""The gateway as its callers and its upstream meet it: real sockets, a scripted model behind it."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from neuroworkflow_agent.gateway.store import Store, StoreUnavailableError
from neuroworkflow_agent.gateway.totals import today
from neuroworkflow_agent.testing import Dropped, Failure, Reply, ScriptedModel, Silence
from neuroworkflow_agent.testing.ports import free_port
from tests.gateway.conftest import (
    REAL_KEY,
    SERVICE_TOKEN,
    Served,
    ServeGateway,
    gateways,
    read_all,
    wait_until,
)

HEAD = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {SERVICE_TOKEN}\r\n"
BODY = '{"model": "claude-sonnet-4-5", "messages": []}'
SLOWLY = Reply.text("never ending story " * 200, delay_s=0.05)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def said(answer: httpx.Response) -> str:
    """The text of a message, streamed or not."""
    if answer.headers["content-type"].startswith("application/json"):
        return "".join(block["text"] for block in answer.json()["content"])
    events = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
    return "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")


def used(gateway: Served) -> list[tuple[str, int, int]]:
    with Store(gateway.settings.database()) as store:
        found = store.lines(today(), today())
    return [(line.account, line.input_tokens, line.output_tokens) for line in found]


# -- passing on ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/api/chat/anthropic"])
@pytest.mark.parametrize("stream", [True, False])
def test_message_passes_unchanged(
    gateway: Served, upstream: ScriptedModel, prefix: str, stream: bool
) -> None:
    upstream.extend(Reply.text("Grüße, 神経! 🧠"))
    answer = gateway.ask(f"{prefix}/v1/messages?beta=true&token=x", stream=stream, extra={"ünï": [1, None]})
    assert answer.status_code == 200
    assert said(answer) == "Grüße, 神経! 🧠"
    (request,) = upstream.requests
    assert request.body["extra"] == {"ünï": [1, None]}
    assert request.headers["x-api-key"] == REAL_KEY
    assert SERVICE_TOKEN not in str(request.headers)
    assert REAL_KEY not in str(answer.headers) + answer.text


def test_tokens_and_models_pass_too(gateway: Served) -> None:
    counted = gateway.client.post(
        "/v1/messages/count_tokens",
        json={"messages": []},
        headers={"authorization": f"Bearer {SERVICE_TOKEN}"},
    )
    assert counted.json() == {"input_tokens": 3}
    listed = gateway.client.get("/v1/models?limit=3", headers={"authorization": f"token {SERVICE_TOKEN}"})
    assert listed.json() == {"data": []}


def test_stream_is_not_buffered(gateway: Served, upstream: ScriptedModel) -> None:
    upstream.extend(SLOWLY)
    with gateway.client.stream(
        "POST", "/v1/messages", json={"stream": True, "messages": []}, headers={"x-api-key": SERVICE_TOKEN}
    ) as answer:
        first = next(answer.iter_text())
        assert "message_start" in first
        assert "message_stop" not in first
    wait_until(lambda: upstream.disconnects == 1)


def test_request_is_not_buffered(serve_gateway: ServeGateway) -> None:
    """The upstream has the beginning of a body while its end is not yet written."""
    arrived = threading.Event()

    def read_beginning(connection: socket.socket) -> None:
        seen = b""
        while b"the beginning" not in seen and (piece := connection.recv(65_536)):
            seen += piece
        if b"the beginning" in seen:
            arrived.set()

    with _upstream_that(read_beginning) as (port, _):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}")
        with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
            connection.sendall(f"{HEAD}content-length: 1000000\r\n\r\nthe beginning {'x' * 1000}".encode())
            assert arrived.wait(5)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503, 529])
def test_errors_of_the_upstream_arrive_as_they_are(
    gateway: Served, upstream: ScriptedModel, status: int
) -> None:
    upstream.extend(Failure(status, "so it is", retry_after_s=7))
    answer = gateway.ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert answer.json()["error"]["message"] == "so it is"


def test_key_that_the_upstream_repeats_does_not_come_down(gateway: Served, upstream: ScriptedModel) -> None:
    upstream.extend(Failure(400, f"your key {REAL_KEY} is odd"), Reply.text(f"It is {REAL_KEY}."))
    refused, said = gateway.ask(), gateway.ask()
    assert refused.json()["error"]["message"] == f"your key {'*' * len(REAL_KEY)} is odd"
    assert REAL_KEY not in said.text
    assert said.status_code == 200


# -- who is calling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "wrong-token-0000000001"},
        {"x-api-key": SERVICE_TOKEN[:-1]},
        {"x-api-key": SERVICE_TOKEN + "x"},
        {"authorization": f"Basic {SERVICE_TOKEN}"},
        {"cookie": f"jupyterhub-session-id={SERVICE_TOKEN}"},
        {"x-api-key": SERVICE_TOKEN, "authorization": "Bearer another-token-00001"},
        {"x-api-key": "a" * 9000},
    ],
)
def test_strangers_are_refused(gateway: Served, upstream: ScriptedModel, headers: dict[str, str]) -> None:
    answer = gateway.client.post(f"/v1/messages?x-api-key={SERVICE_TOKEN}", json={}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
    assert not upstream.requests


def test_service_tokens_can_be_rotated(serve_gateway: ServeGateway, upstream: ScriptedModel) -> None:
    gateway = serve_gateway(service_tokens="the-old-token-00001 the-new-token-00001")
    upstream.extend(Reply.text("a"), Reply.text("b"))
    assert [gateway.ask(token=f"the-{age}-token-00001").status_code for age in ("old", "new")] == [200, 200]


# -- tricks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (f"{HEAD}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", 400),
        (f"{HEAD}content-length: 5\r\ncontent-length: 6\r\n\r\nhello", 400),
        (f"{HEAD}content-length: -1\r\n\r\n", 400),
        (f"{HEAD}content-length: 1_0\r\n\r\n", 400),
        (f"{HEAD}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (f"{HEAD}transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (f"{HEAD}x y: 1\r\n\r\n", 400),
        (f"{HEAD}x-long: {'a' * 70_000}\r\n\r\n", 431),
        (HEAD + "".join(f"x-{n}: {'a' * 900}\r\n" for n in range(80)) + "\r\n", 431),
        ("GET /v1/messages HTTP/9.9\r\nhost: x\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01\x00", 400),
        ("POST /v1/../v1/messages HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("POST //v1/messages HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("POST /v1%2Fmessages HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("POST http://api.anthropic.com/v1/files HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        (f"{HEAD}content-length: 99999999999\r\n\r\n", 413),
    ],
)
def test_tricks_are_refused(
    gateway: Served, upstream: ScriptedModel, request_bytes: str, status: int
) -> None:
    answer = gateway.raw(request_bytes.encode("latin-1"))
    assert status_of(answer) == status, answer
    assert b'"type": "error"' in answer or b'"type":"error"' in answer
    assert not upstream.requests


def test_host_and_forwarding_headers_mean_nothing(gateway: Served, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("fine"))
    head = HEAD.replace(
        "host: x", "host: evil.example:1\r\nx-forwarded-host: evil.example\r\nforwarded: host=evil.example"
    )
    answer = gateway.raw(f"{head}content-length: {len(BODY)}\r\n\r\n{BODY}".encode())
    assert status_of(answer) == 200
    (request,) = upstream.requests
    assert request.headers["host"] == upstream.base_url.removeprefix("http://")
    assert "evil" not in str(request.headers)


def test_second_request_behind_the_first_is_its_own(gateway: Served, upstream: ScriptedModel) -> None:
    """What follows a body is a request of its own, with credentials of its own."""
    upstream.extend(Reply.text("one"))
    smuggled = "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    answer = gateway.raw(f"{HEAD}content-length: {len(BODY)}\r\n\r\n{BODY}{smuggled}".encode(), answers=2)
    assert answer.count(b"HTTP/1.1 200") == answer.count(b"HTTP/1.1 401") == 1
    assert len(upstream.requests) == 1


# -- limits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_chunked", [False, True])
def test_large_body_is_refused(serve_gateway: ServeGateway, is_chunked: bool) -> None:
    gateway = serve_gateway(max_body_bytes=100_000)
    content: Any = iter([b"x" * 10_000] * 50) if is_chunked else b"x" * 500_000
    answer = gateway.client.post("/v1/messages", content=content, headers={"x-api-key": SERVICE_TOKEN})
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")


def test_too_many_at_once_are_refused(serve_gateway: ServeGateway, upstream: ScriptedModel) -> None:
    gateway = serve_gateway(user_concurrency=3)
    upstream.extend(*[Reply.text("slow", delay_s=0.5)] * 3)
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(gateway.ask, stream=True) for _ in range(3)]
        upstream.wait_for_requests(3)
        refused = gateway.ask()
        assert [each.result().status_code for each in running] == [200] * 3
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    upstream.extend(Reply.text("free"))
    wait_until(lambda: gateway.ask().status_code == 200)  # the gateway sees an answer's end after its reader


def test_slow_headers_are_given_up(serve_gateway: ServeGateway) -> None:
    gateway = serve_gateway(header_timeout_s=0.3)
    started = time.monotonic()
    connections = [socket.create_connection(("127.0.0.1", gateway.port), 10) for _ in range(50)]
    for number, connection in enumerate(connections):
        connection.sendall([b"", b"POST /v1/mess", HEAD.encode(), b"\r\n"][number % 4])
    while time.monotonic() - started < 1:
        for connection in connections[1::4]:
            _dribble(connection)
        for connection in connections[3::4]:
            _dribble(connection, b"\r\n")
        time.sleep(0.1)
    answers = [read_all(connection, 0.1) for connection in connections]
    for connection in connections:
        connection.close()
    assert {status_of(answer) for answer in answers if answer} == {408}
    assert gateway.client.get("/healthz").status_code == 200


def _dribble(connection: socket.socket, data: bytes = b"a") -> None:
    with suppress(OSError):
        connection.sendall(data)


def test_slow_body_is_given_up(serve_gateway: ServeGateway, upstream: ScriptedModel) -> None:
    gateway = serve_gateway(idle_timeout_s=0.4)
    answer = gateway.raw(f"{HEAD}content-length: 500\r\n\r\n{{".encode())
    assert status_of(answer) == 408
    assert not upstream.requests


def test_client_that_does_not_read_is_let_go(serve_gateway: ServeGateway) -> None:
    gone = threading.Event()

    def pour(connection: socket.socket) -> None:
        connection.settimeout(120)  # beyond what the test waits: only the gateway's leaving ends it
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        try:
            while True:
                connection.sendall(b"data: {}\n\n" * 10_000)
        except ConnectionError:
            gone.set()

    with _upstream_that(pour) as (port, _):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}", idle_timeout_s=0.5)
        with socket.create_connection(("127.0.0.1", gateway.port), 10) as connection:
            connection.sendall(f"{HEAD}content-length: 2\r\n\r\n{{}}".encode())
            assert gone.wait(60)  # half a second, and what a busy machine takes


def test_client_that_reads_slowly_gets_every_event_in_order(serve_gateway: ServeGateway) -> None:
    """Whether its events are passed on while they are received, or have to wait until it takes what was sent."""
    events = [_text_event(f"event {n}, {'x' * 500}") for n in range(20_000)]
    whole, is_full = b"".join(events), threading.Event()

    def pour(connection: socket.socket) -> None:
        while not connection.recv(65_536).endswith(b"{}"):
            pass
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events)
        left = memoryview(SSE_HEAD + chunks + b"0\r\n\r\n")
        while left:
            if not select.select([], [connection], [], 0.2)[1]:
                is_full.set()
            left = left[connection.send(left[:100_000]) :]
        is_full.set()

    with _upstream_that(pour) as (port, _):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}")
        with gateway.client.stream(
            "POST", "/v1/messages", json={}, headers={"x-api-key": SERVICE_TOKEN}
        ) as answer:
            pieces = answer.iter_raw()
            seen = bytearray(next(pieces))
            assert is_full.wait(60)
            for piece in pieces:
                seen += piece
        assert seen == whole
        ((_, _, tokens),) = used(gateway)
        assert tokens > 20_000 * 500 / 10 or tokens == 128_000


def _text_event(text: str) -> bytes:
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return f"event: content_block_delta\ndata: {json.dumps(event)}\n\n".encode()


# -- ends -------------------------------------------------------------------------------------------------------


def test_client_that_goes_away_ends_the_upstream_request(
    own_gateway: Served, upstream: ScriptedModel
) -> None:
    upstream.extend(SLOWLY)
    body = json.dumps({"model": "claude-sonnet-4-5", "messages": [], "stream": True})
    request = f"{HEAD}content-length: {len(body)}\r\n\r\n{body}"
    connection = socket.create_connection(("127.0.0.1", own_gateway.port), 10)
    connection.sendall(request.encode())
    seen = b""
    while b"text_delta" not in seen:
        seen += connection.recv(65_536)
    connection.close()
    left = time.monotonic()
    wait_until(lambda: upstream.disconnects == 1)
    assert time.monotonic() - left < 1.0
    wait_until(lambda: used(own_gateway))
    ((account, tokens, answered),) = used(own_gateway)
    assert account == "service:shared"
    assert tokens > 0
    assert answered > 0
    wait_until(lambda: any('"client_gone"' in line for line in own_gateway.log))


def test_client_that_goes_away_before_an_answer_ends_it_too(gateway: Served, upstream: ScriptedModel) -> None:
    upstream.extend(Silence())
    connection = socket.create_connection(("127.0.0.1", gateway.port), 10)
    body = json.dumps({"messages": [], "stream": True})
    connection.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n{body}".encode())
    upstream.wait_for_requests(1)
    connection.close()
    wait_until(lambda: upstream.disconnects == 1, 2)


@contextmanager
def _upstream_that(answers: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that reads a request's head, and then does as it likes."""
    arrived: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()
        server.settimeout(0.1)

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(10)
                    head = b""
                    while not head.endswith(b"\r\n\r\n") and (piece := connection.recv(1)):
                        head += piece
                    arrived.append(head)
                    answers(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], arrived
        finally:
            stop.set()
            thread.join()


def _say(*pieces: bytes, wait_s: float = 0.0) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        time.sleep(wait_s)

    return say


JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "is_cut"),
    [
        pytest.param(_say(), 502, False, id="drops at once"),
        pytest.param(_say(b"this is not HTTP\r\n\r\n"), 502, False, id="speaks something else"),
        pytest.param(_say(wait_s=0.8), 504, False, id="says nothing"),
        pytest.param(_say(JSON_HEAD + b"100\r\n\r\n{"), 200, True, id="claims more than it sends"),
        pytest.param(_say(JSON_HEAD + b"2\r\n\r\n{}garbage"), 502, False, id="sends more than it claims"),
        pytest.param(_say(JSON_HEAD + b"x\r\n\r\n{}"), 502, False, id="lies in its length"),
        pytest.param(_say(SSE_HEAD + b"5\r\ndata:\r\n"), 200, True, id="drops a stream"),
        pytest.param(_say(SSE_HEAD + b"zz\r\ndata:\r\n"), 502, False, id="breaks a stream at once"),
        pytest.param(_say(SSE_HEAD + b"5\r\ndata:\r\n", wait_s=0.8), 200, True, id="stalls a stream"),
        pytest.param(_say(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"), 302, False, id="sends elsewhere"),
    ],
)  # fmt: skip
def test_upstream_that_misbehaves(
    serve_gateway: ServeGateway, answer: Callable[[socket.socket], None], status: int, is_cut: bool
) -> None:
    with _upstream_that(answer) as (port, arrived):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}", idle_timeout_s=0.4)
        got = gateway.raw(f"{HEAD}content-length: 2\r\n\r\n{{}}".encode())
        assert status_of(got) == status, got
        assert len(arrived) == 1
        if is_cut:  # the client can tell that it was not all
            head, _, body = got.partition(b"\r\n\r\n")
            assert not body.endswith(b"0\r\n\r\n")
            assert b"chunked" in head or len(body) < 100
            wait_until(lambda: any('"upstream_cut"' in line or '"timeout"' in line for line in gateway.log))
        elif status >= 500:
            assert json.loads(got.partition(b"\r\n\r\n")[2])["type"] == "error"
        assert gateway.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("is_read", [True, False], ids=["its end", "a reset"])
@pytest.mark.parametrize(
    ("prompt", "status"), [("word", 200), ("word " * 20_000, 502)], ids=["small", "large"]
)
def test_connection_that_the_upstream_closes_when_it_is_used_again_is_replaced(
    serve_gateway: ServeGateway, is_read: bool, prompt: str, status: int
) -> None:
    """Servers close what has been idle for a while; a request that meets that was not looked at, and is sent anew."""

    def answer_and_close(connection: socket.socket) -> None:
        read_all(connection, 0.1)
        connection.sendall(JSON_HEAD + b"2\r\n\r\n{}")
        connection.settimeout(0.5)
        with suppress(OSError):
            connection.recv(65_536, 0 if is_read else socket.MSG_PEEK)

    with _upstream_that(answer_and_close) as (port, arrived):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}")
        assert gateway.ask(messages=[prompt]).status_code == 200
        once = _input_tokens(gateway)
        assert gateway.ask(messages=[prompt]).status_code == status
        if status == 200:
            assert _input_tokens(gateway) == 2 * once
        assert len(arrived) == (2 if status == 200 else 1)


def test_request_that_was_worked_on_is_not_sent_twice(serve_gateway: ServeGateway) -> None:
    """A connection that is lost while the model thinks was not closed for being idle."""

    def answer_once(connection: socket.socket) -> None:
        read_all(connection, 0.1)
        connection.sendall(JSON_HEAD + b"2\r\n\r\n{}")
        read_all(connection, 2.5)

    with _upstream_that(answer_once) as (port, arrived):
        gateway = serve_gateway(upstream_url=f"http://127.0.0.1:{port}")
        assert gateway.ask().status_code == 200
        assert gateway.ask().status_code == 502
        assert len(arrived) == 1


def _input_tokens(gateway: Served) -> int:
    wait_until(lambda: used(gateway))
    return sum(tokens for _, tokens, _ in used(gateway))


def test_dropped_stream_is_counted(own_gateway: Served, upstream: ScriptedModel) -> None:
    upstream.extend(Dropped("half of what was to be said"))
    with pytest.raises(httpx.RemoteProtocolError):
        own_gateway.ask(stream=True)
    wait_until(lambda: used(own_gateway))


def test_database_that_is_away_holds_no_answer_back(
    own_gateway: Served, upstream: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **_more: object) -> None:
        raise StoreUnavailableError("gone")

    upstream.extend(Reply.text("all the same"))
    with monkeypatch.context() as broken:
        broken.setattr("neuroworkflow_agent.gateway.store.Store.exchange", away)
        assert said(own_gateway.ask(stream=True)) == "all the same"
        assert own_gateway.client.get("/readyz").status_code == 503
        assert own_gateway.client.get("/healthz").status_code == 200
    wait_until(lambda: used(own_gateway))
    wait_until(lambda: own_gateway.client.get("/readyz").status_code == 200)


def test_request_that_the_end_of_the_gateway_cuts_is_told_to_come_again(
    tmp_path: Path, upstream: ScriptedModel
) -> None:
    def wait(connection: socket.socket) -> None:
        read_all(connection, 10)

    with _upstream_that(wait) as (port, arrived):
        with gateways(tmp_path, upstream) as serve:
            gateway = serve(upstream_url=f"http://127.0.0.1:{port}")
            connection = socket.create_connection(("127.0.0.1", gateway.port), 10)
            connection.sendall(f"{HEAD}content-length: {len(BODY)}\r\n\r\n{BODY}".encode())
            wait_until(lambda: arrived)
        answer = read_all(connection)
        connection.close()
    assert status_of(answer) == 503
    assert b"The gateway is restarting; try again." in answer
    assert any('"aborted", "reason": "shutdown"' in line for line in gateway.log)


def test_caller_that_goes_while_it_is_being_identified_is_not_waited_for(
    serve_gateway: ServeGateway,
) -> None:
    with _upstream_that(_say(wait_s=1.5)) as (port, arrived):
        gateway = serve_gateway(hub_api_url=f"http://127.0.0.1:{port}")
        connection = socket.create_connection(("127.0.0.1", gateway.port), 10)
        head = HEAD.replace(SERVICE_TOKEN, "a-token-for-the-hub-01")
        connection.sendall(f"{head}content-length: {len(BODY)}\r\n\r\n{BODY}".encode())
        wait_until(lambda: arrived)
        connection.close()
        wait_until(lambda: any('"client_gone"' in line for line in gateway.log), 1)


# -- its own pages ----------------------------------------------------------------------------------------------


def test_metrics_and_log_tell_no_secret_and_no_body(own_gateway: Served, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("a secret answer"), Failure(529, "busy"))
    own_gateway.ask(messages=[{"role": "user", "content": "a secret question"}], stream=True)
    own_gateway.ask()
    own_gateway.ask(token="a-wrong-token-0000001")
    wait_until(lambda: len(own_gateway.log) >= 3)
    metrics = own_gateway.client.get("/metrics").text
    assert (
        'neuroworkflow_gateway_requests_total{outcome="complete",purpose="messages",status="529"} 1.0'
        in metrics
    )
    assert 'neuroworkflow_gateway_refusals_total{reason="credential"} 1.0' in metrics
    assert 'neuroworkflow_gateway_tokens_total{kind="output"}' in metrics
    told = "\n".join(own_gateway.log)
    for secret in ("secret answer", "secret question", REAL_KEY, SERVICE_TOKEN, "a-wrong-token"):
        assert secret not in told + metrics
    first = json.loads(own_gateway.log[0])
    assert {
        "caller": "service:shared",
        "purpose": "messages",
        "status": 200,
        "outcome": "complete",
    }.items() <= first.items()
    assert first["tokens"] > 0


def test_refused_connections_are_in_metrics_and_log(serve_gateway: ServeGateway) -> None:
    gateway = serve_gateway(header_timeout_s=0.2, peer_connections=3)
    many = "".join(f"a{n}: b\r\n" for n in range(101))
    for request in (
        f"{HEAD}{many}\r\n",
        f"{HEAD}transfer-encoding: gzip, chunked\r\n\r\n",
        "\x16\x03\x01",
        HEAD,
    ):
        assert status_of(gateway.raw(request.encode("latin-1"))) in (400, 408, 431)
    held = [socket.create_connection(("127.0.0.1", gateway.port), 10) for _ in range(4)]
    assert read_all(held[0]).startswith(b"HTTP/1.1 503 ")
    for connection in held:
        connection.close()
    wait_until(lambda: len(gateway.log) == 5)
    told = [json.loads(line) for line in gateway.log]
    assert [(line["reason"], line["status"], line["peer"], line["count"]) for line in told] == [
        ("headers", 431, "127.0.0.1", 1),
        ("length", 400, "127.0.0.1", 1),
        ("http", 400, "127.0.0.1", 1),
        ("late", 408, "127.0.0.1", 1),
        ("crowded", 503, "127.0.0.1", 1),
    ]
    metrics = gateway.client.get("/metrics").text
    for reason in ("headers", "length", "http", "late", "crowded"):
        assert f'neuroworkflow_gateway_connections_refused_total{{reason="{reason}"}} 1.0' in metrics


def test_metrics_may_need_a_token(serve_gateway: ServeGateway) -> None:
    gateway = serve_gateway(metrics_token="prometheus-token-01")
    assert gateway.client.get("/metrics").status_code == 401
    shown = {"authorization": "Bearer prometheus-token-01"}
    assert gateway.client.get("/metrics", headers=shown).status_code == 200


def test_metrics_at_a_port_of_their_own_are_at_no_other(
    serve_gateway: ServeGateway, upstream: ScriptedModel
) -> None:
    port = free_port()
    gateway = serve_gateway(metrics_port=port)
    upstream.extend(Reply.text("one"))
    assert gateway.ask().status_code == 200
    assert gateway.client.get("/metrics").status_code == 404
    shown = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert (
        'neuroworkflow_gateway_requests_total{outcome="complete",purpose="messages",status="200"} 1.0'
        in shown
    )


def test_many_at_once_each_get_their_own_answer(serve_gateway: ServeGateway, upstream: ScriptedModel) -> None:
    gateway = serve_gateway(user_concurrency=100)
    upstream.extend(*[lambda request: Reply.text(f"to {request.body['max_tokens']}")] * 60)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: gateway.ask(max_tokens=n), range(60)))
    assert [answer.json()["content"][0]["text"] for answer in answers] == [f"to {n}" for n in range(60)]


def test_usage_on_the_command_line(
    own_gateway: Served, upstream: ScriptedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from neuroworkflow_agent.cli import app

    upstream.extend(Reply.text("hi"))
    own_gateway.ask()
    monkeypatch.setenv("NEUROWORKFLOW_GATEWAY_DATABASE_URL", f"sqlite:///{tmp_path / 'gateway.db'}")
    printed = CliRunner().invoke(app, ["gateway", "usage", "--json"])
    (row,) = json.loads(printed.output)
    assert (row["account"], row["model"], row["requests"]) == ("service:shared", "claude-sonnet-4-5", 1)
    table = CliRunner().invoke(app, ["gateway", "usage", "--days", "7", "--account", "service:shared"]).output
    assert "service:shared" in table
