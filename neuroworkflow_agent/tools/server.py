"""An MCP server of tools and resources, for whoever speaks MCP: the SDK in this process, or another client over a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from mcp.server import Server
from mcp.types import CallToolResult, ListToolsResult
from mcp.types import Tool as ServedTool
from referencing import Registry as SchemaRegistry

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.tools.protocol import Request, RequestHandler, make_server
from neuroworkflow_agent.tools.registry import Answer, Block, Call, Tool
from neuroworkflow_agent.tools.resources import Resources, Subscriptions
from neuroworkflow_agent.tools.served_resources import resource_handlers

_MAX_RESULT_CHARS = 400_000
"""Our own budget cuts the text; this larger one keeps the CLI from moving figures to a file."""
_TOOL_USE_ID = "claudecode/toolUseId"
"""Where the CLI says which tool use a call answers."""


def build_server(
    name: str,
    tools: Sequence[Tool],
    *,
    instructions: str | None = None,
    for_programs: bool = False,
    resources: Resources | None = None,
    subscriptions: Subscriptions | None = None,
    only_client: object = None,
) -> Server[Any]:
    """A server that offers `tools`.

    Parameters
    ----------
    name
        Server name; the model calls the tools `mcp__<name>__<tool>`.
    tools
        What it offers.
    instructions
        What a client's model should know of it as a whole.
    for_programs
        Whether answers also say what `Tool.output` describes.
    resources
        What it offers to be read.
    subscriptions
        Who is told of their changes; belongs to the caller, who closes it.
    only_client
        See `make_server`.
    """
    by_name = {tool.name: tool for tool in tools}
    served = [_served(tool, for_programs=for_programs) for tool in tools]

    async def list_tools(_request: Request, _params: Any) -> ListToolsResult:
        return ListToolsResult(tools=served)

    async def call_tool(request: Request, params: Any) -> CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            return _result([_text(f"There is no tool {params.name!r} here.")], is_error=True)
        tool_use_id = ToolUseId(str(request.meta.get(_TOOL_USE_ID) or ""))
        call = Call(params.arguments or {}, tool_use_id, request.client, request.report)
        return await _answer(tool, call, for_programs=for_programs)

    handlers: dict[str, RequestHandler] = {"list_tools": list_tools, "call_tool": call_tool}
    if resources is not None:
        handlers |= resource_handlers(resources, subscriptions)
    return make_server(name, handlers, instructions, only_client)


async def _answer(tool: Tool, call: Call, *, for_programs: bool) -> CallToolResult:
    """Whatever goes wrong is for the model to read, never an error of the protocol."""
    try:
        if wrong := _wrong(tool, call):
            return _result([_text(f"The arguments of {tool.name} are wrong: {wrong}")], is_error=True)
        answer = await tool.handler(call)
        if not isinstance(answer, Answer):
            return _result(answer)
        return _result(answer.blocks, answer.structured if for_programs else None)
    except ToolFailed as failure:
        return _result(failure.blocks or [_text(str(failure))], is_error=True)
    except Exception as error:  # noqa: BLE001 - see above
        return _result([_text(f"{tool.name} failed: {error}")], is_error=True)


def _wrong(tool: Tool, call: Call) -> str:
    # With a registry of our own, a `$ref` of a hub's schema is never fetched from elsewhere.
    validator = validator_for(tool.schema)(tool.schema, registry=SchemaRegistry())
    error = best_match(validator.iter_errors(call.arguments))
    return error.message if error else ""


def _served(tool: Tool, *, for_programs: bool) -> ServedTool:
    only_reads = tool.reads_only and not tool.changes_with
    annotations: dict[str, Any] = {"readOnlyHint": only_reads}
    if for_programs:
        annotations |= {
            "title": tool.name.replace("_", " ").capitalize(),
            "destructiveHint": not only_reads and tool.destroys,
            "idempotentHint": only_reads or tool.repeatable,
            "openWorldHint": False,
        }
    return ServedTool.model_validate(
        {
            "name": tool.name,
            "description": tool.description,
            "inputSchema": tool.schema,
            "outputSchema": tool.output if for_programs else None,
            "annotations": annotations,
            "_meta": {"anthropic/maxResultSizeChars": _MAX_RESULT_CHARS},
        }
    )


def _result(
    blocks: list[Block], structured: dict[str, Any] | None = None, *, is_error: bool = False
) -> CallToolResult:
    return CallToolResult.model_validate(
        {"content": blocks, "structuredContent": structured, "isError": is_error}
    )


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
