"""The gateway as a process of its own: many streams, its end, and who can look into it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from neuroworkflow_agent.gateway.store import Store
from neuroworkflow_agent.gateway.totals import today
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.ports import free_port
from tests.gateway.conftest import REAL_KEY, SERVICE_TOKEN, wait_until
from tests.gateway.test_service import _say, _upstream_that
from tests.tiers import THOROUGH

_STREAMS = 200
_WORDS = 20 if THOROUGH else 8


Start = Callable[..., "Process"]


@dataclass
class Process:
    """`neuroworkflow-agent gateway`, its port, and where it logs and writes down."""

    popen: subprocess.Popen[bytes]
    port: int
    log: Path
    database: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}")

    def ends_within(self, seconds: float) -> bool:
        """With success, that is."""
        return self.popen.wait(seconds) == 0

    def outcomes(self) -> list[tuple[str, str]]:
        """Of requests to the model: how they ended, and why."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [(line["outcome"], line["reason"]) for line in lines if line.get("purpose") == "messages"]

    def written(self) -> tuple[int, int]:
        """Requests and tokens of answers in the record."""
        with Store(f"sqlite:///{self.database}") as store:
            lines = store.lines(today(), today())
        return sum(line.requests for line in lines), sum(line.output_tokens for line in lines)


@pytest.fixture
def start(upstream: ScriptedModel, tmp_path: Path) -> Iterator[Start]:
    """Starts gateways, which end with the test."""
    with ExitStack() as stack:

        def started(ready: str = "/readyz", **environ: str) -> Process:
            process = Process(_popen(upstream, tmp_path, environ), *_places(tmp_path, environ))
            stack.callback(process.popen.wait)
            stack.callback(process.popen.kill)
            _wait_until(process, ready)
            return process

        yield started
    assert REAL_KEY not in (tmp_path / "log").read_text()


def _popen(upstream: ScriptedModel, home: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    environ.setdefault("PORT", str(free_port()))
    settings = {
        "API_KEY": REAL_KEY,
        "UPSTREAM_URL": upstream.base_url,
        "DATABASE_URL": f"sqlite:///{home / 'usage.db'}",
        "JOURNAL_DIR": str(home / "journals"),
        "USER_CONCURRENCY": "1000",
        **environ,
    }
    variables = {f"NEUROWORKFLOW_GATEWAY_{name}": value for name, value in settings.items()}
    variables["NEUROWORKFLOW_SERVICE_TOKEN"] = SERVICE_TOKEN
    command = [sys.executable, "-m", "neuroworkflow_agent", "gateway"]
    with (home / "log").open("ab") as log:
        return subprocess.Popen(command, env={**os.environ, **variables}, stderr=log)


def _places(home: Path, environ: dict[str, str]) -> tuple[int, Path, Path]:
    return int(environ["PORT"]), home / "log", home / "usage.db"


def _wait_until(process: Process, answers: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if process.get(answers).is_success:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, process.log.read_text()
        time.sleep(0.05)


async def _stream(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": "claude-sonnet-4-5", "messages": [], "stream": True})
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {SERVICE_TOKEN}\r\nconnection: close\r\ncontent-length: {len(body)}"
    try:
        writer.write(f"{head}\r\n\r\n{body}".encode())
        return await reader.read()
    finally:
        writer.close()


def test_many_streams_at_once_in_little_memory(start: Start, upstream: ScriptedModel) -> None:
    process = start()
    gateway, port = process.popen, process.port
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


# -- how it ends ------------------------------------------------------------------------------------------


def _stop_during(process: Process, upstream: ScriptedModel, *signals: signal.Signals) -> bytes:
    """Send signals while an answer is on its way; gives as much of that as comes."""

    async def ask_and_stop() -> bytes:
        asking = asyncio.ensure_future(_stream(process.port))
        await asyncio.to_thread(upstream.wait_for_requests, 1)
        await asyncio.sleep(0.3)
        for each in signals:
            process.popen.send_signal(each)
            await asyncio.sleep(0.3)
        return await asking

    return asyncio.run(ask_and_stop())


def test_readiness_goes_first_and_what_it_began_is_finished_and_written_down(
    start: Start, upstream: ScriptedModel
) -> None:
    process = start(DRAIN_S="1.5")
    upstream.extend(Reply.text("word " * 15, delay_s=0.1), Reply.text("late"))

    async def ask_and_stop() -> tuple[bytes, int, bytes]:
        asking = asyncio.ensure_future(_stream(process.port))
        await asyncio.to_thread(upstream.wait_for_requests, 1)
        process.popen.send_signal(signal.SIGTERM)
        while (ready := await asyncio.to_thread(process.get, "/readyz")).is_success:
            await asyncio.sleep(0.05)
        # Whoever has not heard of it yet is still served.
        late = await _stream(process.port)
        return await asking, ready.status_code, late

    answer, ready, late = asyncio.run(ask_and_stop())
    assert (answer.count(b"text_delta"), ready, late.count(b"text_delta")) == (15, 503, 1)
    assert process.ends_within(10)
    assert process.outcomes() == [("complete", ""), ("complete", "")]
    assert process.written() == (2, 10)
    assert not list(process.database.parent.glob("journals/*"))


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]], ids=["grace", "hub"])
def test_what_the_grace_cuts_is_written_down_as_what_it_was(
    start: Start, upstream: ScriptedModel, signals: list[signal.Signals]
) -> None:
    """After the grace of a second; or at once at the second signal, as a Hub sends it before it kills."""
    process = start(DRAIN_S="0", GRACE_S="1" if len(signals) == 1 else "60")
    upstream.extend(Reply.text("word " * 400, delay_s=0.05))
    answer = _stop_during(process, upstream, *signals)
    assert b"message_start" in answer
    assert b"message_stop" not in answer
    assert process.ends_within(10)
    assert process.outcomes() == [("aborted", "shutdown")]
    requests, tokens = process.written()
    said = answer.count(b"text_delta")
    assert requests == 1
    assert said <= tokens <= 2 * said + 5


