"""The server on standard input and output, until its client closes them.

What it starts ends with it; standard output carries the protocol alone, everything else goes to standard error.
"""

from __future__ import annotations

import asyncio
import signal

from mcp.server.stdio import stdio_server

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.surfaces.mcp.service import Service


def serve(config: AgentConfig, *, read_only: bool) -> None:
    """Serve one client."""
    asyncio.run(_serve(config, read_only=read_only))


async def _serve(config: AgentConfig, *, read_only: bool) -> None:
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    # A client that ends its server sends SIGTERM; kernels end with us, not after us.
    loop.add_signal_handler(signal.SIGTERM, this.cancel)
    service = Service(config, read_only=read_only)
    server = service.server(for_one=True)
    try:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    except asyncio.CancelledError:
        this.uncancel()
    finally:
        await service.aclose()
