"""MCP clients that are driven at random: over HTTP, and through a program on its standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from neuroworkflow_agent.errors import ConfigError, ToolFailed
from neuroworkflow_agent.surfaces.mcp.remote import Remote
from tests.surfaces.mcp.server import TOKEN

_ABOUT = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "p", "version": "0"},
}


class Web:
    """A client over HTTP."""

    def __init__(self, url: str) -> None:
        self._remote = Remote(url, TOKEN)
        self.start, self.aclose = self._remote.start, self._remote.aclose

    @property
    def is_gone(self) -> bool:
        """Whether it can ask no more."""
        return False

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A call's answer for programs; raises `ToolFailed` if it failed, `ConfigError` if there is none."""
        return (await self._remote.call(name, arguments)).structured


class Program:
    """A client that speaks to `neuroworkflow-agent mcp --server` on its standard input and output."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def start(self) -> None:
        """Start the program, and a session."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "neuroworkflow_agent", "mcp", "--server", self._url,
            env={**os.environ, "JUPYTER_TOKEN": TOKEN},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        await self._ask("initialize", _ABOUT)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    @property
    def is_gone(self) -> bool:
        """Whether it can ask no more."""
        return self.process.returncode is not None

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """As of `Web`."""
        result: dict[str, Any] = await self._ask("tools/call", {"name": name, "arguments": arguments})
        if result.get("isError"):
            raise ToolFailed(result["content"][0]["text"])
        structured: dict[str, Any] = result["structuredContent"]
        return structured

    async def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        await self.aclose()

    async def aclose(self) -> None:
        """Close its input, and wait for its end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()
        await self._reading

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        if self.is_gone:
            raise ConfigError("The program has ended.")
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self._write({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return await answer

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            if (answer := self._answers.pop(message.get("id"), None)) is not None:
                if "result" in message:
                    answer.set_result(message["result"])
                else:
                    answer.set_exception(ConfigError(message["error"]["message"]))
        for answer in self._answers.values():
            answer.set_exception(ConfigError("The program has ended."))
