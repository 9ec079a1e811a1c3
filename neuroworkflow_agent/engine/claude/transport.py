"""The SDK's view of a `claude` process that was started before it was imported."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
from claude_agent_sdk import (
    ClaudeAgentOptions,
    CLIConnectionError,
    CLIJSONDecodeError,
    ProcessError,
    Transport,
)

from neuroworkflow_agent.engine.claude.early import EarlyProcess
from neuroworkflow_agent.engine.claude.options import MAX_MESSAGE_BYTES


def adopt(early: EarlyProcess, options: ClaudeAgentOptions) -> Transport | None:
    """The transport to a process that runs; None if it is not what the SDK would have started."""
    return EarlyTransport(early) if early.arguments == _would_start(options) else None


def _would_start(options: ClaudeAgentOptions) -> list[str] | None:
    """The command line that this version of the SDK makes; None if it is made in another way by now."""
    try:
        from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport

        asking = dataclasses.replace(options, permission_prompt_tool_name="stdio")  # as `query` does
        return SubprocessCLITransport("", asking)._build_command()
    except Exception:  # noqa: BLE001 - it is no interface, and may be anything
        return None


class EarlyTransport(Transport):
    """Reads from and writes to the process, as the SDK's own transport does.

    Parameters
    ----------
    early
        The process; closed with this.
    """

    def __init__(self, early: EarlyProcess) -> None:
        early.is_served = True
        self._early = early
        self._writing = asyncio.Lock()
        self._is_open = True

    async def connect(self) -> None:
        """Do nothing: it runs."""

    async def write(self, data: str) -> None:
        """Write to its standard input.

        Raises
        ------
        CLIConnectionError
            If that is closed.
        """
        async with self._writing:
            if not self._is_open or self._early.has_ended:
                raise CLIConnectionError("The process takes no input any more.")
            try:
                await self._early.input.send(data.encode())
            except Exception as error:
                self._is_open = False
                raise CLIConnectionError(f"Failed to write to the process: {error}") from error

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """The messages on its standard output, each on a line; lines that are none are passed over.

        Raises
        ------
        CLIJSONDecodeError
            If a message is broken or too long.
        ProcessError
            If the process has failed.
        """
        pending: list[bytes] = []
        n_bytes = 0
        with contextlib.suppress(anyio.ClosedResourceError):
            async for chunk in self._early.output:
                *ended, rest = chunk.split(b"\n")
                for line in ended:
                    message = _message(b"".join((*pending, line)))
                    pending, n_bytes = [], 0
                    if message is not None:
                        yield message
                pending.append(rest)
                n_bytes += len(rest)
                if n_bytes > MAX_MESSAGE_BYTES:
                    raise CLIJSONDecodeError("", ValueError(f"A message is longer than {MAX_MESSAGE_BYTES}."))
        with contextlib.suppress(CLIJSONDecodeError):  # cut off as the process ended
            if (message := _message(b"".join(pending))) is not None:
                yield message
        if code := await self._early.wait():
            raise ProcessError(f"Command failed with exit code {code}", exit_code=code)

    async def end_input(self) -> None:
        """Close its standard input."""
        async with self._writing:
            self._is_open = False
            with contextlib.suppress(Exception):  # broken by the end of the process
                await self._early.input.aclose()

    async def close(self) -> None:
        """End the process. Bounded in time."""
        self._is_open = False
        await self._early.close()

    def is_ready(self) -> bool:
        """Whether it takes input."""
        return self._is_open


def _message(line: bytes) -> dict[str, Any] | None:
    """The message on a line; None if there is none on it."""
    line = line.strip()
    if not line.startswith(b"{"):
        return None
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise CLIJSONDecodeError(line.decode(errors="replace"), error) from error
    return message
