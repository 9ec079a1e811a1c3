"""Nobody's memory: what callers send without end is counted as it comes, and ends the connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.gateway.attacks.conftest import MIB, SERVICE_TOKEN, Attacked, flood, read_all
from tests.tiers import THOROUGH

pytestmark = pytest.mark.server

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n"
KNOWN = HEAD + f"x-api-key: {SERVICE_TOKEN}\r\n".encode()
STREAM = b'{"model": "claude-sonnet-4-5", "messages": [], "stream": true}'
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
MOST = 64 * MIB
"""What an attacker sends if nobody stops them."""
LIMIT = 8 * MIB
"""What they may have sent when they are stopped: nearly all of it is on its way, in the sockets' buffers."""
GROWTH = 12 * MIB

ENDLESS = {
    "target": (b"GET /", b"a" * 65_536),
    "target with a query": (b"GET /v1/models?", b"a=b&" * 16_384),
    "method": (b"", b"A" * 65_536),
    "blank lines before a request": (b"", b"\r\n" * 32_768),
    "header's name": (HEAD, b"a" * 65_536),
    "header's value": (HEAD + b"a: ", b"a" * 65_536),
    "headers": (HEAD, b"".join(b"a%d: b\r\n" % n for n in range(6_000))),
    "tiny headers": (HEAD, b"a:\r\n" * 16_384),
    "folded header": (HEAD + b"a: b\r\n", b" c\r\n" * 16_384),
    "trailers without a token": (HEAD + CHUNKED + b"0\r\n", b"".join(b"a%d: b\r\n" % n for n in range(6_000))),
    "tiny trailers without a token": (HEAD + CHUNKED + b"0\r\n", b"a:\r\n" * 16_384),
    "trailer's value": (HEAD + CHUNKED + b"0\r\na: ", b"a" * 65_536),
    "trailers with a token": (KNOWN + CHUNKED + b"0\r\n", b"a: b\r\n" * 11_000),
    "trailers behind a body": (KNOWN + CHUNKED + b"5\r\nhello\r\n0\r\n", b"a: b\r\n" * 11_000),
    "trailers to a path that is not": (b"POST /x HTTP/1.1\r\nhost: x\r\n" + CHUNKED + b"0\r\n", b"a: b\r\n" * 11_000),
    "trailers of HTTP/1.0": (b"POST /v1/messages HTTP/1.0\r\n" + CHUNKED + b"0\r\n", b"a: b\r\n" * 11_000),
    "chunk extension": (HEAD + CHUNKED + b"1;", b"a" * 65_536),
    "chunk extension with a token": (KNOWN + CHUNKED + b"1;", b"a" * 65_536),
    "quoted chunk extension": (KNOWN + CHUNKED + b'1;a="', b"a" * 65_536),
    "chunk's length": (HEAD + CHUNKED, b"0" * 65_536),
    "padded chunks": (KNOWN + CHUNKED, (b"1;" + b"a" * 8_000 + b"\r\nx\r\n") * 8),
    "requests at once": (b"", b"GET /x HTTP/1.1\r\n\r\n" * 3_500),
    "requests behind one with a token": (KNOWN + b"content-length: 2\r\n\r\n{}", b"GET /x HTTP/1.1\r\n\r\n" * 3_500),
}  # fmt: skip
_FAST = (
    "trailers without a token",
    "tiny headers",
    "header's value",
    "trailers behind a body",
    "padded chunks",
    "requests at once",
)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(*attack, id=name, marks=() if name in _FAST else pytest.mark.thorough)
        for name, attack in ENDLESS.items()
    ],
)
def test_endless_bytes_end_the_connection(
    attacked: Attacked, upstream: ScriptedModel, start: bytes, piece: bytes
) -> None:
    before = attacked.rss()
    with attacked.connect() as connection:
        connection.sendall(start)
        sent = flood(connection, piece, MOST)
        assert sent < LIMIT
        assert attacked.rss() - before < GROWTH
    assert attacked.is_well()


