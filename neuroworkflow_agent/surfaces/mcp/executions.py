"""Executions that may go on after the call that began them was answered.

`Executions` owns a task for each; it ends with its code, with `stop`, with the call that is cancelled while it waits,
or with `aclose`.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.kernels.letting_go import wait_in_any_case
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import NotebookKernel
from neuroworkflow_agent.tools.content import MAX_CHARS, plain_outputs
from neuroworkflow_agent.tools.registry import Answer, Call

WAIT_S = 45.0
"""Within the minute after which many clients give a call up."""
_REPORT_S = 1.0
_MAX_RUNNING = 64
_MAX_KEPT = 200
_LINE_CHARS = 200


@dataclass(eq=False)
class _Execution:
    """One execution and what is known of it."""

    path: str
    what: str
    kernel: NotebookKernel
    task: asyncio.Task[Answer]
    started: float = field(default_factory=time.monotonic)
    id: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.started, 1)


class Executions:
    """All of one server.

    Parameters
    ----------
    known_secrets
        Values that are kept out of what is answered.
    """

    def __init__(self, known_secrets: Any) -> None:
        self._secrets = known_secrets
        self._kept: dict[str, _Execution] = {}

    def of(self, path: str) -> list[str]:
        """Ids of those that go on for a notebook."""
        return [each.id for each in self._kept.values() if each.path == path and not each.task.done()]

    async def run(
        self, path: str, what: str, kernel: NotebookKernel, work: Coroutine[Any, Any, Answer], call: Call
    ) -> Answer:
        """Begin an execution, and wait for its end as long as the call says.

        Parameters
        ----------
        path
            Its notebook.
        what
            What runs, in a word or two.
        work
            Runs it; its answer is the execution's.
        """
        if sum(1 for each in self._kept.values() if not each.task.done()) >= _MAX_RUNNING:
            work.close()
            raise ToolFailed(f"{_MAX_RUNNING} executions run already. Stop some with execution_stop.")
        begun = _Execution(path, what, kernel, asyncio.ensure_future(work))
        self._keep(begun)
        try:
            return await self._wait(begun, call)
        except asyncio.CancelledError:
            await self._end(begun)
            raise

    async def get(self, execution: str, call: Call) -> Answer:
        """Wait for the end of an execution as long as the call says."""
        return await self._wait(self._find(execution), call)

    async def stop(self, execution: str) -> bool:
        """Stop one; False if it had ended before."""
        found = self._find(execution)
        was_running = not found.task.done()
        await self._end(found)
        return was_running

    async def aclose(self) -> None:
        """Stop all. Idempotent."""
        await asyncio.gather(*(self._end(each) for each in self._kept.values()))
        self._kept.clear()

    async def _wait(self, execution: _Execution, call: Call) -> Answer:
        wait_s = float(call.arguments.get("wait_s", WAIT_S))
        deadline = time.monotonic() + wait_s
        while not execution.task.done() and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait([execution.task], timeout=min(_REPORT_S, left))
            if not execution.task.done():
                await call.report(execution.seconds, self._last_line(execution))
        if not execution.task.done():
            return self._going_on(execution)
        del self._kept[execution.id]
        if execution.task.cancelled():
            raise ToolFailed(f"The execution was stopped after {execution.seconds} s.")
        answer = execution.task.result()
        about = {"status": "ok", "seconds": execution.seconds}
        return Answer(answer.blocks, {**about, **answer.structured})

    def _going_on(self, execution: _Execution) -> Answer:
        outputs = plain_outputs(execution.kernel.so_far, secrets=self._secrets(), max_chars=MAX_CHARS // 2)
        said = (
            f"{execution.what} goes on after {execution.seconds} s, as execution {execution.id}: wait for it with "
            f"execution_get, or stop it with execution_stop. So far:\n{outputs or '(no output)'}"
        )
        about = {"status": "running", "execution": execution.id, "seconds": execution.seconds}
        return Answer([{"type": "text", "text": said}], {**about, "outputs": outputs})

    def _last_line(self, execution: _Execution) -> str:
        text = plain_outputs(execution.kernel.so_far[-1:], secrets=self._secrets(), max_chars=4000)
        return next((line for line in reversed(text.splitlines()) if line.strip()), execution.what)[
            :_LINE_CHARS
        ]

    def _find(self, execution: str) -> _Execution:
        found = self._kept.get(execution)
        if found is None:
            raise ToolFailed(f"There is no execution {execution!r} (any more); its outputs are in its cells.")
        return found

    def _keep(self, execution: _Execution) -> None:
        self._kept[execution.id] = execution
        ended = [each for each in self._kept.values() if each.task.done()]
        for each in itertools.islice(ended, max(0, len(self._kept) - _MAX_KEPT)):
            del self._kept[each.id]

    async def _end(self, execution: _Execution) -> None:
        execution.task.cancel()
        await wait_in_any_case(execution.task)
        if execution.task.done() and not execution.task.cancelled():
            execution.task.exception()