def test_answer_that_the_end_cuts_before_it_began_is_estimated_and_its_reservation_settled(
    start: Start,
) -> None:
    """The API writes it to its end, and charges it, whether anybody waits or not."""
    with _upstream_that(_say(wait_s=2)) as (port, arrived):
        process = start(
            UPSTREAM_URL=f"http://127.0.0.1:{port}", DRAIN_S="0", GRACE_S="1", USER_USD_PER_DAY="5"
        )

        async def ask_and_stop() -> bytes:
            asking = asyncio.ensure_future(_stream(process.port))
            await asyncio.to_thread(wait_until, lambda: arrived)
            process.popen.send_signal(signal.SIGTERM)
            return await asking

        answer = asyncio.run(ask_and_stop())
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert process.ends_within(10)
    assert process.outcomes() == [("aborted", "shutdown")]
    requests, tokens = process.written()
    assert requests == 1
    assert 80 <= tokens <= 400  # it had more than a second
    with sqlite3.connect(process.database) as database:
        (settled,) = database.execute("SELECT settled_at IS NOT NULL FROM gateway_exchanges").fetchall()
    assert settled == (1,)


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_update_of_all_replicas_under_load_loses_and_doubles_nothing(
    start: Start, upstream: ScriptedModel, postgres_database: str
) -> None:
    """Clients go where readiness says, as a Service sends them; two replicas are replaced one after the other."""
    upstream.extend(*[Reply.text("word " * 10, delay_s=0.1)] * 5_000)

    def begin() -> Process:
        return start(DATABASE_URL=postgres_database, DRAIN_S="4", GRACE_S="30", USER_USD_PER_DAY="1000")

    ready, is_over, outcomes = [begin(), begin()], threading.Event(), Counter[str]()

    def ask_on(n: int) -> None:
        while not is_over.is_set():
            try:
                answer = asyncio.run(_stream(ready[n % len(ready)].port))
            except ConnectionError:
                outcomes["refused connection"] += 1
                continue
            whole = answer.count(b"text_delta") == 10 and b"message_stop" in answer
            outcomes["whole" if whole else "refused" if answer.startswith(b"HTTP/1.1 4") else "lost"] += 1

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask_on, n) for n in range(8)]
        for _ in range(2):
            ready.append(begin())
            leaving = ready[0]
            leaving.popen.send_signal(signal.SIGTERM)
            ready.remove(leaving)  # a moment after the signal, as a Service learns of it
            assert leaving.ends_within(60)
        is_over.set()
        for each in asking:
            each.result()
    for process in ready:
        process.popen.send_signal(signal.SIGTERM)
        assert process.ends_within(60)
    with Store(postgres_database) as store:
        written = sum(line.requests for line in store.lines(today(), today()))
    assert outcomes.keys() == {"whole"}, outcomes
    assert written == outcomes["whole"] == len(upstream.requests)


