"""`run_code` without a kernel: what a call that is cancelled does to the code it runs."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio

from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.tools.registry import Call
from neuroworkflow_agent.tools.run_code import RunCode


class CleansUp:
    """A kernel whose code takes a while to let go, and counts how often it is told to."""

    language = "python"

    def __init__(self) -> None:
        self.told = 0
        self.has_cleaned_up = False

    async def execute(self, source: str, **_more: Any) -> Execution:
        cleaning = asyncio.create_task(asyncio.sleep(0.3))
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.told += 1
        while not cleaning.done():
            try:
                await asyncio.wait([cleaning])
            except asyncio.CancelledError:
                self.told += 1
        self.has_cleaned_up = True
        raise asyncio.CancelledError

    async def interrupt(self) -> None:
        """Not called."""

    async def aclose(self) -> None:
        """Nothing to close."""


async def test_cancelled_call_tells_its_code_once_and_waits_for_it() -> None:
    kernel = CleansUp()
    run_code = RunCode(kernel, lambda _id: None, lambda _id, _change: None, lambda _id, _execution: None)

    async def call() -> None:
        await run_code.tool.handler(Call({"code": "1"}, ToolUseId("call")))

    # As the SDK has it: a scope that was cancelled cancels what is in it again and again.
    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await asyncio.sleep(0.1)
        assert run_code.is_running
        group.cancel_scope.cancel()
    assert (kernel.told, kernel.has_cleaned_up, run_code.is_running) == (1, True, False)
