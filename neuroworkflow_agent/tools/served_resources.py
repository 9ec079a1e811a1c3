"""Resources over MCP: listed, read, subscribed to, in the protocol's old way and in its new one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from mcp.types import (
    EmptyResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
)

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.tools.protocol import TAKES_HANDLERS, Request, RequestHandler, protocol_error
from neuroworkflow_agent.tools.resources import Resource, Resources, Subscriptions


def resource_handlers(resources: Resources, subscriptions: Subscriptions | None) -> dict[str, RequestHandler]:
    """Handlers of requests for resources, by their names in `make_server`."""

    async def listed(_request: Request, _params: Any) -> ListResourcesResult:
        found = [{**_shown(each), "uri": each.uri} for each in await resources.listed()]
        return ListResourcesResult.model_validate({"resources": found})

    async def templates(_request: Request, _params: Any) -> ListResourceTemplatesResult:
        found = [{**_shown(each), "uriTemplate": each.uri} for each in resources.templates]
        return ListResourceTemplatesResult.model_validate({"resourceTemplates": found})

    async def read(_request: Request, params: Any) -> ReadResourceResult:
        uri = str(params.uri)
        try:
            mime_type, text = await resources.read(uri)
        except ToolFailed as failure:
            raise protocol_error(str(failure)) from failure
        content = {"uri": uri, "mimeType": mime_type, "text": text}
        return ReadResourceResult.model_validate({"contents": [content]})

    handlers: dict[str, RequestHandler] = {
        "list_resources": listed,
        "list_resource_templates": templates,
        "read_resource": read,
    }
    if subscriptions is not None:
        handlers |= _subscription_handlers(subscriptions)
        if TAKES_HANDLERS:
            handlers["subscriptions_listen"] = _listener(resources)
    return handlers


def _subscription_handlers(subscriptions: Subscriptions) -> dict[str, RequestHandler]:
    async def subscribe(request: Request, params: Any) -> EmptyResult:
        try:
            await subscriptions.add(request.client, str(params.uri))
        except ToolFailed as failure:
            raise protocol_error(str(failure)) from failure
        return EmptyResult()

    async def unsubscribe(request: Request, params: Any) -> EmptyResult:
        subscriptions.remove(request.client, str(params.uri))
        return EmptyResult()

    return {"subscribe_resource": subscribe, "unsubscribe_resource": unsubscribe}


_MAX_LISTENERS = 64
_MAX_WATCHED = 100
_LOOK_S = 30.0


def _listener(resources: Resources) -> RequestHandler:
    """The new way: one request whose answer is the stream of what changes."""
    from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated

    bus = InMemorySubscriptionBus()
    serve = ListenHandler(bus, max_subscriptions=_MAX_LISTENERS)

    async def follow(uri: str) -> None:
        with contextlib.suppress(ToolFailed):
            while True:
                if await resources.changed(uri, _LOOK_S):
                    await bus.publish(ResourceUpdated(uri))

    async def listen(request: Request, params: Any) -> Any:
        wanted = (params.notifications.resource_subscriptions or [])[:_MAX_WATCHED]
        following = [asyncio.create_task(follow(uri)) for uri in wanted]
        try:
            return await serve(request.context, params)
        finally:
            for task in following:
                task.cancel()

    return listen


def _shown(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "mimeType": resource.mime_type,
        "description": resource.description or None,
    }