def test_database_that_is_away_at_the_start_may_come_later(
    start: Start, upstream: ScriptedModel, tmp_path: Path
) -> None:
    away = tmp_path / "not yet"
    process = start("/healthz", DATABASE_URL=f"sqlite:///{away / 'usage.db'}")
    process.database = away / "usage.db"
    refused = process.get("/readyz")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert asyncio.run(_stream(process.port)).startswith(b"HTTP/1.1 503")
    assert "The database does not answer, and requests are refused until it does" in process.log.read_text()
    away.mkdir()
    _wait_until(process, "/readyz")
    upstream.extend(Reply.text("here"))
    assert b"message_stop" in asyncio.run(_stream(process.port))
    assert process.written() == (1, 5)


@pytest.mark.thorough  # it waits for the four seconds that the database is given, and boots two gateways
def test_killed_in_the_middle_it_leaves_nothing_that_the_next_one_counts_wrongly(
    start: Start, upstream: ScriptedModel, tmp_path: Path
) -> None:
    """One answer is whole and waits for the database, one has begun; then the process is gone."""
    process = start(USER_TOKENS_PER_DAY="100000")
    upstream.extend(
        Reply.text("word " * 400, delay_s=0.1), Reply.text("word", delay_s=0.5), Reply.text("next")
    )

    async def ask_and_kill() -> bytes:
        cut = asyncio.ensure_future(_stream(process.port))
        await asyncio.to_thread(upstream.wait_for_requests, 1)
        whole = asyncio.ensure_future(_stream(process.port))
        await asyncio.to_thread(upstream.wait_for_requests, 2)
        with contextlib.closing(sqlite3.connect(process.database)) as other:
            other.execute("BEGIN IMMEDIATE")  # as a database that hangs
            answer = await whole
            process.popen.kill()
            with contextlib.suppress(ConnectionError):
                assert b"message_stop" not in await cut
            return answer

    assert b"message_stop" in asyncio.run(ask_and_kill())
    process.popen.wait()
    assert len(list((tmp_path / "journals").iterdir())) == 1
    assert process.written() == (0, 0)
    process = start(USER_TOKENS_PER_DAY="100000")
    assert process.written() == (1, 5)
    assert b"message_stop" in asyncio.run(_stream(process.port))
    assert process.written() == (2, 10)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_other_processes_of_the_user_cannot_look_into_it() -> None:
    code = (
        "import ctypes; from neuroworkflow_agent.gateway.server import hide_from_other_processes as hide\n"
        "hide(); print(ctypes.CDLL(None).prctl(3))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "0"


def test_gateway_stands_alone() -> None:
    """Serving it loads neither the engine nor the SDK, nor IPython; nor `mcp`, if it has no workflow tools."""
    code = (
        "import sys, neuroworkflow_agent.gateway.server\n"
        "heavy = ('claude_agent_sdk', 'IPython', 'mcp', 'neuroworkflow_agent.engine', 'neuroworkflow_agent.kernels', 'neuroworkflow_agent.tools', 'neuroworkflow_agent.surfaces')\n"
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
             "NEUROWORKFLOW_GATEWAY_DATABASE_URL": "postgresql+psycopg://u:hidden-password@127.0.0.1:1/x",
             "NEUROWORKFLOW_GATEWAY_JOURNAL_DIR": "/dev/null/journals"},
            "What is used cannot be kept in '/dev/null/journals': Not a directory. Set NEUROWORKFLOW_GATEWAY_JOURNAL_DIR",
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
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['aiohttp'] = None")
    command = [sys.executable, "-m", "neuroworkflow_agent", "gateway"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert ran.stderr.strip() == 'The gateway needs aiohttp: pip install "neuroworkflow-agent[gateway]".'
