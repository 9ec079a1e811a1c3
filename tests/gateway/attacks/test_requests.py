"""Requests that mean one thing to one reader and another to the next, and what is asked for in odd ways."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest

from neuroworkflow_agent.testing import Failure, Reply, ScriptedModel
from tests.gateway.attacks.conftest import REAL_KEY, SERVICE_TOKEN, Attacked, read_all
from tests.tiers import sample

pytestmark = pytest.mark.server

BODY = b'{"model": "claude-sonnet-4-5", "messages": []}'
LENGTH = b"content-length: %d\r\n" % len(BODY)
TOKEN = f"x-api-key: {SERVICE_TOKEN}\r\n".encode()
HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + TOKEN
CHUNKED = b"transfer-encoding: chunked\r\n"
HIDDEN = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n"
"""A request that somebody may have hidden in the body of another."""


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def some(cases: dict[str, Any], at_least: int) -> list[Any]:
    """Cases by name: all of them, or in the suite a few."""
    chosen = sample(list(cases), at_least=at_least)
    return [pytest.param(*_tuple(cases[name]), id=name) for name in chosen]


def _tuple(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)


UNCLEAR = {
    "both lengths": LENGTH + CHUNKED + b"\r\n0\r\n\r\n",
    "both lengths, the other way": CHUNKED + LENGTH + b"\r\n0\r\n\r\n",
    "both, in capitals": b"Content-Length: 4\r\nTRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "the same length twice": b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "lengths in a list": b"content-length: 5, 5\r\n\r\nhello",
    "signed length": b"content-length: +5\r\n\r\nhello",
    "negative length": b"content-length: -1\r\n\r\n",
    "length in hexadecimal": b"content-length: 0x5\r\n\r\nhello",
    "length with an underscore": b"content-length: 1_0\r\n\r\nhellohello",
    "no length's digits": b"content-length: \r\n\r\n",
    "digits of another script": b"content-length: \xd9\xa5\r\n\r\nhello",
    "a length beyond 64 bits": b"content-length: 18446744073709551621\r\n\r\nhello",
    "length before a colon": b"content-length : 5\r\n\r\nhello",
    "length on a folded line": b"content-length:\r\n 5\r\n\r\nhello",
    "chunked twice": CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "chunked, chunked": b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked, then another": b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": b"transfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "gzip, chunked": b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "unknown encoding": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a vertical tab": b"transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "quoted": b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "encoding before a colon": b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "encoding on a folded line": b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed": b"a: b\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare carriage return": b"a: b\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a null": b"a: b\x00c\r\n\r\n",
    "a blank in a name": b"x y: 1\r\n\r\n",
    "no colon": b"header\r\n\r\n",
    "no name": b": 1\r\n\r\n",
    "a header of another script": "gruß: 1\r\n\r\n".encode(),
    "a chunk's length that is none": CHUNKED + b"\r\nzz\r\nhello\r\n0\r\n\r\n",
    "a chunk's negative length": CHUNKED + b"\r\n-5\r\nhello\r\n0\r\n\r\n",
    "a chunk's length with 0x": CHUNKED + b"\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk's length beyond 64 bits": CHUNKED + b"\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a longer chunk than said": CHUNKED + b"\r\n5\r\nhello!\r\n0\r\n\r\n",
    "chunks with bare line feeds": CHUNKED + b"\r\n5\nhello\n0\n\n",
}  # fmt: skip


@pytest.mark.parametrize("rest", some(UNCLEAR, 12))
def test_unclear_request_is_refused_and_nothing_behind_it_read(
    attacked: Attacked, upstream: ScriptedModel, rest: bytes
) -> None:
    answer = attacked.raw(HEAD + rest + HIDDEN)
    assert statuses(answer) == [400], answer
    assert b'"type": "error"' in answer or b'"type":"error"' in answer
    assert b"connection: close" in answer.lower()
    assert not upstream.requests


ODD = {
    "GET of a message": (b"GET /v1/messages HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 405),
    "files": (b"POST /v1/files HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"content-length: 0\r\n\r\n", 404),
    "one file": (b"GET /v1/files/x/content HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "batches": (b"POST /v1/messages/batches HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"content-length: 0\r\n\r\n", 404),
    "keys of the account": (b"GET /v1/organizations/api_keys HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "dots": (b"GET /v1/x/../models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "encoded dots": (b"GET /v1/%2e%2e/v1/models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "encoded slash": (b"GET /v1%2Fmodels HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "two slashes": (b"GET //v1/models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "backslash": (b"GET /v1\\models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "semicolon": (b"GET /v1/models;x HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "null": (b"GET /v1/models%00 HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "capitals": (b"GET /V1/Models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 404),
    "another host's address": (b"POST http://api.anthropic.com/v1/files HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    "another host and no path": (b"GET http://api.anthropic.com HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "a tunnel": (b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "a tunnel to a path": (b"CONNECT /v1/models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 400),
    "star": (b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    "TRACE": (b"TRACE /v1/models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 405),
    "unknown method": (b"BREW /v1/models HTTP/1.1\r\nhost: x\r\n" + TOKEN + b"\r\n", 400),
    "bytes beyond ASCII": (b"GET /v1/models\xff HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 505),
    "HTTP/0.9 by number": (b"GET /healthz HTTP/0.9\r\n\r\n", 505),
    "HTTP/2.0 by number": (b"GET /healthz HTTP/2.0\r\nhost: x\r\n\r\n", 505),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/9.9": (b"GET /healthz HTTP/9.9\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "101 headers": (HEAD + b"".join(b"a%d: b\r\n" % n for n in range(101)) + b"\r\n", 431),
    "a large header": (HEAD + b"a: " + b"a" * 66_000 + b"\r\n\r\n", 431),
    "a large target": (b"GET /v1/models?" + b"a" * 66_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
    "a body of 99 GB": (HEAD + b"content-length: 99999999999\r\n\r\n", 413),
    "chunked in HTTP/1.0": (HEAD.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n0\r\n\r\n", 400),
}  # fmt: skip


@pytest.mark.parametrize(("request_bytes", "status"), some(ODD, 8))
def test_odd_request_is_refused(
    attacked: Attacked, upstream: ScriptedModel, request_bytes: bytes, status: int
) -> None:
    answer = attacked.raw(request_bytes, 0.3)
    assert statuses(answer) == [status], answer
    assert not upstream.requests


CREDENTIALS = {
    "none": b"",
    "an empty one": b"x-api-key: \r\n",
    "two different": TOKEN + b"authorization: Bearer another-token-000001\r\n",
    "the header twice": TOKEN + b"x-api-key: another-token-000001\r\n",
    "a cookie": f"cookie: jupyterhub-session-id={SERVICE_TOKEN}; token={SERVICE_TOKEN}\r\n".encode(),
    "basic": f"authorization: Basic {SERVICE_TOKEN}\r\n".encode(),
    "the beginning of one": TOKEN[:-4] + b"\r\n",
    "more than one": TOKEN[:-2] + b"x\r\n",
    "for the proxy": f"proxy-authorization: Bearer {SERVICE_TOKEN}\r\n".encode(),
    "forwarded": f"x-forwarded-user: admin\r\nx-forwarded-for: 127.0.0.1\r\nx-original-token: {SERVICE_TOKEN}\r\n".encode(),
    "a large one": b"x-api-key: " + b"a" * 20_000 + b"\r\n",
    "one with a tab": TOKEN[:-6] + b"\t" + TOKEN[-6:],
}  # fmt: skip


@pytest.mark.parametrize("shown", some(CREDENTIALS, 4))
def test_whoever_shows_no_single_token_is_a_stranger(
    attacked: Attacked, upstream: ScriptedModel, shown: bytes
) -> None:
    path = f"/v1/messages?x-api-key={SERVICE_TOKEN}&token={SERVICE_TOKEN}&api_key={SERVICE_TOKEN}"
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\n".encode()
    assert statuses(attacked.raw(head + shown + LENGTH + b"\r\n" + BODY, 0.3)) == [401]
    assert not upstream.requests


@pytest.mark.parametrize("shown", [b"", b"x-api-key: wrong-token-0000000001\r\n"])
def test_token_behind_a_body_is_none(attacked: Attacked, upstream: ScriptedModel, shown: bytes) -> None:
    """A trailer is no header: whoever filters headers before us does not see it."""
    head = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + shown + CHUNKED
    answer = attacked.raw(head + b"\r\n%x\r\n%b\r\n0\r\n%b\r\n" % (len(BODY), BODY, TOKEN), 0.3)
    assert statuses(answer) == [401]
    assert not upstream.requests


def test_trailers_are_dropped(attacked: Attacked, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("fine"))
    trailers = b"x-api-key: another-token-000001\r\nanthropic-beta: smuggled\r\nx-app: smuggled\r\n"
    chunks = b'3;a="b"\r\n%b\r\n%x;c\r\n%b\r\n0;d=e\r\n%b\r\n' % (BODY[:3], len(BODY) - 3, BODY[3:], trailers)
    assert statuses(attacked.raw(HEAD + CHUNKED + b"\r\n" + chunks, 0.3)) == [200]
    (request,) = upstream.requests
    assert request.body == {"model": "claude-sonnet-4-5", "messages": []}
    assert "smuggled" not in str(request.headers)


HOPS = (
    b"connection: keep-alive, x-app\r\nkeep-alive: timeout=9\r\nte: trailers\r\ntrailer: x-api-key\r\n"
    b"proxy-connection: keep-alive\r\nproxy-authorization: Basic eDp5\r\nhost: evil.example\r\n"
    b"x-forwarded-host: evil.example\r\nforwarded: host=evil.example\r\nvia: 1.1 evil.example\r\n"
    b"cookie: a=evil\r\nx-http-method-override: DELETE\r\norigin: http://evil.example\r\n"
    b"anthropic-organization-id: evil\r\nx-original-url: /v1/files/evil\r\n"
)


def test_headers_of_a_hop_end_here(attacked: Attacked, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("fine"))
    answer = attacked.raw(HEAD.replace(b"host: x\r\n", HOPS) + LENGTH + b"\r\n" + BODY, 0.3)
    assert statuses(answer) == [200]
    (request,) = upstream.requests
    told = str(request.headers)
    assert not [word for word in ("evil", "trailers", "eDp5", "DELETE", SERVICE_TOKEN) if word in told]
    assert request.headers["x-api-key"] == REAL_KEY
    assert REAL_KEY.encode() not in answer


UPGRADES = {
    "h2c": b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "websocket": b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n",
    "a list": b"Upgrade: h2c, websocket\r\nConnection: close, Upgrade\r\n",
    "twice": b"upgrade: h2c\r\nupgrade: h3\r\nconnection: upgrade\r\n",
    "nothing": b"upgrade: \r\nconnection: upgrade\r\n",
    "without the connection's word": b"upgrade: h2c\r\n",
}  # fmt: skip


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("asked", some(UPGRADES, 1))
def test_request_for_another_protocol_is_answered_in_this_one(
    attacked: Attacked, upstream: ScriptedModel, asked: bytes, is_chunked: bool
) -> None:
    upstream.extend(Reply.text("fine"))
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY) if is_chunked else BODY
    request = HEAD + asked + (CHUNKED if is_chunked else LENGTH) + b"\r\n" + body
    with attacked.connect() as connection:
        for start in range(0, len(request), 100):  # however it arrives
            connection.sendall(request[start : start + 100])
        assert statuses(read_all(connection, answers=1)) == [200]
    (arrived,) = upstream.requests
    assert arrived.body == {"model": "claude-sonnet-4-5", "messages": []}
    assert "upgrade" not in arrived.headers


def test_requests_behind_one_for_another_protocol_are_answered_too(
    attacked: Attacked, upstream: ScriptedModel
) -> None:
    upstream.extend(Reply.text("one"), Reply.text("two"))
    asked = HEAD + UPGRADES["h2c"] + LENGTH + b"\r\n" + BODY
    unasked = b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + UPGRADES["websocket"] + b"\r\n"
    assert statuses(attacked.raw(asked + unasked + asked + unasked, answers=4)) == [200] * 4


def test_second_request_needs_a_token_of_its_own(attacked: Attacked, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("one"))
    second = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    assert statuses(attacked.raw(HEAD + LENGTH + b"\r\n" + BODY + second, answers=2)) == [200, 401]
    assert len(upstream.requests) == 1


def test_body_of_a_refused_request_is_no_request(attacked: Attacked, upstream: ScriptedModel) -> None:
    refused = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(HIDDEN)
    assert statuses(attacked.raw(refused + HIDDEN)) == [401]
    late = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + CHUNKED + b"\r\n"
    with attacked.connect() as connection:
        connection.sendall(late)
        assert statuses(read_all(connection, 0.2)) == [401]
        connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN))
        connection.settimeout(0.5)
        assert statuses(read_all(connection, 0.2)) == []


def test_nothing_is_read_behind_the_last_request(attacked: Attacked, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("one"))
    last = HEAD + b"connection: close\r\n" + LENGTH + b"\r\n" + BODY
    assert statuses(attacked.raw(last + HIDDEN + b"\x00garbage")) == [200]


def test_garbage_behind_a_request_is_refused_when_that_is_answered(
    attacked: Attacked, upstream: ScriptedModel
) -> None:
    upstream.extend(Reply.text("one"))
    assert statuses(attacked.raw(HEAD + LENGTH + b"\r\n" + BODY + b"\x00garbage\r\n\r\n")) == [200, 400]


def test_thousands_of_tiny_chunks_are_one_body(attacked: Attacked, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("fine"))
    body = b'{"model": "claude-sonnet-4-5", "messages": [], "extra": "%b"}' % (b"x" * 30_000)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = HEAD + b"connection: close\r\n" + CHUNKED
    assert statuses(attacked.raw(head + b"\r\n" + chunks)) == [200]
    (request,) = upstream.requests
    assert request.body["extra"] == "x" * 30_000


def test_http_1_0_is_answered_and_closed(attacked: Attacked, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("old"))
    answer = attacked.raw(HEAD.replace(b"1.1", b"1.0") + LENGTH + b"\r\n" + BODY + HIDDEN)
    assert statuses(answer) == [200]


@pytest.mark.parametrize("expected", [b"100-continue", b"something else"])
def test_expectation_is_met_or_ignored(attacked: Attacked, upstream: ScriptedModel, expected: bytes) -> None:
    upstream.extend(Reply.text("fine"))
    with attacked.connect() as connection:
        connection.sendall(HEAD + LENGTH + b"expect: " + expected + b"\r\n\r\n")
        if expected == b"100-continue":
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert statuses(read_all(connection, answers=1)) == [200]


def test_stranger_is_told_so_before_the_body(attacked: Attacked) -> None:
    with attacked.connect() as connection:
        connection.sendall(
            b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n"
        )
        assert statuses(read_all(connection, 0.2)) == [401]


def test_one_byte_at_a_time_is_a_request(attacked: Attacked, upstream: ScriptedModel) -> None:
    upstream.extend(Reply.text("fine"))
    with attacked.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEAD + LENGTH + b"\r\n" + BODY:
            connection.sendall(bytes([byte]))
        assert statuses(read_all(connection, answers=1)) == [200]


def test_key_is_in_nothing_that_anybody_can_have(attacked: Attacked, upstream: ScriptedModel) -> None:
    """Neither where the API repeats it, in a message and in an error, nor on any page, nor in a refusal."""
    upstream.extend(Reply.text(f"It is {REAL_KEY}."), Failure(400, f"The key {REAL_KEY} is odd"))
    message = HEAD + LENGTH + b"\r\n" + BODY
    seen = attacked.raw(message + message, answers=2)
    assert statuses(seen) == [200, 400]
    for path in (b"/metrics", b"/healthz", b"/readyz", b"/v1/models", b"/%b" % REAL_KEY.encode()):
        seen += attacked.raw(b"GET %b HTTP/1.1\r\nhost: x\r\n" % path + TOKEN + b"\r\n", answers=1)
    assert seen.count(b"HTTP/1.1 ") == 7
    assert REAL_KEY.encode() not in seen
