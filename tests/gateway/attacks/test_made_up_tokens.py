"""Tokens that nobody has: they wait for each other, not others for them, and the Hub hears of few."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path

import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from tests.gateway.attacks.conftest import (
    MIB,
    SERVICE_TOKEN,
    Attacked,
    SlowHub,
    attacked_gateway,
    read_all,
    wait_until,
)
from tests.tiers import THOROUGH

pytestmark = pytest.mark.server

ABANDONED = 2_680 if THOROUGH else 400
BODY = b'{"model": "claude-sonnet-4-5", "messages": []}'


def request(token: str) -> bytes:
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\nconnection: close\r\n"
    return f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY


def ask(attacked: Attacked, token: str, peer: str) -> tuple[bytes, float]:
    """The status line of an answer and how long it took, in s."""
    started = time.monotonic()
    with attacked.connect(peer, 60) as connection:
        connection.sendall(request(token))
        return read_all(connection, 60).partition(b"\r\n")[0], time.monotonic() - started


def abandon(attacked: Attacked, peer: str, stop: threading.Event) -> None:
    """Show made-up tokens, each on a connection that is closed a little later."""
    waiting: deque[socket.socket] = deque()
    for number in range(ABANDONED):
        waiting.append(attacked.connect(peer))
        waiting[-1].sendall(request(f"made-up-{peer}-{number:08}"))
        if len(waiting) > 100:
            waiting.popleft().close()
        if stop.is_set():
            break
    stop.wait(60)
    for connection in waiting:
        connection.close()


@pytest.mark.parametrize(
    ("ours", "token", "theirs"),
    [
        pytest.param("127.0.0.2", "real-new-000000000001", "127.0.1.1", id="a new user elsewhere"),
        pytest.param(
            "127.0.1.2", "real-known-0000000001", "127.0.1.2", id="a known user at the same address"
        ),
    ],
)
def test_flood_of_made_up_tokens_makes_no_user_wait(
    hub: SlowHub, attacked: Attacked, upstream: ScriptedModel, ours: str, token: str, theirs: str
) -> None:
    upstream.extend(*[Reply.text("fine")] * 2)
    if "known" in token:
        ask(attacked, token, ours)
    before, first = attacked.rss(), len(hub.asked)
    stop = threading.Event()
    flood = threading.Thread(target=abandon, args=(attacked, theirs, stop))
    flood.start()
    try:
        wait_until(lambda: len(hub.asked) >= first + 5)
        status, took_s = ask(attacked, token, ours)
        assert status == b"HTTP/1.1 200 OK"
        assert took_s < 15
        if "new" in token:
            assert hub.asked.index(token) - first < 100
    finally:
        stop.set()
        flood.join()
    assert len(hub.asked) - first < 150
    assert attacked.rss() - before < 30 * MIB


def test_made_up_tokens_are_answered_at_once_when_there_are_many(attacked: Attacked) -> None:
    """No queue of thousands: a caller is told to come again."""
    with ExitStack() as stack:
        connections = [stack.enter_context(attacked.connect("127.0.1.3")) for _ in range(270)]
        for number, connection in enumerate(connections):
            connection.sendall(request(f"made-up-many-{number:08}"))
        answers = [read_all(connection, 10) for connection in connections]
    assert {answer[9:12] for answer in answers} == {b"401", b"429"}
    assert all(b"retry-after: " in answer for answer in answers if answer[9:12] == b"429")


@pytest.mark.thorough
def test_hub_that_never_answers_holds_up_only_its_own_users(upstream: ScriptedModel, tmp_path: Path) -> None:
    """Whoever shows a service token needs no Hub."""
    upstream.extend(Reply.text("fine"))
    with socket.create_server(("127.0.0.1", 0), backlog=500) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with attacked_gateway(upstream.base_url, tmp_path, hub_api_url=url) as attacked:
            for number in range(300):
                with attacked.connect() as connection:
                    connection.sendall(request(f"made-up-{number:08}"))
            status, took_s = ask(attacked, SERVICE_TOKEN, "127.0.0.1")
            assert (status, took_s < 5) == (b"HTTP/1.1 200 OK", True)
            status, took_s = ask(attacked, "real-new-000000000001", "127.0.0.2")
            assert (status, took_s < 20) == (b"HTTP/1.1 503 Service Unavailable", True)
