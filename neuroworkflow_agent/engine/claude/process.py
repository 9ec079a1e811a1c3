"""One `claude` process: a long-lived `query()` and the task that reads it.

`ClaudeProcess` owns the reader task and the process's `Scratch`; the task owns the SDK's generator
and thereby the process, which it starts by itself while the SDK is not imported yet. They end
when `close` is called or the process ends by itself, whichever is first. The generator is always
drained or cancelled from the task that iterates it, never closed from another.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.errors import SessionClosedError
from neuroworkflow_agent.scratch import Scratch, sweep

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, Message

    from neuroworkflow_agent.engine.claude.early import EarlyProcess
    from neuroworkflow_agent.engine.claude.options import PlainOptions

# How a process ended is told by the turn; with no handler at all, Python would print the SDK's log lines over
# the user's output, one of them whenever we end a process ourselves.
logging.getLogger("claude_agent_sdk").addHandler(logging.NullHandler())

_STDERR_LINES = 20
_CLOSE_GRACE_S = 4.0
_BUSY_S = 0.001
_PAUSE_S = 0.00005


@dataclass(frozen=True, slots=True)
class Start:
    """What a process is started with."""

    plain: PlainOptions
    """As far as it is data; the process's own scratch directory is added."""
    complete: Callable[[PlainOptions], ClaudeAgentOptions]
    """Makes the SDK's options of it; imports the SDK. From any thread."""


