"""Any kernel, over the Jupyter wire protocol, driven from the engine's loop.

A `ClientKernel` owns its client channels and, if it started the kernel, its `KernelProcess`; `aclose`
ends them. A kernel that dies is noticed within a second; one of our own is started again by the next call.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from neuroworkflow_agent.errors import ExecutionTimeoutError, KernelDiedError, KernelError
from neuroworkflow_agent.kernels.base import Execution, ExecutionError
from neuroworkflow_agent.kernels.languages import NO_REPLY, Language, language_named
from neuroworkflow_agent.kernels.letting_go import GRACE_S, wait_in_any_case, what_to_say
from neuroworkflow_agent.kernels.process import (
    START_TIMEOUT_S,
    KernelProcess,
    client_of_file,
    open_client,
)
from neuroworkflow_agent.outputs import (
    ExecutionStatus,
    OutputChange,
    OutputList,
    OutputListener,
    change_from_msg,
    error,
    stream,
)
from neuroworkflow_agent.text import encodable

_POLL_S = 0.5
_BEGIN_S = 0.05
"""How long after its first message a kernel may still lose an interrupt, because the code has not begun."""
_SILENT_POLLS = 8
"""Polls without a message, after the reply has come, that end the wait for an idle status that got lost."""


class ClientKernel:
    """A kernel behind ZMQ sockets. Made by `start` or `connect`."""

    is_cell = True
    """Whether code takes a number, and a place in the kernel's history, and what waits behind it does not run if it fails."""

    def __init__(
        self,
        client: AsyncKernelClient,
        *,
        process: KernelProcess | None = None,
        language: str = "python",
    ) -> None:
        self._client = client
        self._process = process
        self._language = language
        self._lock = asyncio.Lock()
        self._running: str | None = None
        self._run: asyncio.Future[Execution] | None = None
        self._begun = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._was_interrupted = False
        self._is_dead = False
        self._is_closed = False

    @classmethod
    async def start(
        cls,
        kernel_name: str,
        *,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        timeout_s: float = START_TIMEOUT_S,
    ) -> ClientKernel:
        """Start a kernel and own it.

        Raises
        ------
        NoKernelSpecError
            If no kernelspec has that name.
        KernelStartError
            If it did not come up within `timeout_s`.
        """
        process = KernelProcess(kernel_name, cwd=cwd, env=env, timeout_s=timeout_s)
        client = await process.start()
        return cls(client, process=process, language=process.language)

    @classmethod
    async def connect(cls, connection_file: str | Path, *, language: str = "python") -> ClientKernel:
        """Use the kernel with this connection file, our own process's included.

        Raises
        ------
        KernelDiedError
            If it does not answer.
        """
        return cls(await _open(client_of_file(connection_file)), language=language)

    @property
    def language(self) -> str:
        """As the kernelspec names it, lower case."""
        return self._language

    @property
    def is_chat_kernel(self) -> bool:
        """Whether cells of it that begin with `%chat` are for the agent as a whole; it is not known of others' kernels."""
        return self._process is not None and self._process.is_chat_kernel

    async def execute(
        self,
        source: str,
        *,
        on_start: Callable[[], None] | None = None,
        on_output: OutputListener | None = None,
        timeout_s: float | None = None,
        as_cell: bool = False,  # noqa: ARG002 - always so
        on_number: Callable[[int], None] | None = None,
    ) -> Execution:
        """See `Kernel.execute`."""
        return await self._run_one(source, on_start, on_output, on_number, timeout_s, is_stored=self.is_cell)

    async def printed(self, code: str, timeout_s: float) -> str:
        """What code prints that we run for ourselves; it takes no number where the kernel allows that.

        Raises
        ------
        KernelError
            If it failed, or took longer than `timeout_s`.
        """
        execution = await self._run_one(code, None, None, None, timeout_s, is_stored=False)
        if execution.error is not None:
            raise KernelError(f"The kernel could not say: {execution.error.evalue}.")
        return "".join(each["text"] for each in execution.outputs if each.get("name") == "stdout")

    async def _run_one(
        self,
        source: str,
        on_start: Callable[[], None] | None,
        on_output: OutputListener | None,
        on_number: Callable[[int], None] | None,
        timeout_s: float | None,
        *,
        is_stored: bool,
    ) -> Execution:
        async with self._lock:
            if self._stopping is not None:
                await asyncio.wait([self._stopping])
            await self._revive()
            self._run = run = asyncio.ensure_future(
                self._execute(source, on_start, on_output, on_number, is_stored=is_stored)
            )
            try:
                async with asyncio.timeout(timeout_s):
                    return await asyncio.shield(run)
            except TimeoutError:
                if run.done():
                    return await run
                assert timeout_s is not None
                await self._stop(run, on_output)
                raise ExecutionTimeoutError(timeout_s) from None
            except asyncio.CancelledError:
                if self._is_closed and not _is_cancelled():
                    raise KernelError("The kernel was closed while it ran the code.") from None
                await self._stop(run, on_output)
                raise
            finally:
                self._run = None

    async def evaluate(self, expression: str) -> str:
        """What an expression is, as the kernel shows it; without a number, a history or outputs.

        Raises
        ------
        KernelError
            If it raised, or the kernel does not take it.
        """
        async with self._lock:
            await self._revive()
            reply = await self._read_reply(self._ask(expression))
            if reply["status"] == "aborted":  # as all is that comes right behind code that has failed
                reply = await self._read_reply(self._ask(expression))
        asked = reply.get("user_expressions", {}).get("asked", {})
        if asked.get("status") != "ok":
            raise KernelError(f"The kernel could not say: {asked.get('evalue') or reply['status']}.")
        return str(asked["data"]["text/plain"])

    async def mention(self, expression: str) -> None:
        """Have the kernel evaluate an expression when it has time, without outputs; nobody waits for that.

        Raises
        ------
        KernelError
            If there is no kernel to be had.
        """
        async with self._lock:
            await self._revive()
            self._ask(expression)

    @property
    def is_started(self) -> bool:
        """Whether there is a process to ask."""
        return not self._is_closed and not self._is_dead

    @property
    def is_closed(self) -> bool:
        """Whether it was let go of."""
        return self._is_closed

    @property
    def is_lost(self) -> bool:
        """Whether it died, and is not for us to start again."""
        return self._is_dead and self._process is None

    async def is_alive(self) -> bool:
        """Whether the kernel's process is there."""
        return not self._is_dead and bool(await self._client.is_alive())

    async def interrupt(self) -> None:
        """Stop what is running."""
        if self._running is not None:
            await self._send_interrupt()

    async def interrupt_whatever_runs(self) -> None:
        """Interrupt the kernel even if what runs was sent by someone else."""
        await self._send_interrupt()

    async def restart(self) -> None:
        """Start the kernel anew, with nothing in its namespace.

        Raises
        ------
        KernelError
            If it was not started by us.
        KernelStartError
            If it did not come up again.
        """
        async with self._lock:
            if self._process is None or self._is_closed:
                raise KernelError("This kernel was started by somebody else, who may restart it.")
            self._client.stop_channels()
            self._is_dead = True  # until it has come up
            self._client = await self._process.start()
            self._is_dead = False

    @property
    def manager(self) -> AsyncKernelManager | None:
        """The kernel's manager; None when only connected."""
        return self._process.manager if self._process is not None else None

    async def aclose(self) -> None:
        """Close the channels and end the kernel if it is ours; code that was stopped may clean up first."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._stopping is not None:
                await asyncio.wait([self._stopping], timeout=GRACE_S)
            for pending in (self._stopping, self._run):
                if pending is not None:
                    pending.cancel()
                    await asyncio.wait([pending])
        finally:  # also where our process ends and whoever waits here is cancelled
            self._client.stop_channels()
            if self._process is not None:
                await self._process.aclose()

    def _ask(self, expression: str) -> str:
        """Have an expression evaluated; the message's id."""
        msg_id: str = self._client.execute(
            "", silent=True, store_history=False, user_expressions={"asked": expression}
        )
        return msg_id

    # -- one execution --------------------------------------------------------------------------------

    async def _execute(
        self,
        source: str,
        on_start: Callable[[], None] | None,
        on_output: OutputListener | None,
        on_number: Callable[[int], None] | None,
        *,
        is_stored: bool,
    ) -> Execution:
        outputs = OutputList()
        language = language_named(self.language)

        def note_output(change: OutputChange) -> None:
            outputs.apply(change)
            if on_output is not None:
                on_output(change)

        started = time.monotonic()
        msg_id = self._client.execute(
            encodable(source), store_history=is_stored, allow_stdin=False, stop_on_error=is_stored
        )
        self._running, self._was_interrupted = msg_id, False
        self._begun.clear()
        try:
            reply = await self._read_outputs(
                msg_id, language, on_start, note_output, on_number
            ) or await self._read_late_reply(msg_id)
        finally:
            self._running = None
        duration_s = time.monotonic() - started
        reply = _told_in_full(reply, outputs, language, note_output)
        return _execution(source, reply, outputs, duration_s, self._was_interrupted)

    async def _read_outputs(
        self,
        msg_id: str,
        language: Language,
        on_start: Callable[[], None] | None,
        on_output: OutputListener,
        on_number: Callable[[int], None] | None,
    ) -> dict[str, Any] | None:
        """Tell of IOPub messages of ours until the kernel is idle again; returns the reply if that came first."""
        reply: dict[str, Any] | None = None
        silent, is_idle = 0, False
        while True:
            try:
                patience_s = language.late_outputs_s if is_idle else _POLL_S
                msg = await self._client.get_iopub_msg(timeout=patience_s)
                silent = 0
            except queue.Empty:
                if is_idle:
                    return reply
                # IOPub may drop messages under load, and then the idle status can be among them.
                reply, silent = reply or await self._try_reply(msg_id), silent + 1
                if reply is not None and silent > _SILENT_POLLS:
                    return reply
                await self._check_alive()
                continue
            if msg["parent_header"].get("msg_id") != msg_id:
                continue
            if msg["msg_type"] == "status" and msg["content"]["execution_state"] == "idle":
                if not language.late_outputs_s:
                    return reply
                is_idle = True
            self._begun.set()
            if on_start is not None:
                on_start()
                on_start = None
            if msg["msg_type"] == "execute_input" and on_number is not None:
                on_number(msg["content"]["execution_count"])
            if msg["msg_type"] == "error":
                msg["content"] = language.visible_error(msg["content"])
            if (change := change_from_msg(msg)) is not None:
                on_output(change)

    async def _try_reply(self, msg_id: str, wait_s: float = 0.0) -> dict[str, Any] | None:
        """The reply, if it is there or comes within that time."""
        deadline = time.monotonic() + wait_s
        with contextlib.suppress(queue.Empty):
            while True:
                msg = await self._client.get_shell_msg(timeout=max(0.0, deadline - time.monotonic()))
                if msg["parent_header"].get("msg_id") == msg_id:
                    content: dict[str, Any] = msg["content"]
                    return content
        return None

    async def _read_late_reply(self, msg_id: str) -> dict[str, Any]:
        """The reply to code whose outputs are over; one that says so where there is none, as of bash for code that is left open."""
        if (reply := await self._try_reply(msg_id, _POLL_S)) is not None:
            return reply
        asked = self._client.kernel_info()  # which is answered after ours
        while True:
            msg = await self._next(self._client.get_shell_msg)
            answered = msg["parent_header"].get("msg_id")
            if answered == msg_id:
                content: dict[str, Any] = msg["content"]
                return content
            if answered == asked:
                return NO_REPLY

    async def _read_reply(self, msg_id: str) -> dict[str, Any]:
        while True:
            msg = await self._next(self._client.get_shell_msg)
            if msg["parent_header"].get("msg_id") == msg_id:
                content: dict[str, Any] = msg["content"]
                return content

    async def _next(self, receive: Any) -> dict[str, Any]:
        """The next message of a channel, with an eye on whether the kernel lives."""
        while True:
            try:
                msg: dict[str, Any] = await receive(timeout=_POLL_S)
                return msg
            except queue.Empty:
                await self._check_alive()

    async def _check_alive(self) -> None:
        if not await self._client.is_alive():
            self._is_dead = True
            raise KernelDiedError(self._died()) from None

    # -- stopping -------------------------------------------------------------------------------------

    async def _stop(self, run: asyncio.Future[Execution], on_output: OutputListener | None) -> None:
        """Interrupt the run and wait until the kernel lets go."""
        # A task of its own: it goes on when the turn's end cancels what waits here.
        self._stopping = asyncio.create_task(self._interrupt_until_done(run, on_output))
        await wait_in_any_case(self._stopping)

    async def _interrupt_until_done(
        self, run: asyncio.Future[Execution], on_output: OutputListener | None
    ) -> None:
        begun = asyncio.create_task(self._begun.wait())
        first: list[asyncio.Future[Any]] = [run, begun]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        await asyncio.wait([run], timeout=_BEGIN_S)
        repetition = 0
        while not run.done():
            if on_output is not None and (text := what_to_say(repetition)):
                on_output(stream("stderr", text))
            await self._send_interrupt()
            await asyncio.wait([run], timeout=GRACE_S)
            repetition += 1
        if not run.cancelled():
            run.exception()  # it is nobody's any more
        self._stopping = None

    async def _send_interrupt(self) -> None:
        self._was_interrupted = True
        if self.manager is not None and self.manager.has_kernel:
            await self.manager.interrupt_kernel()
        else:
            self._client.control_channel.send(self._client.session.msg("interrupt_request", {}))
        # A kernel that awaits sleeps in its selector, and may notice the signal only when woken.
        self._client.kernel_info()

    # -- life -----------------------------------------------------------------------------------------

    async def _revive(self) -> None:
        """Start a dead kernel of ours again, after an error has said that its variables are gone."""
        if self._is_closed:
            raise KernelError("The kernel is closed.")
        if not self._is_dead:
            await self._check_alive()
            return
        if self._process is None:
            raise KernelDiedError(self._died())
        self._client.stop_channels()
        self._client = await self._process.start()
        self._is_dead = False

    def _died(self) -> str:
        if self._process is not None:
            return "The kernel died. All its variables are lost; the next call starts it again."
        return "The kernel died. All its variables are lost; restart it in the notebook and resume."


