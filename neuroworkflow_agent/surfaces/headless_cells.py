"""A notebook's own cells, run by nbclient in a kernel of ours, and what became of them.

`NotebookCells` lives on the portal's loop for one run; it owns a client of the kernel, which `run` opens and closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, CellTimeoutError, DeadKernelError

from neuroworkflow_agent.events import CellEnd, EndReason, Event, ToolUse
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.prompt_cells import METADATA_KEY, is_prompt, with_magic
from neuroworkflow_agent.text import encodable

if TYPE_CHECKING:
    from neuroworkflow_agent.kernels.client import ClientKernel
    from neuroworkflow_agent.notebooks.reading import Notebook

AfterCell = Callable[[Any], Awaitable[None]]
_LAST_WORDS_S = 5.0
"""How long a cell that was interrupted may take to say so."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that did not end well."""

    number: int
    """Of the cell, from 1."""
    cell: Any
    """As it was left, and as it may be mended."""
    end: EndReason
    """What it makes of the run."""
    message: str


class Repair:
    """Whether the agent has run a failed cell, or its code, without an error since."""

    def __init__(self, failure: Failure) -> None:
        self._cell = failure.cell
        self._source = failure.cell.source.strip()
        self._outputs = failure.cell.outputs
        self._attempts: set[ToolUseId] = set()
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """As the last of its attempts ended."""
        outputs = self._cell.outputs
        was_run = outputs is not self._outputs
        return self._is_done or (was_run and not any(each.output_type == "error" for each in outputs))

    def note(self, event: Event) -> None:
        """Take in an event of the agent's turn."""
        match event:
            case ToolUse(tool_use_id=tool_use_id, name="run_code", input={"code": str(code)}):
                if code.strip() == self._source:
                    self._attempts.add(tool_use_id)
            case CellEnd(tool_use_id=tool_use_id, status=status) if tool_use_id in self._attempts:
                self._is_done = status == "ok"


class NotebookCells:
    """Runs the cells, up to the first that fails.

    Parameters
    ----------
    notebook
        Its outputs, execution counts, language and state of widgets are written as nbclient writes them.
    kernel
        Where they run.
    timeout_s
        Longest time for one cell; None for no limit.
    allow_errors
        Go on after a cell that failed, as nbclient does with its option of that name.
    after_cell
        Awaited after each cell that has ended.
    """

    def __init__(
        self,
        notebook: Notebook,
        kernel: ClientKernel,
        *,
        timeout_s: float | None,
        allow_errors: bool,
        after_cell: AfterCell,
    ) -> None:
        self._kernel = kernel
        self._timeout_s = timeout_s
        self._client = _Client(
            notebook, after_cell, in_chat_kernel=kernel.is_chat_kernel, km=kernel.manager, timeout=timeout_s, allow_errors=allow_errors,
            record_timing=False, coalesce_streams=True,
        )  # fmt: skip

    async def run(self) -> Failure | None:
        """Run them; gives the one that failed, if any did."""
        client = self._client
        try:
            await client.async_execute()
        except CellTimeoutError:
            await self.stop()
            return self._failure("limit", f"ran longer than --timeout {self._timeout_s:g} s.")
        except DeadKernelError:
            if self._is_cancelled():
                raise asyncio.CancelledError from None  # which nbclient takes for the kernel's death
            return self._failure("error", "was running when the kernel died.")
        except CellExecutionError as error:
            end = _end_of_chat(client.cell) or "error"
            return self._failure(end, f"failed: {error.ename}: {error.evalue}")
        finally:
            client.set_widgets_metadata()
            if client.kc is not None and not self._is_cancelled():
                client.kc.stop_channels()
        return None

    async def stop(self) -> None:
        """Interrupt the cell that runs, and take in what it still says; also after `run` was cancelled."""
        await self._kernel.interrupt_whatever_runs()
        await self._client.take_last_words()
        if self._client.kc is not None:
            self._client.kc.stop_channels()

    def _is_cancelled(self) -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _failure(self, end: EndReason, what: str) -> Failure:
        number = self._client.number
        return Failure(number, self._client.cell, end, f"Cell {number} {what}")


class _Client(NotebookClient):
    """nbclient, with a call after each cell, and an ear for the cell that it gave up."""

    def __init__(
        self, notebook: Notebook, after_cell: AfterCell, *, in_chat_kernel: bool, **options: Any
    ) -> None:
        super().__init__(notebook, **options)
        self._after_cell = after_cell
        self._in_chat_kernel = in_chat_kernel
        self.cell: Any = None
        """The one that runs, or ran last."""
        self.number = 0
        self._polls: list[asyncio.Task[None]] = []

    async def async_execute_cell(self, cell: Any, cell_index: int, *arguments: Any, **more: Any) -> Any:
        self.cell, self.number = cell, cell_index + 1
        try:
            ran = await super().async_execute_cell(cell, cell_index, *arguments, **more)
        finally:
            await self._end_polls()
        await self._after_cell(ran)
        return ran

    async def async_start_new_kernel_client(self) -> Any:
        client = await super().async_start_new_kernel_client()
        execute = client.execute

        def send(source: str, **how: Any) -> Any:
            if self._in_chat_kernel:  # nbclient sends no metadata of cells
                source = with_magic(source, self.cell.metadata)
            return execute(encodable(source), **how)

        client.execute = send  # type: ignore[method-assign, assignment]
        return client

    # nbclient leaves these two running when a cell is given up; they would fail once the channels close.

    async def _async_poll_output_msg(self, *arguments: Any) -> None:
        self._note_poll()
        await super()._async_poll_output_msg(*arguments)

    async def _async_poll_kernel_alive(self) -> None:
        self._note_poll()
        await super()._async_poll_kernel_alive()

    def _note_poll(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._polls.append(task)

    async def _end_polls(self) -> None:
        for task in self._polls:
            task.cancel()
        await asyncio.gather(*self._polls, return_exceptions=True)
        self._polls.clear()

    async def take_last_words(self) -> None:
        """Messages of the cell, until the kernel is idle again or has had time enough."""
        if self.kc is None or self.cell is None:
            return
        deadline = time.monotonic() + _LAST_WORDS_S
        with contextlib.suppress(CellExecutionComplete, queue.Empty):
            while True:
                msg = await self.kc.iopub_channel.get_msg(timeout=max(0.0, deadline - time.monotonic()))
                parent = msg["parent_header"]
                if (
                    parent.get("session") == self.kc.session.session
                    and parent["msg_type"] == "execute_request"
                ):
                    self.process_message(msg, self.cell, self.number - 1)


def _end_of_chat(cell: Any) -> EndReason | None:
    """How the turn of a failed `%chat` cell ended, from the metadata that it gave its outputs."""
    if not is_prompt(cell):
        return None  # any cell may write such metadata
    for output in reversed(cell.outputs):
        ours = output.get("metadata", {}).get(METADATA_KEY)
        end = ours.get("end") if isinstance(ours, dict) else None
        if end in ("interaction", "cut_off", "limit", "interrupted", "error"):
            found: EndReason = end
            return found
    return None
