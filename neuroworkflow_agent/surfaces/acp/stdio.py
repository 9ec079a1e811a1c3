"""The agent on standard input and output, until its client closes them.

What it starts ends with it; standard output carries the protocol alone, everything else goes to standard error.
"""

from __future__ import annotations

import os
import signal

import acp

from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.surfaces.acp.agent import AcpAgent


def serve(*, model: str | None = None, mode: str | None = None, takes_servers: bool = False) -> None:
    """Serve one client; see `AcpAgent`."""
    portal = shared_portal()
    agent = AcpAgent(portal, model=model, mode=mode, takes_servers=takes_servers)

    async def run() -> None:
        try:
            await acp.run_agent(agent, use_unstable_protocol=True)
        finally:
            await agent.aclose()

    def end(number: int, _frame: object) -> None:
        # A thread of `acp`'s waits for input, and cannot be told not to.
        portal.call(agent.aclose(), 10)
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    portal.call(run())
