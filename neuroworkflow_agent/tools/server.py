"""An MCP server of tools, for whoever speaks MCP: the SDK in this process, or another client over a stream."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from mcp.server import Server
from mcp.types import CallToolResult, ListToolsResult
from mcp.types import Tool as ServedTool
from referencing import Registry as SchemaRegistry

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.tools.registry import Block, Call, Tool

_MAX_RESULT_CHARS = 400_000
"""Our own budget cuts the text; this larger one keeps the CLI from moving figures to a file."""
_TOOL_USE_ID = "claudecode/toolUseId"
"""Where the CLI says which tool use a call answers."""
# Version 1 of `mcp` registers handlers with decorators, version 2 takes them.
_TAKES_HANDLERS = "on_call_tool" in inspect.signature(Server.__init__).parameters


def build_server(name: str, tools: Sequence[Tool]) -> Server[Any]:
    """A server that offers `tools`.

    Parameters
    ----------
    name
        Server name; the model calls the tools `mcp__<name>__<tool>`.
    tools
        What it offers.
    """
    by_name = {tool.name: tool for tool in tools}
    served = [_served(tool) for tool in tools]

    async def answer(
        called: str, arguments: dict[str, Any] | None, meta: Mapping[str, Any]
    ) -> CallToolResult:
        tool = by_name.get(called)
        if tool is None:
            return _result([_text(f"There is no tool {called!r} here.")], is_error=True)
        return await _answer(tool, Call(arguments or {}, ToolUseId(str(meta.get(_TOOL_USE_ID) or ""))))

    make: Any = Server  # each version knows only its own way
    if _TAKES_HANDLERS:

        async def on_list_tools(_context: Any, _params: Any) -> ListToolsResult:
            return ListToolsResult(tools=served)

        async def on_call_tool(context: Any, params: Any) -> CallToolResult:
            return await answer(params.name, params.arguments, context.meta or {})

        built: Server[Any] = make(
            name, version=__version__, on_list_tools=on_list_tools, on_call_tool=on_call_tool
        )
        return built

    server = make(name, version=__version__)

    async def list_tools() -> list[ServedTool]:
        return served

    async def call_tool(called: str, arguments: dict[str, Any]) -> CallToolResult:
        meta = server.request_context.meta
        return await answer(called, arguments, meta.model_extra or {} if meta else {})

    server.list_tools()(list_tools)
    server.call_tool(validate_input=False)(call_tool)
    legacy: Server[Any] = server
    return legacy


async def _answer(tool: Tool, call: Call) -> CallToolResult:
    """Whatever goes wrong is for the model to read, never an error of the protocol."""
    try:
        if wrong := _wrong(tool, call):
            return _result([_text(f"The arguments of {tool.name} are wrong: {wrong}")], is_error=True)
        return _result(await tool.handler(call))
    except ToolFailed as failure:
        return _result(failure.blocks or [_text(str(failure))], is_error=True)
    except Exception as error:  # noqa: BLE001 - see above
        return _result([_text(f"{tool.name} failed: {error}")], is_error=True)


def _wrong(tool: Tool, call: Call) -> str:
    # With a registry of our own, a `$ref` of a hub's schema is never fetched from elsewhere.
    validator = validator_for(tool.schema)(tool.schema, registry=SchemaRegistry())
    error = best_match(validator.iter_errors(call.arguments))
    return error.message if error else ""


def _served(tool: Tool) -> ServedTool:
    return ServedTool.model_validate(
        {
            "name": tool.name,
            "description": tool.description,
            "inputSchema": tool.schema,
            "annotations": {"readOnlyHint": tool.reads_only and not tool.changes_with},
            "_meta": {"anthropic/maxResultSizeChars": _MAX_RESULT_CHARS},
        }
    )


def _result(blocks: list[Block], *, is_error: bool = False) -> CallToolResult:
    return CallToolResult.model_validate({"content": blocks, "isError": is_error})


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
