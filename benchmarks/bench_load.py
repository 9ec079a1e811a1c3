"""Many streams held at once: the gateway beside nginx and LiteLLM's proxy, and replicas of which one is killed and one added.

`BENCH_STREAMS` (1,000) is how many at once, `BENCH_SECONDS` (60) how long. Whatever else is set for a gateway,
`NEUROWORKFLOW_GATEWAY_…`, holds for those measured here, too. All clients come from one address and one account.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.bench_gateway import _gateway, _litellm, _memory, _nginx, _postgres, _process, _upstream
from benchmarks.rows import Row, percentile
from benchmarks.streaming_client import Target
from neuroworkflow_agent.gateway.store import Store
from neuroworkflow_agent.gateway.totals import Line, today
from neuroworkflow_agent.testing.ports import free_port, wait_for_port

_STREAMS = int(os.environ.get("BENCH_STREAMS", "1000"))
_SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
_EVENTS_PER_S = 2_000
"""Of all streams together: what a client in one process can time to the millisecond."""
_RAMP_S = 3.0
_OUTPUT_TOKENS = 9
"""What the upstream says that each answer used."""
_MOST_KIB = 64
_WARM_UP = 30
_CORES = sorted(os.sched_getaffinity(0))
_TRY_AGAIN_S = 0.5
"""After which Anthropic's clients ask again."""


@dataclass
class Held:
    """What was seen of streams held at once."""

    lags_s: list[float] = field(default_factory=list)
    done: int = 0
    broken: int = 0
    """Streams that ended without their end."""
    failed: int = 0
    """Of those, the ones that were not answered on a second try either."""
    idle_mib: float = 0.0
    """Memory before there were any, after some warming up."""
    kib: float = 0.0
    """Memory of a stream."""
    core: float = 0.0
    """Share of a core that was used."""

    def and_later(self, other: Held) -> Held:
        """Both together."""
        return Held(
            self.lags_s + other.lags_s,
            self.done + other.done,
            self.broken + other.broken,
            self.failed + other.failed,
            max(self.idle_mib, other.idle_mib),
            max(self.kib, other.kib),
            max(self.core, other.core),
        )

    @property
    def p95_ms(self) -> float:
        """Age of the events that 95 of 100 stay below."""
        return percentile(self.lags_s, 0.95) * 1000 if self.lags_s else math.inf


