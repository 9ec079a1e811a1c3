"""Assembles the in-process MCP server. The only user of the SDK's `tool`."""

from __future__ import annotations

from typing import Any

from claude_agent_sdk import McpSdkServerConfig, SdkMcpTool, ToolAnnotations, create_sdk_mcp_server, tool

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.tools import run_code
from neuroworkflow_agent.tools.nodes import NODE_TOOLS, NodeTool, NodeTools
from neuroworkflow_agent.tools.run_code import CodeFailed, RunCode
from neuroworkflow_agent.tools.workflow import WorkflowTool, WorkflowTools

_MAX_RESULT_CHARS = 400_000


def build_server(name: str, code_tool: RunCode | None, nodes: NodeTools) -> McpSdkServerConfig:
    """The MCP server with every tool a session offers.

    Parameters
    ----------
    name
        Server name; tools appear as `mcp__<name>__<tool>`.
    code_tool
        The session's `run_code`; None where no code may run.
    nodes
        Its tools for nodes.
    """
    tools = [_run_code_tool(code_tool)] if code_tool else []
    return create_sdk_mcp_server(name, tools=[*tools, *(_node_tool(nodes, each) for each in NODE_TOOLS)])


def _node_tool(nodes: NodeTools, offered: NodeTool) -> SdkMcpTool[Any]:
    annotations = ToolAnnotations(readOnlyHint=offered.reads_only, maxResultSizeChars=_MAX_RESULT_CHARS)

    @tool(offered.name, offered.description, offered.schema, annotations)
    async def handler(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"content": [{"type": "text", "text": await nodes.call(offered.name, arguments)}]}
        except ToolFailed as error:
            return {"content": [{"type": "text", "text": str(error)}], "is_error": True}

    return handler


def build_workflow_server(
    name: str, workflow: WorkflowTools, *, read_only: bool = False
) -> McpSdkServerConfig | None:
    """The MCP server with a hub's workflow tools; None if there are none to offer.

    Parameters
    ----------
    name
        Server name.
    workflow
        The tools, as they were fetched last.
    read_only
        Offer only those that change nothing.
    """
    offered = [each for each in workflow.tools if each.is_read_only or not read_only]
    return (
        create_sdk_mcp_server(name, tools=[_workflow_tool(workflow, each) for each in offered])
        if offered
        else None
    )


def _workflow_tool(workflow: WorkflowTools, served: WorkflowTool) -> SdkMcpTool[Any]:
    annotations = ToolAnnotations(readOnlyHint=served.is_read_only, maxResultSizeChars=_MAX_RESULT_CHARS)

    @tool(served.name, served.description, served.schema, annotations)
    async def handler(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"content": await workflow.call(served.name, arguments)}
        except ToolFailed as error:
            return {"content": [{"type": "text", "text": str(error)}], "is_error": True}

    return handler


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
