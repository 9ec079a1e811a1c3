"""One call of a tool from the command line: here, or at a Jupyter server."""

from __future__ import annotations

import asyncio
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.surfaces.mcp.remote import Remote
from neuroworkflow_agent.surfaces.mcp.service import Service
from neuroworkflow_agent.tools.registry import Answer, Call

_POLL_S = 30.0


def call_here(name: str, arguments: dict[str, Any], config: AgentConfig) -> Answer:
    """Call a tool in this process, with what it starts ended before this returns.

    Raises
    ------
    ToolFailed
        With what the tool says.
    """
    return asyncio.run(_call_here(name, arguments, config))


def call_there(name: str, arguments: dict[str, Any], url: str, token: str) -> Answer:
    """Call a tool of a Jupyter server, and wait for the end of what it runs.

    Raises
    ------
    ToolFailed
        With what the tool says.
    ConfigError
        If the server cannot be reached or refuses.
    """
    return asyncio.run(_call_there(name, arguments, url, token))


async def _call_here(name: str, arguments: dict[str, Any], config: AgentConfig) -> Answer:
    service = Service(config)
    try:
        tools = {tool.name: tool for tool in service.tools}

        async def ask(called: str, given: dict[str, Any]) -> Answer:
            answer = await tools[called].handler(Call(given, ToolUseId(""), service))
            assert isinstance(answer, Answer)
            return answer

        return await _to_the_end(ask, name, arguments)
    finally:
        await service.aclose()


async def _call_there(name: str, arguments: dict[str, Any], url: str, token: str) -> Answer:
    remote = Remote(url, token)
    try:
        await remote.start()
        return await _to_the_end(remote.call, name, arguments)
    finally:
        await remote.aclose()


async def _to_the_end(ask: Any, name: str, arguments: dict[str, Any]) -> Answer:
    answer: Answer = await ask(name, arguments)
    while answer.structured.get("status") == "running":
        going_on = {"execution": answer.structured["execution"], "wait_s": _POLL_S}
        answer = await ask("execution_get", going_on)
    return answer