def rows() -> list[Row]:
    """Age of events, memory, loss and accounts; then with a replica killed and one added."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.callback(os.sched_setaffinity, 0, _CORES)
        os.sched_setaffinity(0, _CORES[:-1] or _CORES)
        upstream = stack.enter_context(_upstream())
        database = stack.enter_context(_postgres()) or f"sqlite:///{directory / 'load.db'}"
        side_by_side = _side_by_side(upstream, directory, database)
        os.sched_setaffinity(0, _CORES)
        return [*side_by_side, *_replicas(upstream, directory, database)]


def _side_by_side(upstream: str, directory: Path, database: str) -> list[Row]:
    held: dict[str, Held] = {}
    # nginx before ours and after: what else the machine does in these minutes hits both alike. All hold as long, for
    # events gather into larger bursts the longer streams are held.
    for start in (_nginx, _our_gateway(database), _nginx, _litellm):
        with _on_a_core_of_its_own(start(upstream, directory)) as target:
            if target is not None:
                seen = asyncio.run(_hold(target, _STREAMS, _SECONDS))
                held[target.name] = held[target.name].and_later(seen) if target.name in held else seen
    ours, theirs = held["gateway"], held.get("nginx")
    booked = _booked(database)
    is_in_time = ours.p95_ms <= 2 * theirs.p95_ms if theirs else None
    name = f"{_STREAMS:,} streams for {_SECONDS:g} s"
    return [
        Row(f"{name}, age of events, p95", _each(held, lambda h: f"{h.p95_ms:.1f} ms"), "<= 2x nginx", is_in_time),
        Row(f"{name}, memory of a stream", _each(held, lambda h: f"{h.kib:.0f} KiB"), f"<= {_MOST_KIB} KiB", ours.kib <= _MOST_KIB),
        Row(f"{name}, memory without any", _each(held, lambda h: f"{h.idle_mib:.0f} MiB")),
        Row(f"{name}, lost", _each(held, lambda h: f"{h.broken}"), "0", ours.broken == 0),
        Row(f"{name}, of a core", _each(held, lambda h: f"{h.core:.0%}")),
        Row(f"{name}, booked", f"{booked.requests:,} of {ours.done + _WARM_UP:,} answers, in {database.split(':')[0]}", "each once",
            _is_booked_once(booked, ours.done + _WARM_UP)),
    ]  # fmt: skip


@contextlib.contextmanager
def _on_a_core_of_its_own(
    starting: contextlib.AbstractContextManager[Target | None],
) -> Iterator[Target | None]:
    """Start it on the last core, and leave the others to the client, the upstream and the database.

    As a proxy has that is not on its clients' machine; else a scheduler that finds no idle core has an event wait for
    the slice of whoever measures it.
    """
    os.sched_setaffinity(0, _CORES[-1:])
    with starting as target:
        os.sched_setaffinity(0, _CORES[:-1] or _CORES)
        yield target


def _each(held: dict[str, Held], value: Any) -> str:
    return ", ".join(f"{name} {value(each)}" for name, each in held.items())


def _is_booked_once(booked: Line, answers: int, ended_unseen: int = 0) -> bool:
    is_whole = booked.output_tokens == booked.requests * _OUTPUT_TOKENS
    return answers <= booked.requests <= answers + ended_unseen and (is_whole or ended_unseen > 0)


def _our_gateway(database: str) -> Any:
    return lambda upstream, directory: _gateway(upstream, directory, _settings(database))


def _settings(database: str) -> dict[str, str]:
    given = {"DATABASE_URL": database, "USER_CONCURRENCY": str(2 * _STREAMS)}
    return {f"NEUROWORKFLOW_GATEWAY_{name}": value for name, value in given.items()}


def _booked(database: str) -> Line:
    """Everything that is written down of today."""
    with Store(database) as store:
        lines = store.lines(today(), today())
    sums = {
        name: sum(getattr(line, name) for line in lines)
        for name in ("requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_usd")
    }  # fmt: skip
    return Line(today(), "", "", **sums)


async def _hold(target: Target, streams: int, seconds: float) -> Held:
    """Hold so many streams; what is slow to begin does not count as late."""
    for _ in range(_WARM_UP):
        await _ask(target, Held(), 3, 0.0)
    held, gap_s = Held(), streams / _EVENTS_PER_S
    before, used = _memory(target), _cpu_s(target)
    started, most = time.perf_counter(), before
    asking = asyncio.gather(
        *(_ask(target, held, math.ceil((seconds + _RAMP_S) / gap_s), gap_s, n / streams * _RAMP_S) for n in range(streams))
    )  # fmt: skip
    while not asking.done():
        await asyncio.sleep(0.25)
        most = max(most, _memory(target))
    await asking
    held.idle_mib = before / 2**20
    held.kib = (most - before) / streams / 1024
    held.core = (_cpu_s(target) - used) / (time.perf_counter() - started)
    return held


async def _ask(target: Target, held: Held, events: int, gap_s: float, wait_s: float = 0.0) -> None:
    """One stream; if it breaks, a short one in its place, as a client would try again."""
    await asyncio.sleep(wait_s)
    for attempt, count in enumerate((events, 3)):
        await asyncio.sleep(attempt * _TRY_AGAIN_S)
        try:
            async with asyncio.timeout(events * gap_s * 3 + 60):
                connection = await target.connect()
                try:
                    answer = await connection.ask(count, gap_s)
                finally:
                    connection.close()
        except (OSError, TimeoutError):
            held.broken += attempt == 0
            held.failed += attempt == 1
            continue
        held.done += 1
        # Until all have begun, the machine is busy with beginning.
        held.lags_s += answer.lags_s[math.ceil(_RAMP_S / gap_s) + 1 :] if gap_s else []
        return


def _cpu_s(target: Target) -> float:
    process = psutil.Process(target.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


# -- replicas ---------------------------------------------------------------------------------------------------------


def _replicas(upstream: str, directory: Path, database: str) -> list[Row]:
    """Two behind nginx; one is killed while they hold streams, and a third comes."""
    name = f"{_STREAMS:,} streams, a replica killed and one added"
    if shutil.which("nginx") is None:
        return [Row(name, "nginx is not installed")]
    before = _booked(database)
    ports = [free_port() for _ in range(3)]
    with contextlib.ExitStack() as stack:
        killed, _ = (
            stack.enter_context(_gateway(upstream, directory, _settings(database), port)) for port in ports[:2]
        )  # fmt: skip
        front = stack.enter_context(_balancer(directory, ports[:2], killed))

        async def run() -> tuple[Held, Held, int]:
            first, later = Held(), Held()
            gap_s = _STREAMS / _EVENTS_PER_S
            events = math.ceil(_SECONDS / gap_s)
            asking = asyncio.gather(*(_ask(front, first, events, gap_s, n / _STREAMS * _RAMP_S) for n in range(_STREAMS)))  # fmt: skip
            await asyncio.sleep(_RAMP_S + _SECONDS / 3)
            psutil.Process(killed.pid).kill()
            await asyncio.to_thread(
                stack.enter_context, _gateway(upstream, directory, _settings(database), ports[2])
            )
            await _send_to(directory, ports[1:], front)
            connections = await asyncio.to_thread(_connections, database)
            await asyncio.gather(*(_ask(front, later, events // 3, gap_s) for _ in range(_STREAMS // 4)))
            await asking
            return first, later, connections

        first, later, connections = asyncio.run(run())
        text = httpx.get(f"http://127.0.0.1:{ports[2]}/metrics").text
    served = sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("neuroworkflow_gateway_requests_total") and '"messages"' in line)  # fmt: skip
    booked, done = _booked(database), first.done + later.done
    answers = booked.requests - before.requests
    on_it = f"{first.broken} streams ended with the one that was killed, {first.failed} of them not answered on a second try"
    return [
        Row(f"{name}: lost", f"{on_it}; lost later {later.broken}", "no more than were on it, 0, 0",
            first.broken <= 0.6 * _STREAMS and first.failed == later.broken == 0),
        Row(f"{name}: served by the new one", f"{served:,.0f}", "> 0", served > 0),
        # One whose end was written down may have been killed before its client saw it.
        Row(f"{name}: booked", f"{answers:,} of {done:,} whole answers", "each once",
            done <= answers <= done + first.broken),
        Row(f"{name}: connections to PostgreSQL", f"{connections} of 2 replicas" if connections else "measured without PostgreSQL"),
    ]  # fmt: skip


@contextlib.contextmanager
def _balancer(directory: Path, ports: list[int], key: Target) -> Iterator[Target]:
    port = free_port()
    _configure(directory, port, ports)
    program = shutil.which("nginx") or "nginx"
    with _process([program, "-c", str(directory / "balancer.conf"), "-p", str(directory)]) as process:
        wait_for_port(port, process)
        yield key.at(f"http://127.0.0.1:{port}", process.pid)


async def _send_to(directory: Path, ports: list[int], balancer: Target) -> None:
    """From now on to these, as a Service does when a replica is ready or gone; what runs goes on."""
    assert balancer.pid is not None
    _configure(directory, balancer.port, ports)
    psutil.Process(balancer.pid).send_signal(signal.SIGHUP)
    await asyncio.sleep(1)


def _configure(directory: Path, port: int, ports: list[int]) -> None:
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=1 fail_timeout=1s;" for each in ports)
    (directory / "balancer.conf").write_text(
        f"""daemon off; worker_processes 1; pid {directory}/balancer.pid; error_log stderr crit;
        events {{ worker_connections {max(4096, 6 * _STREAMS)}; }}
        http {{
            access_log off; client_body_temp_path {directory}/b1; proxy_temp_path {directory}/b2;
            fastcgi_temp_path {directory}/b3; uwsgi_temp_path {directory}/b4; scgi_temp_path {directory}/b5;
            upstream up {{ {servers} }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
                }}
            }}
        }}"""
    )


def _connections(database: str) -> int:
    """How many are open to PostgreSQL but this one; 0 if it is none."""
    if not database.startswith("postgresql"):
        return 0
    import psycopg

    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    return int(row[0]) if row else 0
