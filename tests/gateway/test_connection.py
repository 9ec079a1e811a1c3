"""A connection's timers, without a network."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from neuroworkflow_agent.gateway.connection import make_protocol
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
    protocol: Any = make_protocol(load_settings(api_key="a key"))
    connection = protocol(config=config, server_state=ServerState(), app_state={}, _loop=None)
    transport = FullTransport()
    connection.connection_made(transport)
    connection.pause_writing()
    assert connection._writing_timer is not None
    transport.abort()
    connection.connection_lost(None)
    assert (connection._timer, connection._writing_timer) == (None, None)
