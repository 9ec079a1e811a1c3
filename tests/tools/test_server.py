"""Our tools over MCP, as a client meets them."""

from __future__ import annotations

from typing import Any

import pytest

from neuroworkflow_agent.errors import ToolFailed
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.tools.protocol import TAKES_HANDLERS as _TAKES_HANDLERS
from neuroworkflow_agent.tools.registry import Block, Call, Registry, Tool, short_name
from neuroworkflow_agent.tools.server import build_server

SCHEMA = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
PICTURE = {"type": "image", "data": "aGk=", "mimeType": "image/png"}


class Asked:
    """A tool that notes its calls."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.failure: Exception | None = None

    async def __call__(self, call: Call) -> list[Block]:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure
        return [{"type": "text", "text": "done"}, PICTURE]


@pytest.fixture
def asked() -> Asked:
    return Asked()


def tool(handler: Asked, **more: Any) -> Tool:
    return Tool("run", "Runs.", more.pop("schema", SCHEMA), handler, **more)


def connected(server: Any) -> Any:
    """A client of the server, by either version of `mcp`."""
    if _TAKES_HANDLERS:
        from mcp import Client

        return Client(server)
    from mcp.shared import memory

    return getattr(memory, "create_connected_server_and_client_session")(server)  # noqa: B009 - gone in version 2


async def called(
    tool: Tool, arguments: dict[str, Any], *, name: str = "run", **meta: Any
) -> tuple[bool, Any]:
    given: Any = meta or None
    async with connected(build_server("ours", [tool])) as client:
        result = await client.call_tool(name, arguments, meta=given)
    return bool(result.is_error if _TAKES_HANDLERS else result.isError), [
        getattr(block, "text", block) for block in result.content
    ]


async def test_a_call_knows_which_tool_use_it_answers(asked: Asked) -> None:
    failed, content = await called(tool(asked), {"code": "1"}, **{"claudecode/toolUseId": "toolu_7"})
    assert (failed, content[0], content[1].data) == (False, "done", PICTURE["data"])
    assert asked.calls == [Call({"code": "1"}, ToolUseId("toolu_7"))]


async def test_a_client_need_not_say_which(asked: Asked) -> None:
    await called(tool(asked), {"code": "1"})
    assert [call.tool_use_id for call in asked.calls] == [""]


@pytest.mark.parametrize("arguments", [{}, {"code": 3}])
async def test_wrong_arguments_are_named_and_nothing_is_called(arguments: Any, asked: Asked) -> None:
    failed, (text,) = await called(tool(asked), arguments)
    assert failed
    assert text.startswith("The arguments of run are wrong: ")
    assert asked.calls == []


async def test_a_schema_leads_nowhere_else(asked: Asked) -> None:
    """A hub's schema may refer to a page on the network: nothing is fetched."""
    schema = {"type": "object", "properties": {"code": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    failed, (text,) = await called(tool(asked, schema=schema), {"code": "1"})
    assert failed
    assert "Unresolvable" in text


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (ToolFailed("No kernel."), ["No kernel."]),
        (ToolFailed("An error.", [{"type": "text", "text": "Traceback"}]), ["Traceback"]),
        (RuntimeError("broken"), ["run failed: broken"]),
    ],
)
async def test_failures_are_for_the_model_to_read(failure: Exception, told: list[str], asked: Asked) -> None:
    asked.failure = failure
    assert await called(tool(asked), {"code": "1"}) == (True, told)


async def test_unknown_tool_is_named(asked: Asked) -> None:
    assert await called(tool(asked), {}, name="walk") == (True, ["There is no tool 'walk' here."])


@pytest.mark.parametrize(
    ("given", "hint"),
    [({}, False), ({"reads_only": True}, True), ({"reads_only": True, "changes_with": "run"}, False)],
)
async def test_clients_are_told_what_reads_only(given: dict[str, Any], hint: bool, asked: Asked) -> None:
    async with connected(build_server("ours", [tool(asked, **given)])) as client:
        (listed,) = (await client.list_tools()).tools
    about: Any = listed.annotations
    assert (about.read_only_hint if _TAKES_HANDLERS else about.readOnlyHint) is hint


def test_registry_knows_tools_by_the_names_they_are_called(asked: Asked) -> None:
    reads, runs = (
        Tool("look", "", SCHEMA, asked, reads_only=True, changes_with="run"),
        Tool("run", "", SCHEMA, asked),
    )
    tools = Registry({"neuroworkflow": [reads, runs]})
    assert tools.find("mcp__neuroworkflow__run") is runs
    assert tools.find("run") is None
    assert tools.for_reading().servers == {"neuroworkflow": (reads,)}
    assert (reads.changes({}), reads.changes({"run": True}), runs.changes({})) == (False, True, True)


@pytest.mark.parametrize(
    ("called_so", "shown"),
    [
        ("mcp__neuroworkflow__run_code", "run_code"),
        ("mcp__workflow__add", "add"),
        ("mcp__other__add", "other:add"),
        ("mcp__odd", "mcp__odd"),
        ("Read", "Read"),
    ],
)
def test_people_see_short_names(called_so: str, shown: str) -> None:
    assert short_name(called_so) == shown
