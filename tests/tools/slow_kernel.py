"""A kernel whose code ends when a test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.outputs import OutputList, OutputListener


class SlowKernel:
    """A kernel whose code ends when it is let, or interrupted."""

    language = "python"

    def __init__(self) -> None:
        self.may_begin, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_begin.set()
        self.is_interrupted = False
        self.say: OutputListener = lambda _change: None

    async def execute(
        self,
        source: str,
        *,
        on_start: Callable[[], None] | None = None,
        on_output: OutputListener | None = None,
        **_: Any,
    ) -> Execution:
        outputs = OutputList()

        def say(change: Any) -> None:
            outputs.apply(change)
            if on_output is not None:
                on_output(change)

        self.say = say
        await self.may_begin.wait()
        if on_start is not None:
            on_start()
        if "quick" not in source:
            await self.may_end.wait()
        return Execution(
            source, "interrupted" if self.is_interrupted else "ok", outputs.outputs, 1, None, 1.0
        )

    async def interrupt(self) -> None:
        self.is_interrupted = True
        self.may_end.set()

    async def aclose(self) -> None:
        pass
