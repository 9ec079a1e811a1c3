"""The server on standard input and output, until its client closes them.

What it starts ends with it; standard output carries the protocol alone, everything else goes to standard error.
"""

from __future__ import annotations

import asyncio
import os
import signal

from mcp.server.stdio import stdio_server

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.surfaces.mcp.service import Service


def serve(config: AgentConfig, *, read_only: bool) -> None:
    """Serve one client."""
    asyncio.run(_serve(config, read_only=read_only))


async def _serve(config: AgentConfig, *, read_only: bool) -> None:
    service = Service(config, read_only=read_only)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, service, number)
    server = service.server(for_one=True)
    try:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    finally:
        await service.aclose()


def _end(service: Service, number: signal.Signals) -> None:
    """End what was started, then this process: a thread of `mcp`'s waits for input, and cannot be told not to."""
    ending = asyncio.ensure_future(service.aclose())
    ending.add_done_callback(lambda _: os._exit(128 + number))
