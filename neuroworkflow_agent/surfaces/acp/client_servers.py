"""MCP servers that a client passes with a session, as the user's own are set. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acp.schema import HttpMcpServer, McpServerStdio, SseMcpServer

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.mcp_config import McpServers, checked_servers


def servers_of_client(passed: Iterable[Any]) -> McpServers:
    """Settings of the servers by their names.

    Raises
    ------
    ConfigError
        If one cannot work; the message names it.
    """
    return checked_servers({server.name: _settings(server) for server in passed})


def _settings(server: Any) -> dict[str, Any]:
    match server:
        case McpServerStdio(command=command, args=args, env=env):
            return {"command": command, "args": list(args), "env": {each.name: each.value for each in env}}
        case HttpMcpServer(url=url, headers=headers) | SseMcpServer(url=url, headers=headers):
            kind = "http" if isinstance(server, HttpMcpServer) else "sse"
            return {"type": kind, "url": url, "headers": {each.name: each.value for each in headers}}
    raise ConfigError(f"The MCP server {server.name!r} is of a kind that is not known here.")
