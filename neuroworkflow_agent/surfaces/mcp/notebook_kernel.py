"""The kernel of one notebook: started when it is first needed, watched while it runs.

`NotebookKernel` owns the kernel that its `Kernels` gave it until `aclose`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.outputs import Output, OutputChange, OutputList, OutputListener


class Kernels(Protocol):
    """Where kernels of notebooks come from."""

    async def get(self, path: Path, name: str) -> ClientKernel:
        """The kernel that a notebook has, or a new one.

        Raises
        ------
        KernelError
            If there is none to be had.
        """

    async def find(self, path: Path) -> ClientKernel | None:
        """The kernel that a notebook has already."""


class OwnKernels(Kernels):
    """Kernels that are started here, each in its notebook's folder.

    Parameters
    ----------
    environ
        Their environment.
    most
        How many there may be.
    """

    def __init__(self, environ: dict[str, str], most: int = 32) -> None:
        self._environ = environ
        self._started: list[ClientKernel] = []
        self._most = most

    async def get(self, path: Path, name: str) -> ClientKernel:
        self._started = [kernel for kernel in self._started if not kernel.is_closed]
        if len(self._started) >= self._most:
            raise KernelError(f"{self._most} kernels run already. Close this server to end them.")
        kernel = await ClientKernel.start(name, cwd=path.parent, env=self._environ)
        self._started.append(kernel)
        return kernel

    async def find(self, path: Path) -> ClientKernel | None:  # noqa: ARG002 - nobody else starts any
        return None


class NotebookKernel:
    """A `Kernel` that is started by its first execution.

    Parameters
    ----------
    path
        The notebook.
    kernels
        Gives the kernel.
    wanted
        Names the kernelspec, when it is needed.
    language
        What it is taken to speak before it is started.
    """

    def __init__(
        self, path: Path, kernels: Kernels, wanted: Callable[[], Any], *, language: str = "python"
    ) -> None:
        self._path = path
        self._kernels = kernels
        self._wanted = wanted
        self._inner: ClientKernel | None = None
        self._starting = asyncio.Lock()
        self._outputs = OutputList()
        self._is_running = False
        self._name = ""
        self._language = language

    @property
    def language(self) -> str:
        """See `Kernel`."""
        return self._inner.language if self._inner is not None else self._language

    @property
    def is_started(self) -> bool:
        """Whether there is a kernel to let go of."""
        return self._inner is not None and not self._inner.is_closed

    @property
    def so_far(self) -> tuple[Output, ...]:
        """What the code that runs, or ran last, has put out."""
        return self._outputs.outputs

    async def state(self) -> str:
        """`not started`, `busy`, `idle` or `dead`."""
        inner = self._inner or await self._kernels.find(self._path)
        if inner is None or inner.is_closed:
            return "not started"
        self._inner = inner
        return "busy" if self._is_running else "idle" if await inner.is_alive() else "dead"

    async def execute(
        self, source: str, *, on_output: OutputListener | None = None, **more: Any
    ) -> Execution:
        """See `Kernel.execute`."""
        inner = await self.started()
        self._outputs, self._is_running = OutputList(), True

        def watched(change: OutputChange) -> None:
            self._outputs.apply(change)
            if on_output is not None:
                on_output(change)

        try:
            return await inner.execute(source, on_output=watched, **more)
        finally:
            self._is_running = False

    async def evaluate(self, expression: str) -> str:
        """See `ClientKernel.evaluate`."""
        return await (await self.started()).evaluate(expression)

    async def mention(self, expression: str) -> None:
        """See `ClientKernel.mention`."""
        await (await self.started()).mention(expression)

    async def spec_name(self) -> str:
        """Name of its kernelspec."""
        return self._name or str(await self._wanted())

    async def started(self) -> ClientKernel:
        """The kernel, started if need be."""
        async with self._starting:
            if self._inner is not None and self._inner.is_lost:
                await self._inner.aclose()
            if self._inner is None or self._inner.is_closed:
                self._name = await self._wanted()
                self._inner = await self._kernels.get(self._path, self._name)
            return self._inner

    async def interrupt(self) -> None:
        """Stop whatever runs, whoever started it."""
        if inner := self._inner or await self._kernels.find(self._path):
            await inner.interrupt_whatever_runs()

    async def restart(self) -> None:
        """Start it anew, or for the first time."""
        was_there = self._inner is not None
        inner = await self.started()
        if was_there or await self._kernels.find(self._path):
            await inner.restart()

    async def aclose(self) -> None:
        """Let go of it. Idempotent."""
        if self._inner is not None:
            await self._inner.aclose()
