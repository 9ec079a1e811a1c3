"""A connection's timers, and what is told of connections that are refused, without a network."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from uvicorn.server import ServerState

from neuroworkflow_agent.gateway.connection import make_protocol
from neuroworkflow_agent.gateway.record import Record
from neuroworkflow_agent.gateway.refused import RefusedConnections
from neuroworkflow_agent.gateway.settings import load_settings


class FullTransport(asyncio.Transport):
    """One whose other side takes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return 70_000

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


async def _no_app(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError


async def test_lost_connection_leaves_no_timer() -> None:
    """A timer would keep it, and what it holds, for minutes."""
    config = uvicorn.Config(_no_app, log_config=None, ws="none")
    protocol: Any = make_protocol(load_settings(api_key="a key"), Record().refused_connections)
    connection = protocol(config=config, server_state=ServerState(), app_state={}, _loop=None)
    transport = FullTransport()
    connection.connection_made(transport)
    connection.pause_writing()
    assert connection._writing_timer is not None
    transport.abort()
    connection.connection_lost(None)
    assert (connection._timer, connection._writing_timer) == (None, None)


def test_flood_of_refused_connections_is_counted_and_does_not_flood_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, registry = [0.0], CollectorRegistry()
    refused = RefusedConnections(registry, lambda: "then", timer=lambda: now[0])
    with caplog.at_level(logging.INFO, "neuroworkflow_agent.gateway.access"):
        for second in range(25):
            now[0] = float(second)
            for _ in range(1_000):
                refused.add("headers", 431, "10.0.0.1")
        refused.add("late", 408, "10.0.0.2")
    told = [json.loads(record.getMessage()) for record in caplog.records]
    line = {"time": "then", "purpose": "connection", "peer": "10.0.0.1", "status": 431, "outcome": "refused", "reason": "headers"}  # fmt: skip
    assert told == [
        {**line, "count": 1},
        {**line, "count": 10_000},
        {**line, "count": 10_000},
        {**line, "peer": "10.0.0.2", "status": 408, "reason": "late", "count": 1},
    ]
    name = "neuroworkflow_gateway_connections_refused_total"
    assert registry.get_sample_value(name, {"reason": "headers"}) == 25_000
