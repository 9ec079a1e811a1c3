"""The extension with what MCP's conformance tests ask a server for, in place of notebooks; the rest is the product's.

It is loaded by a Jupyter server without a token, for those tests have none to send.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.surfaces.mcp.extension import NotebooksOverMcp
from neuroworkflow_agent.tools.protocol import send_updated
from neuroworkflow_agent.tools.registry import Answer, Block, Call, Tool
from neuroworkflow_agent.tools.resources import Resource, Resources, Subscriptions
from neuroworkflow_agent.tools.server import build_server

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="
SIMPLE = "This is a simple text response for testing."
ERROR = "This tool intentionally returns an error for testing"
DONE = "Done, and told of."
_TEXT: Block = {"type": "text", "text": SIMPLE}
_IMAGE: Block = {"type": "image", "data": PNG, "mimeType": "image/png"}
_AUDIO: Block = {"type": "audio", "data": WAV, "mimeType": "audio/wav"}
_RESOURCE: Block = {
    "type": "resource",
    "resource": {"uri": "test://embedded-resource", "mimeType": "text/plain", "text": "Embedded."},
}
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
_ADDRESSED = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}


class Things(Resources):
    """A text, one to be subscribed to, and a template."""

    templates = (Resource("test://template/{id}/data", "template", "application/json"),)

    async def listed(self) -> list[Resource]:
        return [
            Resource(f"test://{name}", name, "text/plain") for name in ("static-text", "watched-resource")
        ]

    async def read(self, uri: str) -> tuple[str, str]:
        if found := re.fullmatch(r"test://template/(\w+)/data", uri):
            return "application/json", json.dumps({"id": found[1]})
        if uri in [resource.uri for resource in await self.listed()]:
            return "text/plain", f"The text of {uri}."
        raise ToolFailed(f"There is no {uri!r}.")

    async def changed(self, uri: str, timeout_s: float) -> bool:
        await asyncio.sleep(timeout_s)
        return False


class ConformanceService:
    """What `Service` is to notebooks."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions(Things(), send_updated)

    def server(self) -> Any:
        return build_server(
            "conformance", _tools(), for_programs=True, resources=Things(), subscriptions=self._subscriptions
        )

    async def aclose(self) -> None:
        await self._subscriptions.aclose()


class ConformanceOverMcp(NotebooksOverMcp):
    name = "neuroworkflow_agent_conformance"

    def make_service(self) -> ConformanceService:
        return ConformanceService()


def _tools() -> list[Tool]:
    answers = {
        "test_simple_text": _saying(_TEXT),
        "test_image_content": _saying(_IMAGE),
        "test_audio_content": _saying(_AUDIO),
        "test_embedded_resource": _saying(_RESOURCE),
        "test_multiple_content_types": _saying(_TEXT, _IMAGE, _RESOURCE),
        "test_error_handling": _fail,
        "test_tool_with_progress": _tell_of_progress,
    }
    tools = [Tool(name, f"{name}.", _NOTHING, answer) for name, answer in answers.items()]
    return [*tools, Tool("json_schema_2020_12_tool", "Takes an address.", _ADDRESSED, _saying(_TEXT))]


def _saying(*blocks: Block) -> Callable[[Call], Awaitable[Answer]]:
    async def answer(_call: Call) -> Answer:
        return Answer(list(blocks), {})

    return answer


async def _fail(_call: Call) -> Answer:
    raise ToolFailed(ERROR)


async def _tell_of_progress(call: Call) -> Answer:
    for number in (0, 50, 100):
        await call.report(number, f"{number} of 100")
    return Answer([{"type": "text", "text": DONE}], {})


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": __name__, "app": ConformanceOverMcp}]
