"""The gateway, beside LiteLLM's proxy and nginx, against the same upstream, in one run; over PostgreSQL where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.rows import Row, percentile
from benchmarks.streaming_client import Target
from neuroworkflow_agent.testing.ports import free_port, wait_for_port

_KEY = "sk-ant-benchmark-key-0000"
_TOKEN = f"sk-{secrets.token_hex(16)}"
_ROUNDS = 300
_WARM_UP = 20
_EVENTS = 10
_LOAD_S = 4.0
_AT_ONCE = 32
_STREAMS = 200
_STREAM_EVENTS = 40
_GAP_S = 0.1


def rows() -> list[Row]:
    """Latency, throughput, and streams at once."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(_upstream())
        direct = Target("direct", upstream, _KEY)
        database = stack.enter_context(_postgres())
        settings = {"NEUROWORKFLOW_GATEWAY_DATABASE_URL": database} if database else {}
        gateway = stack.enter_context(_gateway(upstream, directory, settings))
        others = [stack.enter_context(start(upstream, directory)) for start in (_nginx, _litellm)]
        return asyncio.run(_measure(direct, gateway, [other for other in others if other is not None]))


async def _measure(direct: Target, gateway: Target, others: list[Target]) -> list[Row]:
    added, behind = {}, {}
    for target in (gateway, *others):
        added[target.name], behind[target.name] = await _added(direct, target)
    load = {target.name: await _load(target) for target in (direct, gateway, *others)}
    many = {target.name: await _many(target) for target in (gateway, *others)}
    memory, late = ({name: values[n] for name, values in many.items()} for n in (0, 1))
    ours, theirs = load["gateway"], load.get("LiteLLM")
    return [
        Row("gateway, time to first byte added", _listed(added, "ms", 2), "<= 3 ms", added["gateway"] <= 3),
        Row(
            "gateway, added to an event of a stream",
            _listed(behind, "ms", 2),
            "<= 3 ms",
            behind["gateway"] <= 3,
        ),
        Row(
            f"gateway, requests/s, {_AT_ONCE} at once",
            _listed(load, "", 0)
            + (f"; {ours / theirs:.1f}x LiteLLM" if theirs else "; LiteLLM not installed"),
            ">= 10x LiteLLM",
            ours >= 10 * theirs if theirs else None,
        ),
        Row(
            f"gateway, {_STREAMS} streams at once",
            f"kB a stream: {_listed(memory, '', 0)}; events old, p95: {_listed(late, 'ms', 0)}",
            "<= 100 kB",
            memory["gateway"] <= 100,
        ),
    ]


def _listed(values: dict[str, float], unit: str, digits: int) -> str:
    return ", ".join(f"{name} {value:.{digits}f}{unit and ' ' + unit}" for name, value in values.items())


async def _added(direct: Target, target: Target) -> tuple[float, float]:
    """What a target adds to the time to the first byte and to the age of an event, in ms, asked in turn."""
    pair = direct, target
    connections = [await each.connect() for each in pair]
    first: list[list[float]] = [[], []]
    lag: list[list[float]] = [[], []]
    for turn in range(_WARM_UP + _ROUNDS):
        is_slow = turn % 10 == 0
        for n, connection in enumerate(connections):
            answer = await (connection.ask(3, 0.002) if is_slow else connection.ask(_EVENTS))
            if turn >= _WARM_UP and is_slow:
                lag[n] += answer.lags_s
            elif turn >= _WARM_UP:
                first[n].append(answer.first_byte_s)
    for connection in connections:
        connection.close()
    return (median(first[1]) - median(first[0])) * 1000, (median(lag[1]) - median(lag[0])) * 1000


async def _load(target: Target) -> float:
    """Requests a second."""
    count = 0
    deadline = time.perf_counter() + _LOAD_S

    async def ask_on() -> None:
        nonlocal count
        connection = await target.connect()
        while time.perf_counter() < deadline:
            await connection.ask(_EVENTS)
            count += 1
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(ask_on() for _ in range(_AT_ONCE)))
    return count / (time.perf_counter() - started)


async def _many(target: Target) -> tuple[float, float]:
    """Memory of an open stream in kB, and the age of the events in ms, that 95 of 100 stay below."""
    connections = [await target.connect() for _ in range(_STREAMS)]
    before = _memory(target)
    asking = asyncio.gather(*(connection.ask(_STREAM_EVENTS, _GAP_S) for connection in connections))
    most = before
    while not asking.done():
        await asyncio.sleep(0.1)
        most = max(most, _memory(target))
    answers = await asking
    for connection in connections:
        connection.close()
    lags = [lag for answer in answers for lag in answer.lags_s]
    return (most - before) / _STREAMS / 1000, percentile(lags, 0.95) * 1000


