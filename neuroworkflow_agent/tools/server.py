"""Assembles the in-process MCP server. The only user of the SDK's `tool`."""

from __future__ import annotations

from typing import Any

from claude_agent_sdk import McpSdkServerConfig, SdkMcpTool, ToolAnnotations, create_sdk_mcp_server, tool

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.tools import run_code
from neuroworkflow_agent.tools.run_code import CodeFailed, RunCode

_MAX_RESULT_CHARS = 400_000


def build_server(name: str, code_tool: RunCode) -> McpSdkServerConfig:
    """The MCP server with every tool a session offers.

    Parameters
    ----------
    name
        Server name; tools appear as `mcp__<name>__<tool>`.
    code_tool
        The session's `run_code`.
    """
    return create_sdk_mcp_server(name, tools=[_run_code_tool(code_tool)])


def _run_code_tool(code_tool: RunCode) -> SdkMcpTool[Any]:
    # Our own budget cuts the text; the larger limit here keeps the CLI from moving figures to a file.
    annotations = ToolAnnotations(maxResultSizeChars=_MAX_RESULT_CHARS)

    @tool("run_code", run_code.DESCRIPTION, run_code.SCHEMA, annotations)
    async def handler(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"content": await code_tool(arguments)}
        except CodeFailed as error:
            return {"content": error.blocks, "is_error": True}
        except ToolFailed as error:
            return {"content": [{"type": "text", "text": str(error)}], "is_error": True}

    return handler
