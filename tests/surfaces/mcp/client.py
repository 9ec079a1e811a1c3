"""An MCP client of either version of `mcp`, for tests: what it calls, and what it is told."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client

from neuroworkflow_agent.tools.protocol import TAKES_HANDLERS


@dataclass
class Client:
    """What a test needs of a client."""

    session: Any
    progress: list[str] = field(default_factory=list)

    async def names(self) -> list[str]:
        """Of the tools."""
        return [tool.name for tool in (await self.session.list_tools()).tools]

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """What a call answers for programs; fails if the tool does."""
        failed, structured, text = await self.ask(name, arguments)
        assert not failed, text
        return structured

    async def refused(self, name: str, /, **arguments: Any) -> str:
        """What a call that fails says."""
        failed, _structured, text = await self.ask(name, arguments)
        assert failed, text
        return text

    async def ask(self, name: str, arguments: dict[str, Any]) -> tuple[bool, dict[str, Any], str]:
        """Whether it failed, its answer for programs, its texts."""
        result = await self.session.call_tool(name, arguments, progress_callback=self._note)
        texts = [getattr(block, "text", f"({block.type})") for block in result.content]
        failed = result.is_error if TAKES_HANDLERS else result.isError
        structured = result.structured_content if TAKES_HANDLERS else result.structuredContent
        return bool(failed), structured or {}, "\n".join(texts)

    async def _note(self, _progress: float, _total: float | None, message: str | None) -> None:
        self.progress.append(message or "")


@contextlib.asynccontextmanager
async def started(root: Path, *arguments: str, path: str | None = None) -> AsyncIterator[Client]:
    """A client of `neuroworkflow-agent mcp` as a process of its own, whose modules come from `path` first."""
    command = ["-m", "neuroworkflow_agent", "mcp", *arguments]
    environ = {**os.environ, **({"PYTHONPATH": path} if path else {})}
    parameters = StdioServerParameters(command=sys.executable, args=command, cwd=root, env=environ)
    if TAKES_HANDLERS:
        from mcp import Client as Newer

        async with Newer(stdio_client(parameters)) as session:
            yield Client(session)
        return
    from mcp import ClientSession

    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield Client(session)
