"""How the process ends: readiness goes, then the listening sockets, then running requests, then the ledger.

The first signal begins it. SIGTERM, as Kubernetes sends it, leaves `drain_s` in which new requests are still taken,
for whoever has not heard yet that they are not to be sent here. A second signal ends the running requests at once,
for whoever sends two is about to send the one that cannot be caught.
"""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import time
from types import FrameType

import uvicorn

from neuroworkflow_agent.gateway.app import Gateway


class GatewayServer(uvicorn.Server):
    """uvicorn's server, with an end in that order.

    Parameters
    ----------
    config
        uvicorn's.
    gateway
        Its app.
    drain_s
        How long new requests are taken after SIGTERM.
    """

    def __init__(self, config: uvicorn.Config, gateway: Gateway, drain_s: float) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._drain_s = drain_s
        self._drained_at = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come, at any place of the program."""
        running = self._gateway.running
        is_first, running.is_draining = not running.is_draining, True
        if is_first and self.started and sig == signal.SIGTERM:
            self._captured_signals.append(sig)
            self._drained_at = time.monotonic() + self._drain_s
            return
        if not is_first and self._loop is not None:
            self._loop.call_soon_threadsafe(running.cut)
        # To uvicorn a second SIGINT would mean to leave out the lifespan's end, and with it what is written there.
        super().handle_exit(signal.SIGTERM, frame)

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn's; some times a second."""
        self.should_exit = self.should_exit or time.monotonic() >= self._drained_at
        return await super().on_tick(counter)
