"""The agent's way to the subkernel: a client of its own, whatever process that is at the time.

It lives on the engine's loop and owns its channels; the relay owns the process.
"""

from __future__ import annotations

import asyncio

from jupyter_client.asynchronous.client import AsyncKernelClient

from neuroworkflow_agent.errors import KernelDiedError, KernelError
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.process import START_TIMEOUT_S, client_of_file, open_client
from neuroworkflow_agent.surfaces.chat_kernel.relay import Relay
from neuroworkflow_agent.surfaces.chat_kernel.subkernel import Subkernel


class SubkernelClient(ClientKernel):
    """Where the agent's code runs.

    Parameters
    ----------
    relay
        Whose subkernel it is.
    """

    is_cell = False  # what waits behind it is the user's

    def __init__(self, relay: Relay) -> None:
        super().__init__(AsyncKernelClient())
        self._relay = relay
        self._of: Subkernel | None = None
        """The process that it is connected to."""

    @property
    def language(self) -> str:
        """The subkernel's."""
        return self._relay.language

    async def is_alive(self) -> bool:
        """Whether the subkernel's process is there."""
        return self._relay.keeper.current is not None

    async def aclose(self) -> None:
        """Close the channels."""
        if self._of is not None:
            await super().aclose()
        self._is_closed = True

    async def _revive(self) -> None:
        """Connect to the process that there is now, which is started where there is none."""
        if self._is_closed:
            raise KernelError("The kernel is closed.")
        if (
            self._relay.keeper.current is not None
            and self._relay.keeper.current is self._of
            and not self._is_dead
        ):
            return
        await asyncio.wrap_future(self._relay.keeper.ensure_started())
        if self._of is not None:
            self._client.stop_channels()
            self._of = None
        process = self._relay.keeper.current
        if process is None:
            raise KernelDiedError(self._died())
        client = client_of_file(process.file)
        self._relay.agent_sessions.add(client.session.session)
        try:
            self._client = await open_client(client, START_TIMEOUT_S)
        except (TimeoutError, RuntimeError) as error:
            raise KernelDiedError(self._died()) from error
        self._of, self._is_dead = process, False

    async def _check_alive(self) -> None:
        if self._relay.keeper.current is not self._of:
            self._is_dead = True
            raise KernelDiedError(self._died())

    async def _send_interrupt(self) -> None:
        self._was_interrupted = True
        self._relay.post(self._relay.keeper.interrupt)

    def _died(self) -> str:
        return "The kernel died. All its variables are lost; the next call starts it again."
