"""Tools as a session offers them, for tests of what may be called."""

from __future__ import annotations

from neuroworkflow_agent.tools.registry import MCP_SERVER, WORKFLOW_SERVER, Block, Call, Registry, Tool


async def nothing(_call: Call) -> list[Block]:
    """Answer nothing."""
    return []


def tool(name: str, *, reads_only: bool = False, changes_with: str = "") -> Tool:
    """A tool that does nothing."""
    return Tool(name, "", {"type": "object"}, nothing, reads_only, changes_with)


TOOLS = Registry(
    {
        MCP_SERVER: [
            tool("run_code"),
            tool("list_nodes", reads_only=True),
            tool("check_node", reads_only=True, changes_with="run"),
        ],
        WORKFLOW_SERVER: [tool("get_flow", reads_only=True), tool("add_node")],
    }
)
