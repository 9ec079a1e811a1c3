"""Workflow tools of an MCP server, listed and called under the user's own name. The only user of `mcp` here.

Every request is a session of its own with the server, so nothing of one user can reach another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import Tool

from neuroworkflow_agent.gateway.api_errors import ApiError, unauthorized

_T = TypeVar("_T")
_MAX_PAGES = 50


class WorkflowServer:
    """The tools of one MCP server.

    Parameters
    ----------
    url
        Its streamable HTTP endpoint.
    timeout_s
        How long a tool may take.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s

    async def list(self, token: str) -> list[dict[str, Any]]:
        """Every tool that `token`'s owner may use, in function format.

        Raises
        ------
        ApiError
            If the server does not take the token, or does not answer.
        """

        async def ask(client: Client) -> list[dict[str, Any]]:
            tools: list[dict[str, Any]] = []
            cursor = None
            for _ in range(_MAX_PAGES):
                page = await client.list_tools(cursor=cursor, cache_mode="bypass")
                tools += [_function(tool) for tool in page.tools]
                if (cursor := page.next_cursor) is None:
                    break
            return tools

        return await self._with_client(token, ask)

    async def call(self, token: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool as `token`'s owner.

        Returns
        -------
        dict
            `result`: its text; `content`: all of it, as MCP blocks; `is_error`: whether it failed.

        Raises
        ------
        ApiError
            As `list`; 504 if the tool takes too long.
        """

        async def ask(client: Client) -> dict[str, Any]:
            result = await client.call_tool(name, arguments)
            content = [
                block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content
            ]
            text = "\n".join(block["text"] for block in content if block.get("type") == "text")
            return {"result": text, "content": content, "is_error": bool(result.is_error)}

        return await self._with_client(token, ask)

    async def _with_client(self, token: str, ask: Callable[[Client], Awaitable[_T]]) -> _T:
        seen = _Seen()
        try:
            async with asyncio.timeout(self._timeout_s), self._client(token, seen) as client:
                return await ask(client)
        except TimeoutError:
            raise ApiError(
                504,
                f"The workflow server did not answer within {self._timeout_s:g} s.",
                reason="tool_timeout",
            ) from None
        except MCPError as error:
            if not seen.refused:
                raise ApiError(400, f"The workflow server says: {str(error)[:500]}", reason="tool") from None
            raise _refused(seen) from None
        except Exception as error:  # noqa: BLE001 - groups of whatever the client's tasks met; all are the server's
            if seen.refused:
                raise _refused(seen) from None
            raise ApiError(
                502, f"The workflow server cannot be reached ({type(error).__name__}).", reason="tool_server"
            ) from None

    @asynccontextmanager
    async def _client(self, token: str, seen: _Seen) -> AsyncIterator[Client]:
        http = httpx2.AsyncClient(
            headers={"authorization": f"Bearer {token}"},
            timeout=self._timeout_s,
            event_hooks={"response": [seen]},
            follow_redirects=False,
        )
        async with http, Client(streamable_http_client(self._url, http_client=http)) as client:
            yield client


class _Seen:
    """Whether the server refused the token; the MCP client tells only that something failed."""

    def __init__(self) -> None:
        self.refused = 0

    async def __call__(self, response: httpx2.Response) -> None:
        if response.status_code in (401, 403):
            self.refused = response.status_code


def _refused(seen: _Seen) -> ApiError:
    if seen.refused == 401:
        return unauthorized(
            "The workflow server does not take this token; it may have expired. Log in again."
        )
    return ApiError(403, "The workflow server does not allow this for you.", reason="tool_scope")


def _function(tool: Tool) -> dict[str, Any]:
    annotations = (
        tool.annotations.model_dump(mode="json", by_alias=True, exclude_none=True) if tool.annotations else {}
    )
    function = {"name": tool.name, "description": tool.description or "", "parameters": tool.input_schema}
    return {"type": "function", "function": function, "annotations": annotations}