def _memory(target: Target) -> int:
    """Of its process and those it has started, in bytes."""
    process = psutil.Process(target.pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


@contextlib.contextmanager
def _process(command: list[str], **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        assert process.stdout is not None
        process.stdout.close()
        process.wait()


@contextlib.contextmanager
def _upstream() -> Iterator[str]:
    with _process([sys.executable, "-m", "benchmarks.streaming_upstream"]) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"


@contextlib.contextmanager
def _gateway(
    upstream: str, directory: Path, changed: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[Target]:
    port = port or free_port()
    environ = {
        "NEUROWORKFLOW_GATEWAY_API_KEY": _KEY,
        "NEUROWORKFLOW_GATEWAY_UPSTREAM_URL": upstream,
        "NEUROWORKFLOW_GATEWAY_DATABASE_URL": f"sqlite:///{directory / 'gateway.db'}",
        "NEUROWORKFLOW_GATEWAY_USER_TOKENS_PER_DAY": str(10**12),
        "NEUROWORKFLOW_GATEWAY_USER_CONCURRENCY": "1000",
        "NEUROWORKFLOW_SERVICE_TOKEN": _TOKEN,
        **(changed or {}),
    }
    with _process(
        [sys.executable, "-m", "neuroworkflow_agent", "gateway", "--port", str(port)], **environ
    ) as process:
        wait_for_port(port, process, 60)
        yield Target("gateway", f"http://127.0.0.1:{port}", _TOKEN, process.pid)


@contextlib.contextmanager
def _nginx(upstream: str, directory: Path) -> Iterator[Target | None]:
    """With the same job where nginx can do it: the key put in, nothing buffered; no budgets, no users."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        yield None
        return
    port = free_port()
    (directory / "nginx.conf").write_text(
        f"""daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log stderr crit;
        events {{ worker_connections 16384; }}
        http {{
            access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
            upstream up {{ server {upstream.removeprefix("http://")}; keepalive 300; keepalive_requests 1000000000; }}
            keepalive_requests 1000000000;
            server {{
                listen 127.0.0.1:{port};
                location /v1/ {{
                    proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_set_header x-api-key {_KEY}; proxy_buffering off; proxy_request_buffering off;
                }}
            }}
        }}"""
    )
    with _process([program, "-c", str(directory / "nginx.conf"), "-p", str(directory)]) as process:
        wait_for_port(port, process)
        yield Target("nginx", f"http://127.0.0.1:{port}", _TOKEN, process.pid)


@contextlib.contextmanager
def _litellm(upstream: str, directory: Path) -> Iterator[Target | None]:
    """From an environment of its own, which `scripts/bench` makes: its pins do not fit ours."""
    program = os.environ.get("LITELLM_PROXY")
    if program is None:
        yield None
        return
    port = free_port()
    (directory / "litellm.yaml").write_text(
        f"""model_list:
  - model_name: claude-sonnet-4-5
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_base: "{upstream}", api_key: "{_KEY}"}}
general_settings: {{master_key: "{_TOKEN}"}}
litellm_settings: {{telemetry: false}}
"""
    )
    command = [
        program,
        "--config",
        str(directory / "litellm.yaml"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    switches = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "NO_DOCS": "True",
    }
    with _process(command, **switches) as process:
        wait_for_port(port, process, 120)
        yield Target("LiteLLM", f"http://127.0.0.1:{port}", _TOKEN, process.pid)


@contextlib.contextmanager
def _postgres() -> Iterator[str | None]:
    """A PostgreSQL of this run alone; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    initdb = shutil.which("initdb") or (str(found[0]) if found else None)
    if initdb is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="postgres-") as home:
        user: dict[str, Any] = {}
        if os.geteuid() == 0:  # it does not run as root
            user = {"user": "postgres", "group": pwd.getpwnam("postgres").pw_gid, "extra_groups": []}
            shutil.chown(home, "postgres", "postgres")
        quiet: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "cwd": home,
            **user,
        }
        command = [initdb, "-D", f"{home}/data", "-A", "trust", "-U", "gateway", "--no-sync"]
        subprocess.run(command, check=True, **quiet)
        port = free_port()
        program = str(Path(initdb).with_name("postgres"))
        process = subprocess.Popen([program, "-D", f"{home}/data", "-p", str(port), "-k", home, "-h", "127.0.0.1"], **quiet)  # fmt: skip
        try:
            wait_for_port(port, process)
            time.sleep(0.5)
            yield f"postgresql+psycopg://gateway@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait(30)