class ClaudeProcess:
    """A running `claude` process and the stream that feeds it.

    Parameters
    ----------
    start
        What to start it with.
    marker
        A text found in the command line of this process and of no other: its session id.
    on_message
        Called on the loop with each SDK message.
    on_end
        Called once on the loop when the process is gone, with the exception that ended it, if any.
    """

    def __init__(
        self,
        start: Start,
        *,
        marker: str,
        on_message: Callable[[Message], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        self._input: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._marker = marker
        self._on_message = on_message
        self._on_end = on_end
        self.failure: BaseException | None = None
        """What ended the process, once it has ended."""
        self._is_used = False
        self._is_over = False
        self._wanted = asyncio.Event()
        self._request_ids = itertools.count(1)
        self._let_others_run = _Yielding()
        self._scratch = Scratch()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_report)
        self._loaded: asyncio.Future[None] = loop.create_future()
        start.plain["env"]["CLAUDE_CODE_TMPDIR"] = str(self._scratch.path)
        self._reader = asyncio.create_task(self._read(start), name="neuroworkflow-agent reader")
        self._reader.add_done_callback(self._ended)  # also when it was cancelled before it began

    async def loaded(self) -> None:
        """Have the SDK imported, and wait until it serves the process.

        Raises
        ------
        SessionClosedError
            If it was closed meanwhile.
        Exception
            What stood in the way of the import.
        """
        self._wanted.set()
        await asyncio.wait([self._loaded])
        if self._loaded.cancelled():
            raise SessionClosedError("This session was closed meanwhile.")
        self._loaded.result()

    @property
    def is_loaded(self) -> bool:
        """Whether it is served."""
        return self._loaded.done()

    @property
    def is_open(self) -> bool:
        """Whether the process may still answer."""
        return not (self._is_over or self._reader.done())

    @property
    def stderr(self) -> str:
        """The last lines the process wrote to its standard error."""
        return "\n".join(self._stderr)

    def send_user_message(
        self, blocks: list[dict[str, Any]], *, follow_up: str | None = None, is_command: bool = False
    ) -> None:
        """Queue a user message of Messages API content blocks.

        Parameters
        ----------
        follow_up
            The id under which the running turn takes it in, after the tools that run; None to begin a turn.
        is_command
            Whether the CLI is to obey it as a command of its own, such as `/compact`, instead of giving it to the model
            as it is written.
        """
        self._is_used = True
        message = {"role": "user", "content": blocks}
        # With the priority "now" the process would first stop the tools that run.
        about: dict[str, Any] = {"uuid": follow_up, "priority": "next"} if follow_up else {}
        if not is_command:
            # As the SDK marks every message where `verbatim_prompts` is set: no commands, no files that are mentioned.
            about["client_composed"] = True
        self._input.put_nowait(
            {"type": "user", "message": message, "parent_tool_use_id": None, "session_id": "", **about}
        )

    async def sent(self) -> None:
        """Wait until the process has all that was queued."""
        await self._input.join()

    def send_interrupt(self) -> None:
        """Ask the process to stop its turn, and to drop what that was still to take in.

        It answers with a result and stays up.
        """
        self._send_request({"subtype": "interrupt", "cancel_queued": True})

    def cancel(self, follow_up: str) -> None:
        """Ask the process to drop a message that its turn has not taken in yet."""
        self._send_request({"subtype": "cancel_async_message", "message_uuid": follow_up})

    def _send_request(self, request: dict[str, Any]) -> None:
        request_id = f"request_{next(self._request_ids)}"
        self._input.put_nowait({"type": "control_request", "request_id": request_id, "request": request})

    async def close(self) -> None:
        """End the process: first by closing its input, then by force. Idempotent."""
        if self._is_used:
            self._input.put_nowait(None)  # it ends its turn and writes its transcript first
        else:
            self._stop_answering()
        await asyncio.wait([self._reader], timeout=_CLOSE_GRACE_S)
        if not self._reader.done():
            await self.kill()

    async def kill(self) -> None:
        """End the process now."""
        self._stop_answering()
        await asyncio.to_thread(_kill_children_with, self._marker)
        await asyncio.wait([self._reader], timeout=_CLOSE_GRACE_S)

    def _stop_answering(self) -> None:
        """Have the SDK drop what the process asks, such as which tools there are, and then close its input.

        The other way round an answer finds the input closed, and its task fails with nobody to tell.
        """
        self._reader.cancel()

    async def _prompts(self) -> AsyncIterator[dict[str, Any]]:
        while (item := await self._input.get()) is not None:
            yield item
            self._input.task_done()  # the SDK asks for the next one when this is written

    async def _read(self, start: Start) -> None:
        from neuroworkflow_agent.engine.claude.early import start_early

        early = None
        try:
            await asyncio.to_thread(sweep)
            early = await start_early(start.plain, self._stderr.append)
            if early is None or await self._is_wanted(early):
                await self._serve(early, await self._complete(start))
        except asyncio.CancelledError as error:
            self.failure = error
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises ends this process, not us
            self.failure = error
        finally:
            self._is_over = True
            if early is not None:
                await early.close()

    async def _is_wanted(self, early: EarlyProcess) -> bool:
        """Wait until the process is to be served; False if it has ended before."""
        ending, wanting = asyncio.ensure_future(early.wait()), asyncio.ensure_future(self._wanted.wait())
        try:
            await asyncio.wait([ending, wanting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            wanting.cancel()
        return self._wanted.is_set()

    async def _complete(self, start: Start) -> ClaudeAgentOptions:
        """The SDK's options, made on another thread: the import would keep this one from a Stop."""
        try:
            options = await asyncio.to_thread(start.complete, start.plain)
        except Exception as error:
            self._loaded.set_exception(error)
            self._loaded.exception()  # there may be nobody who waits
            raise
        options.stderr = self._stderr.append
        self._loaded.set_result(None)
        return options

    async def _serve(self, early: EarlyProcess | None, options: ClaudeAgentOptions) -> None:
        from claude_agent_sdk import query

        from neuroworkflow_agent.engine.claude.transport import adopt

        transport = None if early is None else adopt(early, options)
        if early is not None and transport is None:
            await early.close()
        async for message in query(prompt=self._prompts(), options=options, transport=transport):
            self._on_message(message)
            self._let_others_run()

    def _ended(self, _reader: asyncio.Task[None]) -> None:
        self._loaded.cancel()  # unless it is done
        self._scratch.remove()
        self._on_end(self.failure)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """As asyncio does, but for the SDK's answers that came when their process had ended: they are nobody's loss."""
    from claude_agent_sdk import CLIConnectionError

    if not isinstance(context.get("exception"), CLIConnectionError):
        loop.default_exception_handler(context)


class _Yielding:
    """Lets the other threads of the process run while messages pour in.

    A thread that always has something to do gives up the interpreter only when asked to, 5 ms later, and each
    time some other thread may be first: the kernel's loop was late by 40 ms in one wake-up of a hundred.
    """

    def __init__(self) -> None:
        self._since = 0.0

    def __call__(self) -> None:
        now = time.perf_counter()
        if now - self._since > _BUSY_S:
            time.sleep(_PAUSE_S)
            self._since = time.perf_counter()


def _kill_children_with(marker: str) -> None:
    """Kill our direct children whose command line holds `marker`.

    The SDK gives no handle on its process, and its own close waits ten seconds before it kills.
    """
    import psutil

    for child in psutil.Process().children():
        try:
            if any(marker in argument for argument in child.cmdline()):
                child.kill()
        except psutil.Error:  # it ended meanwhile
            continue


def load_sdk() -> None:
    """Import the SDK, which takes two seconds the first time; from any thread."""
    import claude_agent_sdk  # noqa: F401
