"""`run_code`: the model's way into the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from neuroworkflow_agent.errors import KernelError, ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.kernels.base import Execution, Kernel, NameChanges
from neuroworkflow_agent.kernels.languages import language_named
from neuroworkflow_agent.kernels.letting_go import wait_in_any_case
from neuroworkflow_agent.outputs import OutputChange, OutputList, OutputListener
from neuroworkflow_agent.tools.content import encode_execution
from neuroworkflow_agent.tools.detached import Detachments
from neuroworkflow_agent.tools.registry import RUN_CODE, Answer, Block, Call, Tool
from neuroworkflow_agent.tools.turn_watch import TurnWatch, Unwatched

_DESCRIPTION = """\
Run code in the user's live notebook kernel and see what comes out.

It runs {language}, {manner}. It shares the namespace the user works in: names you define stay{told}. Text, tables, errors and figures \
(as images) come back to you, and the user sees them too. Code runs one call at a time, in order. What runs for long runs \
on after a while: you get an id to wait for it with code_wait or to stop it with code_stop, and nothing else runs there meanwhile."""

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "description": "Source of one cell."},
        "timeout_s": {
            "type": "number",
            "description": "Interrupt after this many seconds; no limit by default.",
        },
    },
    "required": ["code"],
}

StartSink = Callable[[ToolUseId], None]
OutputSink = Callable[[ToolUseId, OutputChange], None]
EndSink = Callable[[ToolUseId, Execution], None]


def _described(language: str) -> str:
    spoken = language_named(language)
    told = ", and you are told which changed" if language == "python" else ""
    return _DESCRIPTION.format(language=spoken.title, manner=spoken.manner, told=told)


class RunCode:
    """The tool and its state: what runs, and whether the user said stop.

    Parameters
    ----------
    kernel
        Where code runs.
    on_start
        Told of each call whose code the kernel has begun with.
    on_output
        Told of each change of a call's outputs, on the engine's loop.
    on_end
        Told of each execution that came to an end, before the model is.
    secrets
        Values to keep from the model, as they are when asked for.
    detach_after_s
        How long the model waits for code before it is told that it runs on, s; None for as long as it takes.
    watch
        Told before and after code runs.
    """

    def __init__(
        self,
        kernel: Kernel,
        on_start: StartSink,
        on_output: OutputSink,
        on_end: EndSink,
        secrets: Callable[[], Iterable[str]] = frozenset,
        detach_after_s: float | None = None,
        watch: TurnWatch | None = None,
    ) -> None:
        self._watch = watch or Unwatched()
        self._kernel = kernel
        self._on_start = on_start
        self._on_output = on_output
        self._on_end = on_end
        self._secrets = secrets
        self._running: asyncio.Task[Any] | None = None
        self._lock = asyncio.Lock()
        self.stopped = False
        """Set while no code may start: the user stopped the turn."""
        self.tool = Tool(RUN_CODE, _described(kernel.language), _SCHEMA, self._answer)
        """What the model may call."""
        self.detachments = Detachments(self._interrupt, detach_after_s, secrets)
        """Code that runs on."""
        self.changes: list[NameChanges] = []
        """What the turn's code did to names, piece by piece."""

    @property
    def is_running(self) -> bool:
        """Whether code is running or waits to."""
        return self._lock.locked()

    async def _answer(self, call: Call) -> list[Block] | Answer:
        self.detachments.refuse_if_busy()
        outputs, begun = OutputList(), asyncio.Event()
        return await self.detachments.answer(self._ran(call, outputs, begun), lambda: outputs.outputs, begun)

    async def _ran(self, call: Call, outputs: OutputList, begun: asyncio.Event) -> list[Block]:
        """Run the code of a call to its end."""

        def note_start() -> None:
            begun.set()
            self._on_start(call.tool_use_id)

        def note_output(change: OutputChange) -> None:
            outputs.apply(change)
            self._on_output(call.tool_use_id, change)

        execution = await self.run(
            call.arguments["code"],
            timeout_s=call.arguments.get("timeout_s"),
            on_start=note_start,
            on_output=note_output,
        )
        self._on_end(call.tool_use_id, execution)
        blocks = await encode_execution(execution, secrets=self._secrets())
        if execution.status != "ok":
            raise ToolFailed("The code did not run to its end.", blocks)
        return blocks

    async def run(
        self,
        code: str,
        *,
        timeout_s: float | None = None,
        on_start: Callable[[], None] | None = None,
        on_output: OutputListener | None = None,
        as_cell: bool = False,
        on_number: Callable[[int], None] | None = None,
    ) -> Execution:
        """Run code for a tool, in order with all other code of the session's; `stop` ends it.

        The arguments are those of `Kernel.execute`.

        Raises
        ------
        ToolFailed
            If the user has stopped the turn, or the kernel could not run it.
        """
        async with self._lock, self._watched():
            self._refuse_if_stopped()
            changes = self.changes  # of the turn that asks, which may be over when the code is
            self._running = asyncio.ensure_future(
                self._executed(
                    code,
                    on_start=on_start,
                    on_output=on_output,
                    timeout_s=timeout_s,
                    as_cell=as_cell,
                    on_number=on_number,
                )
            )
            try:
                execution: Execution = await asyncio.shield(self._running)
                if execution.changes is not None:
                    changes.append(execution.changes)
                return execution
            except asyncio.CancelledError:
                self._running.cancel()
                await wait_in_any_case(self._running)
                self._refuse_if_stopped()
                raise
            except KernelError as error:
                raise ToolFailed(str(error)) from error
            finally:
                self._running = None

    async def _executed(self, code: str, **how: Any) -> Execution:
        """Run it, and see what it did to names."""
        execution = await self._kernel.execute(code, **how)
        if execution.changes is None:
            execution = replace(execution, changes=await self._watch.changes())
        return execution

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """While code runs that the watch is told of."""
        self._refuse_if_stopped()
        await self._watch.before_code()
        try:
            yield
        finally:  # also when the turn's end cancels what waits here
            await wait_in_any_case(asyncio.ensure_future(self._watch.after_code()))

    async def restart(self) -> None:
        """Start the kernel anew.

        Raises
        ------
        ToolFailed
            If the kernel is not ours to restart, or did not come up.
        """
        restart = getattr(self._kernel, "restart", None)
        if restart is None:
            raise ToolFailed(
                "The user's kernel holds this agent too: only the user can restart it, in the notebook."
            )
        async with self._lock:
            self._refuse_if_stopped()
            try:
                await restart()
            except KernelError as error:
                raise ToolFailed(str(error)) from error

    def stop(self) -> None:
        """Interrupt the running code and let nothing that waits start."""
        self.stopped = True
        if self._running is not None:
            self._running.cancel()

    async def _interrupt(self) -> None:
        """Interrupt what runs, so that it may clean up and say what it has to say."""
        await self._kernel.interrupt()

    def _refuse_if_stopped(self) -> None:
        if self.stopped:
            raise ToolFailed("The user stopped the turn. This code did not run to its end; do not run more.")
