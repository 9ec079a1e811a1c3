"""A gateway as a process of its own, to be attacked over raw sockets."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.environ import private_environ
from neuroworkflow_agent.testing.ports import free_port, wait_for_port
from tests.gateway.conftest import REAL_KEY, SERVICE_TOKEN, read_all, serving

MIB = 2**20


@dataclass
class Attacked:
    """The process of a gateway and where it listens."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def rss(self) -> int:
        """Its memory in bytes."""
        return psutil.Process(self.process.pid).memory_info().rss

    def descriptors(self) -> int:
        """How many it has open."""
        return psutil.Process(self.process.pid).num_fds()

    def connect(self, peer: str = "127.0.0.1", timeout_s: float = 10.0) -> socket.socket:
        """A connection from one of loopback's addresses."""
        return socket.create_connection(("127.0.0.1", self.port), timeout_s, (peer, 0))

    def raw(self, request: bytes, silence_s: float = 0.7, answers: int | None = None) -> bytes:
        """What comes back for these bytes: so many whole answers, or until the gateway closes or is silent for a while."""
        with self.connect() as connection:
            with suppress(OSError):
                connection.sendall(request)
            return read_all(connection, silence_s, answers=answers)

    def is_well(self, peer: str = "127.0.0.1", timeout_s: float = 5.0) -> bool:
        """Whether somebody at `peer` is served."""
        request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        try:
            with self.connect(peer, timeout_s) as connection:
                connection.sendall(request)
                return read_all(connection, timeout_s).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


@contextmanager
def attacked_gateway(
    upstream_url: str, home: Path, descriptors: tuple[int, int] | None = None, **settings: object
) -> Iterator[Attacked]:
    """A gateway process, which ends with the block; `descriptors` are its limits, soft and hard."""
    port = free_port()
    environ = {
        **private_environ(home),
        "NEUROWORKFLOW_GATEWAY_API_KEY": REAL_KEY,
        "NEUROWORKFLOW_GATEWAY_UPSTREAM_URL": upstream_url,
        "NEUROWORKFLOW_GATEWAY_DATABASE_URL": f"sqlite:///{home / 'usage.db'}",
        "NEUROWORKFLOW_SERVICE_TOKEN": SERVICE_TOKEN,
        **{f"NEUROWORKFLOW_GATEWAY_{name.upper()}": str(value) for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "neuroworkflow_agent", "gateway", "--port", str(port)]
    if descriptors is not None:
        limits = "ulimit -Sn {}; ulimit -Hn {}".format(*descriptors)
        command = ["bash", "-c", f'{limits}; exec "$@"', "bash", *command]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stderr=log)
    try:
        wait_for_port(port, process, 60)
        yield Attacked(process, port, home / "log")
        assert process.poll() is None, "It did not survive."
    finally:
        process.kill()
        process.wait()
    assert REAL_KEY not in (home / "log").read_text()


def wait_until(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return when it holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "It did not come true."
        time.sleep(0.02)


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[ScriptedModel]:
    """The Messages API behind all of them; its script is each test's own."""
    with ScriptedModel(api_key=REAL_KEY) as model:
        yield model


class SlowHub:
    """A Hub that answers one question after the other, as JupyterHub does, each in 15 ms; it knows `real-…`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        token = Request(scope).headers["authorization"].removeprefix("token ")
        async with self._lock:
            self.asked.append(token)
            await asyncio.sleep(0.015)
        response = Response(status_code=403)
        if token.startswith("real-"):
            scopes = ["access:services!service=neuroworkflow-gateway"]
            response = JSONResponse({"kind": "user", "name": token, "session_id": None, "scopes": scopes})
        await response(scope, receive, send)


@pytest.fixture(scope="session")
def hub() -> SlowHub:
    """The Hub of `attacked`."""
    return SlowHub()


@pytest.fixture(scope="session")
def attacked(
    tmp_path_factory: pytest.TempPathFactory, upstream_server: ScriptedModel, hub: SlowHub
) -> Iterator[Attacked]:
    """One gateway for all attacks that need no settings of their own: short of time and of descriptors."""
    with (
        serving(hub, lifespan="off") as hub_url,
        attacked_gateway(
            upstream_server.base_url,
            tmp_path_factory.mktemp("attacked"),
            (256, 1_024),
            hub_api_url=hub_url,
            user_concurrency=1_000,
            header_timeout_s=3,
            # The upstream is a thread of the tests: on a busy machine it may get no turn for seconds.
            idle_timeout_s=6,
        ) as gateway,
    ):
        yield gateway


def flood(connection: socket.socket, piece: bytes, most: int) -> int:
    """Send `piece` again and again until the other side closes, or `most` bytes are gone; how many were."""
    sent = 0
    connection.settimeout(5)
    try:
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


__all__ = [
    "MIB",
    "REAL_KEY",
    "SERVICE_TOKEN",
    "Attacked",
    "attacked_gateway",
    "flood",
    "read_all",
    "wait_until",
]