async def _open(client: AsyncKernelClient) -> AsyncKernelClient:
    """Open a client of a kernel that runs already."""
    try:
        return await open_client(client, START_TIMEOUT_S)
    except TimeoutError as error:
        raise KernelDiedError(f"The kernel did not answer within {START_TIMEOUT_S:g} s.") from error
    except RuntimeError as error:
        raise KernelDiedError("The kernel has ended.") from error


def _is_cancelled() -> bool:
    """Whether the current task itself was asked to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _told_in_full(
    reply: dict[str, Any], outputs: OutputList, language: Language, on_output: OutputListener
) -> dict[str, Any]:
    """A reply that says what came of the code; an error that nothing shows, or that the kernel hides, is told in an output.

    What IPython says of the wrong use of a magic is text, and stays that.
    """
    is_hidden = False
    if reply["status"] == "error":
        reply = {**reply, **language.visible_error(reply)}
    elif reply["status"] == "ok" and language.hides_failures:
        printed = next(
            (each["text"] for each in reversed(outputs.outputs) if each.get("name") == "stdout"), ""
        )
        if failure := language.failure_in(printed):
            reply, is_hidden = {**reply, "status": "error", **failure}, True
    is_untold = is_hidden or not outputs.outputs
    if (
        reply["status"] == "error"
        and is_untold
        and all(each["output_type"] != "error" for each in outputs.outputs)
    ):
        on_output(error(reply["ename"], reply["evalue"], list(reply["traceback"])))
    return reply


def _execution(
    source: str, reply: dict[str, Any], outputs: OutputList, duration_s: float, was_interrupted: bool
) -> Execution:
    raised = None
    status: ExecutionStatus = "ok"
    if reply["status"] == "error":
        raised = ExecutionError(reply["ename"], reply["evalue"], tuple(reply["traceback"]))
        # Other languages have other names for it.
        stopped = was_interrupted or raised.ename in ("KeyboardInterrupt", "CancelledError")
        status = "interrupted" if stopped else "error"
    elif reply["status"] != "ok":
        status = "interrupted"
    return Execution(source, status, outputs.outputs, reply.get("execution_count"), raised, duration_s)
