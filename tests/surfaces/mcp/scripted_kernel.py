"""A kernel without a process: each cell's code prints what it says it prints, piece by piece, on the loop's clock."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.outputs import OutputList, OutputListener, stream
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import Kernels

_PIECES = 4
_LONGEST_S = 0.6
"""Between two pieces; longer than an output waits until it is shown."""


class ScriptedKernel:
    """One kernel; runs one piece of code after the other."""

    language = "python"
    is_closed = is_lost = False

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._free = asyncio.Lock()
        self.count = 0
        """How many pieces of code it has begun with."""

    async def execute(
        self,
        source: str,
        *,
        on_start: Callable[[], None] | None = None,
        on_output: OutputListener | None = None,
        on_number: Callable[[int], None] | None = None,
        **_how: Any,
    ) -> Execution:
        """See `Kernel.execute`."""
        async with self._free:
            self.count += 1
            number, outputs = self.count, OutputList()
            if on_start is not None:
                on_start()
            if on_number is not None:
                on_number(number)
            for piece in self._pieces(source):
                await asyncio.sleep(self._chance.uniform(0, _LONGEST_S))
                outputs.apply(stream("stdout", piece))
                if on_output is not None:
                    on_output(stream("stdout", piece))
            return Execution(source, "ok", outputs.outputs, number, None, 0.0)

    async def aclose(self) -> None:
        """See `Kernel.aclose`."""

    def _pieces(self, source: str) -> list[str]:
        found = re.match(r"print\('(\w+)'\)\n", source)
        assert found, source
        text = f"{found[1]}\n"
        cuts = sorted(self._chance.sample(range(1, len(text)), _PIECES - 1))
        return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


class ScriptedKernels(Kernels):
    """One kernel, for whoever asks."""

    def __init__(self, kernel: ScriptedKernel) -> None:
        self._kernel: Any = kernel

    async def get(self, path: Path, name: str) -> ClientKernel:
        return self._kernel  # type: ignore[no-any-return]

    async def find(self, path: Path) -> ClientKernel | None:
        return self._kernel  # type: ignore[no-any-return]
