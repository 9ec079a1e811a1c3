"""The `claude` process of a session, connected to where its endpoint is now.

A `Connection` belongs to its session and lives on the portal's loop. It owns the way to the endpoint, which may be a server
of ours that is started for it, and resets the `Supervisor` when a new process is needed. It ends with `close`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from neuroworkflow_agent.events import Notice
from neuroworkflow_agent.models.access import EndpointAccess

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.claude.process import ClaudeProcess
    from neuroworkflow_agent.engine.claude.setup import ProcessSetup
    from neuroworkflow_agent.engine.claude.supervisor import Supervisor
    from neuroworkflow_agent.models.endpoint import Endpoint


class Connection:
    """Gives a session its process.

    Parameters
    ----------
    endpoint
        Which model serves.
    setup
        What processes are started with.
    supervisor
        Which process serves.
    has_turn
        Whether there is a turn that can be told something.
    emit
        Tells it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        setup: ProcessSetup,
        supervisor: Supervisor,
        has_turn: Callable[[], bool],
        emit: Callable[[Notice], None],
    ) -> None:
        self.access = EndpointAccess(endpoint)
        """The way to the endpoint."""
        self.environ: Mapping[str, str] = {}
        """What a process is to be started with to find it."""
        self._setup = setup
        self._supervisor = supervisor
        self._has_turn = has_turn
        self._emit = emit
        self._is_opened = False
        self._last_trouble = ""
        self._connecting = asyncio.Lock()
        """Held while it is found out whether the process must be another one."""

    async def process(self, *, with_sdk: bool = True) -> ClaudeProcess:
        """The running process, connected to where the endpoint is now: a server of ours may have moved meanwhile.

        Parameters
        ----------
        with_sdk
            Whether to wait until the SDK serves it.
        """
        async with self._connecting:
            await self._open()
            changed, trouble = await self._setup.refresh()
            if changed:
                await self._supervisor.reset()
            if self._has_turn() and trouble != self._last_trouble:
                self._last_trouble = trouble
                if trouble:
                    self._emit(Notice(trouble))
        process = await (self._supervisor.ready() if with_sdk else self._supervisor.started())
        if self._has_turn():
            for notice in self._setup.new_notices():
                self._emit(Notice(notice))
        return process

    def close(self) -> None:
        """Let go of the endpoint. Idempotent; the supervisor is closed before."""
        self.access.close()

    async def _open(self) -> None:
        if self._is_opened and self.access.is_ready:
            return
        environ = await asyncio.to_thread(self.access.open)
        if not self._is_opened or environ != self.environ:
            self._is_opened, self.environ = True, environ
            await self._supervisor.reset()
