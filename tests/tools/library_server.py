"""An MCP server as a user might have one: a small library with a tool that reads and one that does not.

`python library_server.py` speaks over its standard streams; it writes down each start and what it was given.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations

from neuroworkflow_agent.tools.protocol import TAKES_HANDLERS as _TAKES_HANDLERS

SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}}


def tools() -> list[Tool]:
    reads: Any = {"read_only_hint": True} if _TAKES_HANDLERS else {"readOnlyHint": True}
    schema: Any = {"input_schema": SCHEMA} if _TAKES_HANDLERS else {"inputSchema": SCHEMA}
    return [
        Tool(name="find", description="Find a paper", annotations=ToolAnnotations(**reads), **schema),
        Tool(name="lend", description="Lend a paper", **schema),
    ]


def answer(name: str) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=f"{name}: key {os.environ.get('LIBRARY_KEY')}")]
    )


def make_server() -> Any:
    make: Any = Server
    if _TAKES_HANDLERS:

        async def on_list_tools(_context: Any, _params: Any) -> ListToolsResult:
            return ListToolsResult(tools=tools())

        async def on_call_tool(_context: Any, params: Any) -> CallToolResult:
            return answer(params.name)

        return make("library", on_list_tools=on_list_tools, on_call_tool=on_call_tool)
    server = make("library")

    async def list_tools() -> list[Tool]:
        return tools()

    async def call_tool(name: str, _arguments: dict[str, Any]) -> CallToolResult:
        return answer(name)

    server.list_tools()(list_tools)
    server.call_tool()(call_tool)
    return server


async def serve() -> None:
    server = make_server()
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    if log := os.environ.get("LIBRARY_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{os.getpid()}\n")
    anyio.run(serve)
