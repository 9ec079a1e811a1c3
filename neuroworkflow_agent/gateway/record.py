"""What is told of requests: a line of JSON each, and counters for Prometheus. No bodies, no secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from neuroworkflow_agent.errors import GatewayError
from neuroworkflow_agent.gateway.refused import RefusedConnections
from neuroworkflow_agent.gateway.usage import Usage

Outcome: TypeAlias = Literal[
    "complete", "refused", "client_gone", "upstream_cut", "timeout", "aborted", "failed"
]

_access = logging.getLogger("neuroworkflow_agent.gateway.access")
_FIRST_BYTE_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(slots=True)
class Exchange:
    """One request, as the log tells it."""

    method: str
    purpose: str = "-"
    caller: str = "-"
    status: int = 0
    outcome: Outcome = "complete"
    reason: str = ""
    """Why it was refused or broke off, one word."""
    request_id: str = ""
    """The upstream's name for it."""
    sent_bytes: int = 0
    received_bytes: int = 0
    usage: Usage | None = None
    cost_usd: float = 0.0
    unclear: tuple[str, ...] = ()
    """What of its usage or its price is estimated, or the dearest there is; one word each."""
    id: str = field(default_factory=lambda: uuid4().hex)
    """Ours, under which it is written down."""
    day: date | None = None
    """On which it was admitted; None if no budget asked."""
    started: float = field(default_factory=time.perf_counter)
    first_byte_s: float | None = None

    def answered(self, status: int) -> None:
        """The answer has begun."""
        self.status = status
        if self.first_byte_s is None:
            self.first_byte_s = time.perf_counter() - self.started


class Record:
    """The access log and the metrics of one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        name = "neuroworkflow_gateway"
        self._requests = Counter(
            f"{name}_requests", "Requests.", ["purpose", "status", "outcome"], registry=registry
        )
        self._refusals = Counter(f"{name}_refusals", "Requests refused here.", ["reason"], registry=registry)
        self._tokens = Counter(f"{name}_tokens", "Tokens used.", ["kind"], registry=registry)
        self._cost = Counter(f"{name}_cost_usd", "Cost in US dollars.", registry=registry)
        self._unclear = Counter(
            f"{name}_unclear",
            "Messages whose cost is in part an estimate, or the dearest there is.",
            registry=registry,
        )
        self._first_byte = Histogram(
            f"{name}_first_byte_seconds",
            "Until an answer began.",
            ["purpose"],
            buckets=_FIRST_BYTE_S,
            registry=registry,
        )
        self.refused_connections = RefusedConnections(registry, _now_text)
        self.in_flight = Gauge(f"{name}_requests_in_flight", "Requests being served.", registry=registry)

    def log(self, exchange: Exchange) -> None:
        """Log and count a request that has come to its end."""
        self._requests.labels(exchange.purpose, str(exchange.status), exchange.outcome).inc()
        if exchange.outcome == "refused":
            self._refusals.labels(exchange.reason).inc()
        if exchange.first_byte_s is not None:
            self._first_byte.labels(exchange.purpose).observe(exchange.first_byte_s)
        if exchange.usage is not None:
            used = exchange.usage
            for kind, count in (
                ("input", used.input_tokens),
                ("output", used.output_tokens),
                ("cache_read", used.cache_read_tokens),
                ("cache_write", used.cache_write_tokens),
            ):
                self._tokens.labels(kind).inc(count)
            self._cost.inc(exchange.cost_usd)
            self._unclear.inc(bool(exchange.unclear))
        if _access.isEnabledFor(logging.INFO):
            _access.info("%s", _line(exchange))

    @asynccontextmanager
    async def served_at(self, host: str, port: int | None) -> AsyncIterator[None]:
        """Show the counters at a port of their own meanwhile, from a thread that ends with it; not if there is none.

        Raises
        ------
        GatewayError
            If the port cannot be had.
        """
        if port is None:
            yield
            return
        try:
            server, thread = start_http_server(port, host, self._registry)
        except OSError as error:
            raise GatewayError(f"The metrics cannot be served at {host}:{port}: {error.strerror}.") from None
        try:
            yield
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            await asyncio.to_thread(thread.join)

    def metrics(self) -> tuple[bytes, str]:
        """The counters as Prometheus reads them, and their content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


def _line(exchange: Exchange) -> str:
    fields = {
        "time": _now_text(),
        "caller": exchange.caller,
        "method": exchange.method,
        "purpose": exchange.purpose,
        "status": exchange.status,
        "outcome": exchange.outcome,
        "reason": exchange.reason,
        "request_id": exchange.request_id,
        "received_bytes": exchange.received_bytes,
        "sent_bytes": exchange.sent_bytes,
        "first_byte_ms": _ms(exchange.first_byte_s),
        "total_ms": _ms(time.perf_counter() - exchange.started),
    }
    if exchange.usage is not None:
        fields |= {
            "model": exchange.usage.model,
            "tokens": exchange.usage.tokens,
            "cost_usd": round(exchange.cost_usd, 6),
        }
    if exchange.unclear:
        fields["unclear"] = exchange.unclear
    return json.dumps(fields)


def _now_text() -> str:
    now = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Let the gateway's lines, and only those of other libraries that warn, reach standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain())
    for name, least in (("neuroworkflow_agent.gateway", level), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(least)
        logger.propagate = False


class _Plain(logging.Formatter):
    """Access lines as they are, others as JSON too. Of an exception only what and where: its text may hold secrets."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == _access.name:
            return record.getMessage()
        line = {"level": record.levelname.lower(), "message": record.getMessage().strip()}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            if (frame := record.exc_info[2]) is not None:
                while frame.tb_next is not None:
                    frame = frame.tb_next
                line["where"] = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
        return json.dumps(line)
