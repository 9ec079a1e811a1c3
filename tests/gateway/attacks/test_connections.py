"""Many connections, slow ones, half-closed ones: whoever opens them loses their own, and others are served."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.gateway.attacks.conftest import (
    SERVICE_TOKEN,
    Attacked,
    attacked_gateway,
    read_all,
    wait_until,
)
from tests.tiers import THOROUGH

pytestmark = pytest.mark.server

HEAD = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {SERVICE_TOKEN}\r\n".encode()
STREAM = b'{"model": "claude-sonnet-4-5", "messages": [], "stream": true}'
REQUEST = HEAD + b"content-length: %d\r\n\r\n%b" % (len(STREAM), STREAM)
ELSEWHERE = "127.0.0.2"


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """For this process, which opens more connections than the gateway can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def held(
    attacked: Attacked, count: int, first: bytes, peer: str = "127.0.0.1"
) -> Iterator[list[socket.socket]]:
    """So many connections, each with a beginning of something."""
    with ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(attacked.connect(peer))
            with suppress(OSError):
                connection.sendall(first)
            connections.append(connection)
        yield connections


def is_open(connection: socket.socket) -> bool:
    connection.settimeout(0.2)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return True
    except OSError:
        pass
    return False


def is_streaming(connection: socket.socket) -> bool:
    seen = b""
    while b"text_delta" not in seen and (piece := connection.recv(65_536)):
        seen += piece
    return b"text_delta" in seen


def test_descriptors_are_as_many_as_allowed(attacked: Attacked) -> None:
    assert psutil.Process(attacked.process.pid).rlimit(psutil.RLIMIT_NOFILE) == (1_024, 1_024)


@pytest.mark.usefixtures("many_descriptors")
@pytest.mark.parametrize(
    "first", [b"P", pytest.param(REQUEST.replace(b"token", b"t0ken"), marks=pytest.mark.thorough)]
)
def test_more_connections_than_descriptors_keep_nobody_out(
    attacked: Attacked, upstream: ScriptedModel, first: bytes
) -> None:
    upstream.extend(*[Reply.text("on and on " * 100, delay_s=0.2)] * 3)
    with attacked.connect() as running:
        running.sendall(REQUEST)
        assert is_streaming(running)
        with held(attacked, 1_100 if THOROUGH else 400, first) as connections:
            for peer in (ELSEWHERE, "127.0.0.1"):
                assert attacked.is_well(peer)
                with attacked.connect(peer) as user:
                    user.sendall(REQUEST)
                    assert is_streaming(user)
            assert attacked.descriptors() < 700
            assert not is_open(connections[0])  # the oldest had to go
            assert is_streaming(running)  # what was running is not touched
    wait_until(lambda: attacked.descriptors() < 100)


@pytest.mark.thorough
@pytest.mark.usefixtures("many_descriptors")
def test_one_address_has_only_so_many(tmp_path: Path, upstream: ScriptedModel) -> None:
    with (
        attacked_gateway(upstream.base_url, tmp_path, (256, 4_096), peer_connections=50) as attacked,
        held(attacked, 100, b"P", ELSEWHERE) as others,
        held(attacked, 60, b"P") as ours,
    ):
        for of_one in (ours, others):
            wait_until(lambda first=of_one[0]: not is_open(first))  # type: ignore[misc]
            assert is_open(of_one[-1])
        assert attacked.descriptors() < 130


SLOW = {
    "nothing": (b"", b""),
    "a method": (b"POS", b"T"),
    "a target": (b"GET /", b"a"),
    "a header": (HEAD, b"a"),
    "headers": (HEAD, b"a: b\r\n"),
    "blank lines": (b"", b"\r\n"),
    "a body without a token": (b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n\r\n", b"a"),
    "trailers without a token": (
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
        b"a: b\r\n",
    ),
    "trailers": (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"a: b\r\n"),
    "a chunk's length": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"0"),
    "a chunk's extension": (HEAD + b"transfer-encoding: chunked\r\n\r\n1;", b"a"),
    "headers of a second request": (b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /", b"a"),
}  # fmt: skip


def test_slow_senders_are_given_up(attacked: Attacked) -> None:
    """However they dribble, and whatever else they are told. A known caller's body has twice the three seconds."""
    slow = {
        name: case for name, case in SLOW.items() if THOROUGH or ("chunk" not in name and name != "trailers")
    }
    started = time.monotonic()
    with ExitStack() as stack:
        left = {}
        for name, (first, more) in slow.items():
            left[name] = stack.enter_context(attacked.connect()), more
            left[name][0].sendall(first)
            left[name][0].setblocking(False)
        while left and time.monotonic() - started < 30:
            time.sleep(0.2)
            left = {name: each for name, each in left.items() if not _is_closed(*each)}
    assert not left


def _is_closed(connection: socket.socket, more: bytes) -> bool:
    try:
        connection.send(more)
        return not connection.recv(65_536)
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.thorough
def test_idle_connection_is_closed_without_a_word(attacked: Attacked) -> None:
    with attacked.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.thorough
def test_slow_reader_of_a_stream_is_served(attacked: Attacked, upstream: ScriptedModel) -> None:
    """It takes little, but it takes something."""
    upstream.extend(Reply.text("x" * 300_000, pieces=30))
    with attacked.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(REQUEST)
        seen = b""
        while b"message_stop" not in seen[-500:]:
            piece = connection.recv(8_192)
            assert piece
            seen += piece
            time.sleep(0.01)


@pytest.mark.thorough
def test_never_read_end_of_an_answer_holds_no_connection(attacked: Attacked, upstream: ScriptedModel) -> None:
    """What is left of it is less than what makes a server wait."""
    upstream.extend(Reply.text("x" * 6_000_000, pieces=100))
    before = attacked.descriptors()
    with attacked.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(REQUEST.replace(b"host: x", b"connection: close"))
        wait_until(lambda: attacked.descriptors() > before)
        wait_until(lambda: attacked.descriptors() <= before, 15)


@pytest.mark.parametrize(
    "first",
    [b"", b"G", HEAD, HEAD + b"content-length: 9\r\n\r\n{", REQUEST],
    ids=["nothing", "a byte", "headers", "some of a body", "a request"],
)
def test_half_closed_connection_is_closed(attacked: Attacked, upstream: ScriptedModel, first: bytes) -> None:
    upstream.extend(Reply.text("slowly " * 100, delay_s=0.1))
    before = attacked.descriptors()
    with attacked.connect() as connection:
        connection.sendall(first)
        connection.shutdown(socket.SHUT_WR)
        read_all(connection, 1)
        wait_until(lambda: attacked.descriptors() <= before + 2)


def test_reset_in_the_middle_leaves_nothing(attacked: Attacked, upstream: ScriptedModel) -> None:
    count = 300 if THOROUGH else 20
    upstream.extend(*[Reply.text("slowly " * 100, delay_s=0.1)] * count)
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # a reset instead of an end
    for number in range(count):
        connection = attacked.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.sendall(REQUEST[: len(REQUEST) - number % 3 * 20])
        connection.close()
    wait_until(lambda: attacked.descriptors() < 60, 10)
    wait_until(lambda: b"requests_in_flight 1.0" in attacked.raw(b"GET /metrics HTTP/1.0\r\n\r\n"), 10)
    assert attacked.is_well()