@contextmanager
def _running_stream(attacked: Attacked, upstream: ScriptedModel) -> Iterator[socket.socket]:
    """A connection on which an answer is coming, slowly."""
    upstream.extend(Reply.text("never ending " * 200, delay_s=0.05))
    with attacked.connect() as connection:
        connection.sendall(KNOWN + b"content-length: %d\r\n\r\n%b" % (len(STREAM), STREAM))
        seen = b""
        while b"text_delta" not in seen:
            seen += connection.recv(65_536)
        yield connection


BEHIND = {
    "a target": (b"GET /", b"a" * 65_536),
    "headers": (HEAD, b"a: b\r\n" * 11_000),
    "a header's value": (HEAD + b"a: ", b"a" * 65_536),
    "trailers": (HEAD + CHUNKED + b"0\r\n", b"a: b\r\n" * 11_000),
    "requests": (b"", b"GET /x HTTP/1.1\r\n\r\n" * 3_500),
    "blank lines": (b"", b"\r\n" * 32_768),
}


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(*attack, id=name, marks=() if name == "headers" else pytest.mark.thorough)
        for name, attack in BEHIND.items()
    ],
)
def test_endless_bytes_behind_a_running_stream_end_it(
    attacked: Attacked, upstream: ScriptedModel, start: bytes, piece: bytes
) -> None:
    before = attacked.rss()
    with _running_stream(attacked, upstream) as connection:
        connection.sendall(start)
        assert flood(connection, piece, MOST) < LIMIT
        assert attacked.rss() - before < GROWTH
    assert attacked.is_well()


def test_body_behind_a_running_stream_waits_outside(attacked: Attacked, upstream: ScriptedModel) -> None:
    """It is a request that will be served, but its megabytes stay in the network until then."""
    before = attacked.rss()
    with _running_stream(attacked, upstream) as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.sendall(KNOWN + b"content-length: 30000000\r\n\r\n" + b"x" * 30_000_000)
        assert attacked.rss() - before < GROWTH
    assert attacked.is_well()


@pytest.mark.thorough
def test_refused_body_is_not_read_for_ever(attacked: Attacked) -> None:
    """A client may send all of a refused request before it reads why; endless ones are closed."""
    before = attacked.rss()
    with attacked.connect() as connection:
        connection.sendall(HEAD + CHUNKED)
        assert flood(connection, b"10000\r\n" + b"x" * 65_536 + b"\r\n", 64 * 1024 * MIB) < 64 * 1024 * MIB
        assert attacked.rss() - before < GROWTH


def test_many_who_send_what_is_just_allowed_fit(attacked: Attacked) -> None:
    """Headers of the largest size from many at once, none of them finished."""
    count = 300 if THOROUGH else 60
    before = attacked.rss()
    with ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(attacked.connect())
            connection.sendall(HEAD + b"a: " + b"a" * 65_000)
        assert attacked.is_well()
        assert attacked.rss() - before < count * 160_000 + GROWTH


def test_answers_that_nobody_reads_are_not_kept(attacked: Attacked, upstream: ScriptedModel) -> None:
    """126 MiB of answers to callers who never read: neither kept in memory nor waited for."""
    upstream.extend(*[Reply.text("x" * MIB, pieces=64)] * 126)
    count = 126 if THOROUGH else 12
    before = attacked.rss()
    done = threading.Event()

    def ask_and_not_read(_: int) -> None:
        with attacked.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(KNOWN + b"content-length: %d\r\n\r\n%b" % (len(STREAM), STREAM))
            done.wait(30)

    with ThreadPoolExecutor(count) as pool:
        asking = [pool.submit(ask_and_not_read, n) for n in range(count)]
        try:
            upstream.wait_for_requests(count)
            assert attacked.is_well()
            assert attacked.rss() - before < count * 400_000 + GROWTH
        finally:
            done.set()
        for each in asking:
            each.result()


@pytest.mark.parametrize("path", [b"/x", b"/metrics", b"/healthz"])
def test_requests_whose_answers_nobody_reads_end(attacked: Attacked, path: bytes) -> None:
    """One connection that asks on and on and reads nothing."""
    before = attacked.rss()
    with attacked.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sent = flood(connection, b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path * 8, 4 * MIB)
        assert sent < 4 * MIB
        assert attacked.rss() - before < GROWTH
        read_all(connection, 0.1)
    assert attacked.is_well()
