"""Code that runs on: what the model is told, what it can do meanwhile, and what Stop does to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.outputs import stream
from neuroworkflow_agent.tools.registry import Call, blocks_of
from neuroworkflow_agent.tools.run_code import RunCode
from tests.tools.slow_kernel import SlowKernel


class Rig:
    def __init__(self, after_s: float | None = 0.05) -> None:
        self.kernel = SlowKernel()
        self.ended: list[str] = []
        self.code = RunCode(
            self.kernel, lambda _: None, lambda *_: None, lambda id_, _: self.ended.append(id_), detach_after_s=after_s
        )  # fmt: skip
        wait, stop = self.code.detachments.tools
        self.tools = {"run_code": self.code.tool, "code_wait": wait, "code_stop": stop}

    async def call(self, name: str, **arguments: Any) -> str:
        answer = await self.tools[name].handler(Call(arguments, ToolUseId(name)))
        return "\n".join(str(block.get("text")) for block in blocks_of(answer))


async def test_code_that_takes_long_runs_on_and_is_waited_for() -> None:
    rig = Rig()
    told = await rig.call("run_code", code="slow")
    assert told.startswith(
        "The code still runs, after 0 s, as code-1. Nothing else runs in this kernel meanwhile"
    )
    assert rig.ended == []
    with pytest.raises(ToolFailed, match="code-1 still runs in the kernel, after 0 s, and nothing else can"):
        await rig.call("run_code", code="quick")
    for percent in range(101):
        rig.kernel.say(stream("stderr", f"\r{percent:3d}%|{'#' * (percent // 10)}|"))
    told = await rig.call("code_wait", code="code-1", wait_s=0)
    assert "100%|##########|" in told
    assert " 50%" not in told  # a bar as it stands, and not each of its steps
    rig.kernel.may_end.set()
    told = await rig.call("code_wait", code="code-1")
    assert told.startswith("code-1 has ended.")
    assert "100%|##########|" in told
    assert rig.ended == ["run_code"]
    assert "Output of the code" in await rig.call("run_code", code="quick")
    assert await rig.code.detachments.news() == []


async def test_it_is_stopped_by_the_model_with_all_that_it_said() -> None:
    rig = Rig()
    await rig.call("run_code", code="slow")
    rig.kernel.say(stream("stdout", "so far"))
    told = await rig.call("code_stop", code="code-1")
    assert told.startswith("code-1 has ended.\nThe code was interrupted")
    assert "so far" in told


async def test_a_stop_of_the_turn_ends_it() -> None:
    rig = Rig()
    await rig.call("run_code", code="slow")
    rig.code.stop()
    ended = await rig.code.detachments.wait()
    assert ended is not None
    assert rig.code.detachments.running is None
    assert "The user stopped the turn" in str(await rig.code.detachments.news())


async def test_what_waits_for_the_kernel_is_not_running_yet() -> None:
    rig = Rig()
    rig.kernel.may_begin.clear()
    running = asyncio.create_task(rig.call("run_code", code="slow"))
    await asyncio.wait([running], timeout=0.2)
    assert not running.done()
    rig.kernel.may_begin.set()
    assert (await running).startswith("The code still runs")
    await rig.call("code_stop", code="code-1")


async def test_a_call_that_is_cancelled_while_it_waits_ends_its_code() -> None:
    rig = Rig(after_s=None)
    running = asyncio.create_task(rig.call("run_code", code="slow"))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert not rig.code.is_running


async def test_an_end_that_nobody_waited_for_is_news_once() -> None:
    rig = Rig()
    await rig.call("run_code", code="slow")
    rig.kernel.may_end.set()
    await rig.code.detachments.wait()
    assert "code-1 has ended." in str(await rig.code.detachments.news())
    assert await rig.code.detachments.news() == []


async def test_ids_that_there_are_not() -> None:
    rig = Rig()
    with pytest.raises(ToolFailed, match="No code 'code-9' runs on here: none has"):
        await rig.call("code_wait", code="code-9")
    await rig.call("run_code", code="slow")
    with pytest.raises(ToolFailed, match="the last one was code-1"):
        await rig.call("code_stop", code="code-9")
    await rig.call("code_stop", code="code-1")
