"""Requests of MCP as both majors of `mcp` hand them on.

Version 1 registers handlers by the class of their request, version 2 takes them by name; here they are the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import mcp.types
from mcp.server import Server
from mcp.shared import exceptions
from pydantic import AnyUrl

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.tools.registry import Reporter, report_to_nobody

TAKES_HANDLERS = "on_call_tool" in inspect.signature(Server.__init__).parameters
"""Whether this is version 2."""
_WITHOUT_CONNECTIONS = "2026-07-28"
"""The first version of the protocol in which each request stands for itself and belongs to no connection."""
_REQUESTS = {
    "list_tools": "ListToolsRequest",
    "call_tool": "CallToolRequest",
    "list_resources": "ListResourcesRequest",
    "list_resource_templates": "ListResourceTemplatesRequest",
    "read_resource": "ReadResourceRequest",
    "subscribe_resource": "SubscribeRequest",
    "unsubscribe_resource": "UnsubscribeRequest",
}
"""Version 1's classes; what is missing here it does not know."""
_INVALID_PARAMS = -32602


@dataclass(frozen=True, slots=True)
class Request:
    """What surrounds a request's parameters."""

    client: object
    """The connection that it came over, the same object for all its requests; None where there is none."""
    meta: Mapping[str, Any]
    report: Reporter
    """Tells the client how far it is, if it wants to know."""
    context: Any = None
    """Version 2's own."""


RequestHandler: TypeAlias = Callable[[Request, Any], Awaitable[Any]]
"""Gets a request's parameters, which version 1 leaves out of some; returns the result."""


def make_server(
    name: str, handlers: Mapping[str, RequestHandler], instructions: str | None, only_client: object = None
) -> Server[Any]:
    """A server with these handlers, by the names that version 2 has for them.

    Parameters
    ----------
    only_client
        Stands for the client where requests belong to no connection, but can only be those of one client.
    """
    make: Any = Server  # each version knows only its own way
    if TAKES_HANDLERS:
        taken = {f"on_{method}": _taken(handler, only_client) for method, handler in handlers.items()}
        built: Server[Any] = make(name, version=__version__, instructions=instructions, **taken)
        return built
    server = make(name, version=__version__, instructions=instructions)
    for method, handler in handlers.items():
        if request := _REQUESTS.get(method):
            server.request_handlers[getattr(mcp.types, request)] = _registered(server, handler)
    if "subscribe_resource" in handlers:
        server.create_initialization_options = _saying_subscribe(server.create_initialization_options)
    legacy: Server[Any] = server
    return legacy


def protocol_error(message: str) -> Exception:
    """An answer that the request cannot be served."""
    if TAKES_HANDLERS:
        return exceptions.MCPError(_INVALID_PARAMS, message)
    error = mcp.types.ErrorData(code=_INVALID_PARAMS, message=message)
    old: Any = getattr(exceptions, "McpError")  # noqa: B009 - gone in version 2
    failure: Exception = old(error)
    return failure


async def send_updated(client: Any, uri: str) -> None:
    """Tell a client that a resource has changed."""
    if TAKES_HANDLERS:
        await client.outbound.notify("notifications/resources/updated", {"uri": uri})
    else:
        await client.send_resource_updated(AnyUrl(uri))


def _taken(handler: RequestHandler, only_client: object) -> Any:
    async def on_request(context: Any, params: Any) -> Any:
        session = context.session
        stands_alone = session.protocol_version >= _WITHOUT_CONNECTIONS
        client = only_client if stands_alone else session._connection

        async def report(seconds: float, message: str) -> None:
            await session.report_progress(seconds, None, message)

        return await handler(Request(client, context.meta or {}, report, context), params)

    return on_request


def _registered(server: Any, handler: RequestHandler) -> Any:
    async def on_request(request: Any) -> Any:
        context = server.request_context
        token = context.meta.progressToken if context.meta else None

        async def report(seconds: float, message: str) -> None:
            await context.session.send_progress_notification(
                token, seconds, message=message, related_request_id=str(context.request_id)
            )

        meta = (context.meta.model_extra or {}) if context.meta else {}
        asked = Request(context.session, meta, report if token is not None else report_to_nobody)
        make_result: Any = mcp.types.ServerResult  # a class there, a union in version 2
        return make_result(await handler(asked, request.params))

    return on_request


def _saying_subscribe(make: Any) -> Any:
    """Version 1 tells every client that there are no subscriptions: https://github.com/modelcontextprotocol/python-sdk/issues/1131"""

    def options(*arguments: Any, **more: Any) -> Any:
        made = make(*arguments, **more)
        made.capabilities.resources.subscribe = True
        return made

    return options
