"""The user's own MCP servers, as the gate knows them: which of their tools only read.

The CLI starts these servers and speaks with them; we ask each one once, over a connection of our own that is closed
again, and only when it matters.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from neuroworkflow_agent.mcp_config import McpServers
from neuroworkflow_agent.tools.registry import called_name

_TIMEOUT_S = 20.0
_ODD = re.compile(r"[^A-Za-z0-9_-]")
"""What Claude Code replaces in names."""


class UserServers:
    """The servers of one session.

    Parameters
    ----------
    servers
        Their settings.
    environ
        What programs among them are started with.
    cwd
        Where.
    """

    def __init__(self, servers: McpServers, environ: Mapping[str, str], cwd: Path) -> None:
        self._servers = servers
        self._environ = environ
        self._cwd = cwd
        self._tools: dict[str, asyncio.Future[dict[str, bool]]] = {}

    def server_of(self, called: str) -> str | None:
        """The server whose tool the model calls so, if it is one of these."""
        return next((name for name in self._servers if called.startswith(called_name(name, ""))), None)

    async def only_reads(self, called: str) -> bool:
        """Whether the server says that this tool only reads; a server that does not answer says nothing."""
        server = self.server_of(called)
        if server is None:
            return False
        if server not in self._tools:
            self._tools[server] = asyncio.ensure_future(self._ask(server))
        return (await asyncio.shield(self._tools[server])).get(called, False)

    async def _ask(self, server: str) -> dict[str, bool]:
        try:
            tools = await list_tools(self._servers[server], self._environ, self._cwd)
        except Exception:  # noqa: BLE001 - a stranger's program; whatever happens, it says nothing
            return {}
        return {called_name(server, _ODD.sub("_", name)): reads for name, reads in tools.items()}


async def list_tools(server: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> dict[str, bool]:
    """The tools of an MCP server, and whether it says that they only read.

    Raises
    ------
    Exception
        Whatever the connection raises, if there is none within some seconds.
    """
    from mcp import ClientSession

    async with (
        asyncio.timeout(_TIMEOUT_S),
        _streams(server, environ, cwd) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        listed = await session.list_tools()
    return {tool.name: _only_reads(tool) for tool in listed.tools}


def _only_reads(tool: Any) -> bool:
    # Version 1 of `mcp` names fields as they are sent, version 2 as Python does.
    about = tool.annotations
    return bool(getattr(about, "read_only_hint", None) or getattr(about, "readOnlyHint", None))


@contextlib.asynccontextmanager
async def _streams(
    server: Mapping[str, Any], environ: Mapping[str, str], cwd: Path
) -> AsyncIterator[tuple[Any, Any]]:
    kind = server.get("type", "stdio")
    if kind == "stdio":
        from mcp.client.stdio import StdioServerParameters, stdio_client

        with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230, PTH123 - its standard error is not ours to show
            parameters = StdioServerParameters(
                command=server["command"],
                args=server.get("args", []),
                env={**environ, **server.get("env", {})},
                cwd=cwd,
            )
            async with stdio_client(parameters, errlog=nowhere) as streams:
                yield streams[0], streams[1]
        return
    headers = dict(server.get("headers", {}))
    if kind == "sse":
        from mcp.client.sse import sse_client

        async with sse_client(server["url"], headers=headers) as streams:
            yield streams[0], streams[1]
        return
    from mcp.client import streamable_http as http
    from mcp.shared._httpx_utils import create_mcp_http_client

    connect: Any = getattr(http, "streamable_http_client", None)
    async with contextlib.AsyncExitStack() as stack:
        if connect is None:  # an early version 1
            connect = getattr(http, "streamablehttp_client")  # noqa: B009 - later versions have it not
            opened = connect(server["url"], headers=headers)
        else:
            client = await stack.enter_async_context(create_mcp_http_client(headers=headers))
            opened = connect(server["url"], http_client=client)
        streams = await stack.enter_async_context(opened)
        yield streams[0], streams[1]
