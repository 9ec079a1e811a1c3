"""The agent on standard input and output, until its client closes them.

What it starts ends with it; standard output carries the protocol alone, everything else goes to standard error.
"""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import wait

import acp

from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.surfaces.acp.agent import AcpAgent

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_TICK_S = 0.2
_END_TIMEOUT_S = 8.0


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
        for each in _SIGNALS:  # jupyter-ai sends one after the other
            signal.signal(each, signal.SIG_IGN)
        # Not by leaving: a thread of `acp`'s waits for input, and cannot be told not to.
        with contextlib.suppress(TimeoutError):
            portal.call(agent.aclose(), _END_TIMEOUT_S)
        os._exit(128 + number)

    for number in _SIGNALS:
        signal.signal(number, end)
    served = portal.submit(run())
    # Python runs handlers on the main thread, which a signal that another thread receives does not wake.
    while not wait([served], _TICK_S).done:
        pass
    served.result()
