"""A `claude` process that is started before the SDK is imported.

The import keeps one core busy for most of a second, and so does the start of `claude`: here both happen at once. An
`EarlyProcess` belongs to the `ClaudeProcess` that started it and ends with its `close`. What the process says on its
standard output waits in the pipe until the SDK reads it; it says nothing before it is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

import anyio
import anyio.abc

from neuroworkflow_agent.engine.claude.command import command, environment
from neuroworkflow_agent.engine.claude.options import PlainOptions

_TOO_LATE = ("claude_agent_sdk", "opentelemetry")
"""Where one of them is imported the SDK starts the process: nothing is to be gained, or there may be a trace to hand on."""
_GRACE_S = 5.0
"""How long each step of ending it may take."""
_MAX_LINE_BYTES = 64 * 1024


async def start_early(plain: PlainOptions, on_stderr: Callable[[str], None]) -> EarlyProcess | None:
    """Start `claude`; None where the SDK is to do that itself.

    That is so where nothing is gained, and where it fails: the SDK meets the same, and says what it is.

    Parameters
    ----------
    plain
        What to start it with.
    on_stderr
        Called with each line of its standard error.
    """
    if any(name in sys.modules for name in _TOO_LATE) or plain["cli_path"] is None or sys.platform == "win32":
        return None
    arguments = command(plain)
    try:
        process = await anyio.open_process(arguments, cwd=plain["cwd"], env=environment(plain, os.environ))
    # Not there, not a program, a null character in an argument; an SDK whose version nobody knows.
    except (OSError, ValueError, ImportError):
        return None
    return EarlyProcess(process, arguments, on_stderr)


class EarlyProcess:
    """The process, from its start to `close`.

    Parameters
    ----------
    process
        It.
    arguments
        What was executed.
    on_stderr
        Called with each line of its standard error.
    """

    def __init__(
        self, process: anyio.abc.Process, arguments: list[str], on_stderr: Callable[[str], None]
    ) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("The process was started without pipes.")
        self.arguments = arguments
        """What was executed."""
        self.input = process.stdin
        self.output = process.stdout
        self.is_served = False
        """Whether it was ever asked anything."""
        self._process = process
        self._errors = asyncio.create_task(_read_lines(process.stderr, on_stderr))

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.returncode is not None

    async def wait(self) -> int:
        """Wait until the process has ended, and its standard error was read; returns its exit code."""
        code = await self._process.wait()
        await asyncio.wait([self._errors], timeout=_GRACE_S)
        return code

    async def close(self) -> None:
        """End the process: by closing its input, then by force. Idempotent; bounded in time.

        One that was asked nothing has nothing to write down, and takes seconds to end without force.
        """
        gently = (None,) if self.is_served else ()
        try:
            with contextlib.suppress(Exception):  # it may be closed, or broken by the end of the process
                await self.input.aclose()
            for end in (*gently, self._process.terminate, self._process.kill):
                with contextlib.suppress(ProcessLookupError):
                    if end is not None:
                        end()
                with anyio.move_on_after(_GRACE_S):
                    await self._process.wait()
                    return
        finally:
            self._errors.cancel()
            with contextlib.suppress(ProcessLookupError):
                if not self.has_ended:  # who waited for this does so no longer
                    self._process.kill()
            with anyio.CancelScope(shield=True):
                await self._process.aclose()


async def _read_lines(stream: anyio.abc.ByteReceiveStream, on_line: Callable[[str], None]) -> None:
    """Hand on what is said, line by line; a line that does not end, in pieces."""
    pending = b""
    try:
        async for chunk in stream:
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > _MAX_LINE_BYTES:
                lines, pending = [*lines, pending], b""
            _hand_on(lines, on_line)
    except (anyio.ClosedResourceError, OSError):
        pass
    finally:
        _hand_on([pending], on_line)


def _hand_on(lines: list[bytes], on_line: Callable[[str], None]) -> None:
    for line in lines:
        if text := line.decode(errors="replace").rstrip():
            on_line(text)
