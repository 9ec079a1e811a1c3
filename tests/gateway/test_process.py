"""The gateway as a process of its own: many streams, its end, and who can look into it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.ports import free_port
from tests.gateway.conftest import REAL_KEY, SERVICE_TOKEN

_STREAMS = 200
_WORDS = 20


@pytest.fixture
def process(upstream: ScriptedModel, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`neuroworkflow-agent gateway` and its port; what it logs is in `log`."""
    port = free_port()
    environ = {
        **os.environ,
        "NEUROWORKFLOW_GATEWAY_API_KEY": REAL_KEY,
        "NEUROWORKFLOW_GATEWAY_UPSTREAM_URL": upstream.base_url,
        "NEUROWORKFLOW_GATEWAY_DATABASE_URL": f"sqlite:///{tmp_path / 'usage.db'}",
        "NEUROWORKFLOW_GATEWAY_USER_CONCURRENCY": "1000",
        "NEUROWORKFLOW_SERVICE_TOKEN": SERVICE_TOKEN,
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "neuroworkflow_agent", "gateway", "--port", str(port)],
            env=environ,
            stderr=log,
        )
    try:
        _wait_until_healthy(port)
        yield process, port
    finally:
        process.kill()
        process.wait()
    assert REAL_KEY not in (tmp_path / "log").read_text()


def _wait_until_healthy(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz").is_success:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def _stream(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": "claude-sonnet-4-5", "messages": [], "stream": True})
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {SERVICE_TOKEN}\r\nconnection: close\r\ncontent-length: {len(body)}"
    writer.write(f"{head}\r\n\r\n{body}".encode())
    answer = await reader.read()
    writer.close()
    return answer


def test_many_streams_at_once_in_little_memory(
    process: tuple[subprocess.Popen[bytes], int], upstream: ScriptedModel
) -> None:
    gateway, port = process
    upstream.extend(*[Reply.text("word " * _WORDS, delay_s=0.2)] * (_STREAMS + 1))
    asyncio.run(_stream(port))
    before = most = psutil.Process(gateway.pid).memory_info().rss

    async def all_at_once() -> list[bytes]:
        nonlocal most
        asking = asyncio.gather(*(_stream(port) for _ in range(_STREAMS)))
        while not asking.done():
            most = max(most, psutil.Process(gateway.pid).memory_info().rss)
            await asyncio.sleep(0.1)
        return await asking

    answers = asyncio.run(all_at_once())
    assert [answer.count(b"text_delta") for answer in answers] == [_WORDS] * _STREAMS
    assert all(answer.endswith(b"0\r\n\r\n") for answer in answers)
    assert (most - before) / _STREAMS <= 100_000
    assert "in_flight 1.0" in httpx.get(f"http://127.0.0.1:{port}/metrics").text  # only this request


def test_it_ends_when_told_to_and_finishes_what_it_began(
    process: tuple[subprocess.Popen[bytes], int], upstream: ScriptedModel
) -> None:
    gateway, port = process
    upstream.extend(Reply.text("word " * 10, delay_s=0.1))

    async def ask_and_stop() -> bytes:
        asking = asyncio.ensure_future(_stream(port))
        await asyncio.to_thread(upstream.wait_for_requests, 1)
        gateway.send_signal(signal.SIGTERM)
        return await asking

    assert asyncio.run(ask_and_stop()).count(b"text_delta") == 10
    assert gateway.wait(20) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_other_processes_of_the_user_cannot_look_into_it() -> None:
    code = (
        "import ctypes; from neuroworkflow_agent.gateway.server import hide_from_other_processes as hide\n"
        "hide(); print(ctypes.CDLL(None).prctl(3))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "0"


def test_gateway_stands_alone() -> None:
    """Serving it loads neither the engine nor the SDK, nor IPython."""
    code = (
        "import sys, neuroworkflow_agent.gateway.server\n"
        "heavy = ('claude_agent_sdk', 'IPython', 'neuroworkflow_agent.engine', 'neuroworkflow_agent.kernels', 'neuroworkflow_agent.tools', 'neuroworkflow_agent.surfaces')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ANTHROPIC_API_KEY": REAL_KEY}, "Nobody could call this gateway"),
        ({"NEUROWORKFLOW_SERVICE_TOKEN": SERVICE_TOKEN}, "needs the key"),
        (
            {"ANTHROPIC_API_KEY": REAL_KEY, "NEUROWORKFLOW_SERVICE_TOKEN": SERVICE_TOKEN,
             "NEUROWORKFLOW_GATEWAY_DATABASE_URL": "postgresql+psycopg://u:hidden-password@127.0.0.1:1/x"},
            "The database does not answer",
        ),
    ],
)  # fmt: skip
def test_what_keeps_it_from_starting_is_said(environ: dict[str, str], said: str) -> None:
    command = [sys.executable, "-m", "neuroworkflow_agent", "gateway", "--port", "0"]
    ran = subprocess.run(
        command, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "hidden-password" not in ran.stderr


def test_missing_package_is_named(tmp_path: Path) -> None:
    """Without the extra: a sentence, whichever of its packages is missing."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['httpx_aiohttp'] = None")
    command = [sys.executable, "-m", "neuroworkflow_agent", "gateway"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert (
        ran.stderr.strip() == 'The gateway needs httpx_aiohttp: pip install "neuroworkflow-agent[gateway]".'
    )
