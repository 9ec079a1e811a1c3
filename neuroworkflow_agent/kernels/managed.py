"""A kernel whose process and manager belong to somebody else in this process, such as a Jupyter server.

`ManagedKernel` owns its client's channels alone; the kernel outlives it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Self

from jupyter_client.manager import AsyncKernelManager

from neuroworkflow_agent.errors import KernelDiedError, KernelError
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.kernels.process import START_TIMEOUT_S, client_of, language_of, open_client


class ManagedKernel(ClientKernel):
    """Made by `of`."""

    _manager: AsyncKernelManager
    _is_there: Callable[[], bool]
    _restart: Callable[[], Awaitable[object]]

    @classmethod
    async def of(
        cls, manager: Any, *, is_there: Callable[[], bool], restart: Callable[[], Awaitable[object]]
    ) -> Self:
        """The kernel of a manager.

        Parameters
        ----------
        is_there
            Tells whether its owner still has it.
        restart
            Has its owner start it anew.

        Raises
        ------
        KernelDiedError
            If it does not answer.
        """
        made = cls(await _opened(manager), language=language_of(manager))
        made._manager, made._is_there, made._restart = manager, is_there, restart
        return made

    is_lost = False
    """Its owner may start it again; see `_revive`."""

    @property
    def manager(self) -> AsyncKernelManager:
        """The kernel's manager."""
        return self._manager

    @property
    def is_closed(self) -> bool:
        """Whether it was let go of, or its owner has ended it."""
        return super().is_closed or not self._is_there()

    async def restart(self) -> None:
        """Have its owner start it anew, with nothing in its namespace."""
        async with self._lock:
            if self.is_closed:
                raise KernelError("The kernel was shut down. The next execution starts another one.")
            await self._restart()
            self._client.stop_channels()
            self._client = await _opened(self._manager)
            self._is_dead = False

    async def _revive(self) -> None:
        """Connect anew where its owner has started a dead kernel again."""
        if self.is_closed:
            raise KernelDiedError("The kernel was shut down. The next execution starts another one.")
        if self._is_dead or not await self._client.is_alive():
            self._client.stop_channels()
            self._client = await _opened(self._manager)
            self._is_dead = False


async def _opened(manager: Any) -> Any:
    try:
        return await open_client(client_of(manager), START_TIMEOUT_S)
    except TimeoutError as error:
        raise KernelDiedError(f"The kernel did not answer within {START_TIMEOUT_S:g} s.") from error
    except RuntimeError as error:
        raise KernelDiedError("The kernel has ended.") from error
