"""Workflow tools: a real MCP server that says who called, the gateway in front of it, and real sessions."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent, ToolAnnotations
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from neuroworkflow_agent.engine.permissions import Allow, Answer, Ask, Deny, decide
from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.errors import GatewayError
from neuroworkflow_agent.events import ApprovalRequest, Notice, ToolResult
from neuroworkflow_agent.testing import Reply, ScriptedModel, ToolCall
from neuroworkflow_agent.tools.workflow import WorkflowTools, read_tools
from neuroworkflow_agent.workspace import Workspace
from tests.conftest import SessionMaker
from tests.gateway.conftest import SERVICE_TOKEN, Served, ServeGateway, gateways, serving
from tests.tools.offered import TOOLS

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Workflows:
    """An MCP server with workflow tools; takes the tokens it is told of."""

    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.nodes: dict[str, list[str]] = {}
        self.headers: list[dict[str, str]] = []
        self.is_lasting, self.may_end = threading.Event(), threading.Event()
        self.forget()
        self.server = server = MCPServer("workflows")

        def user(ctx: Context[Any]) -> str:
            return self.users[(ctx.headers or {})["authorization"].removeprefix("Bearer ")]

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        async def get_flow(ctx: Context[Any]) -> str:
            """List the nodes of the user's workflow."""
            return f"{user(ctx)} has {self.nodes.get(user(ctx), [])}"

        @server.tool()
        async def add_node(name: str, ctx: Context[Any]) -> str:
            """Add a node to the user's workflow."""
            self.nodes.setdefault(user(ctx), []).append(name)
            return f"{user(ctx)} added {name}"

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        async def slow(ctx: Context[Any]) -> str:
            """Take long."""
            await asyncio.sleep(60)
            return "late"

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        async def lasting(ctx: Context[Any]) -> str:
            """Take as long as the test wants."""
            self.is_lasting.set()
            while not self.may_end.is_set():
                await asyncio.sleep(0.01)
            return f"{user(ctx)} has waited"

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        async def broken(ctx: Context[Any]) -> str:
            """Fail."""
            raise ToolError("no such project")

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        async def picture(ctx: Context[Any]) -> ImageContent:
            """Draw."""
            return ImageContent(type="image", data=PIXEL, mime_type="image/png")

    def forget(self) -> None:
        """Begin anew, with the first users."""
        self.users = {"alices-jwt-00001": "alice", "bobs-jwt-0000001": "bob"}
        self.nodes.clear()
        self.headers.clear()
        self.is_lasting.clear()
        self.may_end.clear()

    def app(self) -> ASGIApp:
        """The server, behind a look at the token."""
        inner = self.server.streamable_http_app(stateless_http=True, json_response=True)

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                request = Request(scope)
                self.headers.append(dict(request.headers))
                if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.users:
                    await Response(status_code=401)(scope, receive, send)
                    return
            await inner(scope, receive, send)

        return guarded


@pytest.fixture(scope="module")
def workflow_server() -> Workflows:
    return Workflows()


@pytest.fixture
def workflows(workflow_server: Workflows) -> Workflows:
    """The server, with its first users and without nodes."""
    workflow_server.forget()
    return workflow_server


@pytest.fixture(scope="module")
def mcp_url(workflow_server: Workflows) -> Iterator[str]:
    with serving(workflow_server.app(), ws="none") as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="module")
def shared_gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream_server: ScriptedModel, mcp_url: str
) -> Iterator[Served]:
    with gateways(tmp_path_factory.mktemp("gateway"), upstream_server) as serve:
        yield serve(mcp_url=mcp_url, tool_timeout_s=2)


@pytest.fixture
def gateway(shared_gateway: Served, upstream: ScriptedModel, workflows: Workflows) -> Served:
    return shared_gateway


def call(gateway: Served, token: str, tool: str, /, **arguments: Any) -> Any:
    body = {"tool_name": tool, "arguments": arguments}
    return gateway.client.post("/api/chat/mcp-call/", json=body, headers={"authorization": f"Bearer {token}"})


# -- the gateway --------------------------------------------------------------------------------------------


def test_tools_are_listed_in_function_format(gateway: Served) -> None:
    listed = gateway.client.get("/api/chat/mcp-tools/", headers={"authorization": "Bearer alices-jwt-00001"})
    tools = {tool["function"]["name"]: tool for tool in listed.json()["tools"]}
    assert set(tools) == {"get_flow", "add_node", "slow", "broken", "picture", "lasting"}
    assert tools["add_node"]["function"]["description"] == "Add a node to the user's workflow."
    assert tools["add_node"]["function"]["parameters"]["required"] == ["name"]
    assert tools["get_flow"]["annotations"] == {"readOnlyHint": True}


def test_each_user_has_their_own(gateway: Served, workflows: Workflows) -> None:
    assert (
        call(gateway, "alices-jwt-00001", "add_node", name="Spikes").json()["result"] == "alice added Spikes"
    )
    assert call(gateway, "bobs-jwt-0000001", "get_flow").json()["result"] == "bob has []"
    assert call(gateway, "alices-jwt-00001", "get_flow").json()["result"] == "alice has ['Spikes']"
    seen = json.dumps(workflows.headers)
    assert SERVICE_TOKEN not in seen
    assert "x-api-key" not in seen


def test_users_token_goes_to_the_workflow_server_only(
    gateway: Served, upstream: ScriptedModel, workflows: Workflows
) -> None:
    upstream.extend(Reply.text("hi"))
    gateway.client.post(
        "/v1/messages",
        json={"messages": []},
        headers={"x-api-key": SERVICE_TOKEN, "authorization": "Basic alices-jwt-00001"},
    )
    assert "alices-jwt" not in str([request.headers for request in upstream.requests])


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("slow", 504, "did not answer within 2 s"),
        ("no_such_tool", 200, "no_such_tool"),
    ],
)
def test_tools_that_do_not_answer(gateway: Served, name: str, status: int, said: str) -> None:
    answer = call(gateway, "alices-jwt-00001", name)
    assert answer.status_code == status
    assert said in answer.text


def test_failing_tool_is_told_as_its_result(gateway: Served) -> None:
    answer = call(gateway, "alices-jwt-00001", "broken").json()
    assert answer["is_error"] is True
    assert "no such project" in answer["result"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer nobodys-jwt-001"},
        {"x-api-key": SERVICE_TOKEN},
        {"authorization": "Basic x"},
        {"cookie": "a=b"},
    ],
)
def test_other_tokens_get_nothing(gateway: Served, headers: dict[str, str]) -> None:
    for answer in (
        gateway.client.get("/api/chat/mcp-tools/", headers=headers),
        gateway.client.post(
            "/api/chat/mcp-call/", json={"tool_name": "get_flow", "arguments": {}}, headers=headers
        ),
    ):
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"tool_name": 3}', b'{"tool_name": "x", "arguments": []}', b"[" * 100_000],
)
def test_calls_that_are_none(gateway: Served, body: bytes) -> None:
    answer = gateway.client.post(
        "/api/chat/mcp-call/", content=body, headers={"authorization": "Bearer alices-jwt-00001"}
    )
    assert answer.status_code in (400, 200)
    if body != b'{"tool_name": "x", "arguments": []}':
        assert answer.status_code == 400


def test_workflow_server_that_is_away(serve_gateway: ServeGateway) -> None:
    gateway = serve_gateway(mcp_url="http://127.0.0.1:9/mcp")
    assert call(gateway, "alices-jwt-00001", "get_flow").status_code == 502


def test_gateway_without_workflow_tools(serve_gateway: ServeGateway) -> None:
    assert call(serve_gateway(), "alices-jwt-00001", "get_flow").status_code == 404


def test_tokens_are_verified_where_an_issuer_is_named(
    serve_gateway: ServeGateway, mcp_url: str, workflows: Workflows
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": "k"}

    async def keys(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await JSONResponse({"keys": [jwk]})(scope, receive, send)

    def token(sub: str, lifetime_s: float = 60) -> str:
        claims = {"iss": "me", "aud": "workflows", "sub": sub, "exp": time.time() + lifetime_s}
        return jwt.encode(claims, key, "RS256", headers={"kid": "k"})

    with serving(keys, lifespan="off") as issuer:
        gateway = serve_gateway(
            mcp_url=mcp_url, jwt_issuer="me", jwt_audience="workflows", jwt_jwks_url=f"{issuer}/keys"
        )
        good, expired = token("alice"), token("alice", -60)
        workflows.users |= {good: "alice", expired: "alice"}
        assert call(gateway, good, "get_flow").json()["result"] == "alice has []"
        before = len(workflows.headers)
        refused = call(gateway, expired, "get_flow")
        assert (refused.status_code, refused.json()["error"]["message"]) == (
            401, "The workflow token has expired; log in again for a new one.",
        )  # fmt: skip
        assert call(gateway, "alices-jwt-00001", "get_flow").status_code == 401
        assert len(workflows.headers) == before
        assert any('"jwt:alice"' in line for line in gateway.log)


def test_token_that_expires_while_a_tool_runs_gets_this_result_and_no_other(
    serve_gateway: ServeGateway, mcp_url: str, workflows: Workflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": "k"}

    async def keys(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"keys": [jwk]})(scope, receive, send)

    claims = {"iss": "me", "aud": "workflows", "sub": "alice", "exp": time.time() - 60}
    shown = jwt.encode(claims, key, "RS256", headers={"kid": "k"})
    workflows.users[shown] = "alice"
    with serving(keys, lifespan="off") as issuer, ThreadPoolExecutor(1) as pool:
        gateway = serve_gateway(
            mcp_url=mcp_url, jwt_issuer="me", jwt_audience="workflows", jwt_jwks_url=f"{issuer}/keys"
        )
        with monkeypatch.context() as earlier:
            earlier.setattr("neuroworkflow_agent.gateway.jwts._LEEWAY_S", 3600)
            calling = pool.submit(call, gateway, shown, "lasting")
            assert workflows.is_lasting.wait(10)
        assert call(gateway, shown, "get_flow").status_code == 401
        assert not calling.done()
        workflows.may_end.set()
        assert calling.result().json()["result"] == "alice has waited"


def result_of(turn: Turn) -> ToolResult:
    """Of the turn's one tool use."""
    (result,) = [event for event in turn if isinstance(event, ToolResult)]
    return result


# -- the kernel's side ------------------------------------------------------------------------------------------


@pytest.fixture
def on_the_hub(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("NEUROWORKFLOW_BACKEND_URL", gateway.url)
    monkeypatch.setenv("NEUROWORKFLOW_SERVICE_TOKEN", SERVICE_TOKEN)
    monkeypatch.setenv("NEUROWORKFLOW_USER_TOKEN", "alices-jwt-00001")
    monkeypatch.setenv("NEUROWORKFLOW_PROJECT_ID", "p-17")
    return gateway


def test_agent_uses_them_as_the_user(
    on_the_hub: Served, upstream: ScriptedModel, workflows: Workflows, make_session: SessionMaker
) -> None:
    upstream.extend(Reply((ToolCall("mcp__workflow__add_node", {"name": "Raster"}),)), Reply.text("Done."))
    turn = make_session().run("add a raster node")
    result = result_of(turn)
    assert "alice added Raster" in result.text
    assert workflows.nodes == {"alice": ["Raster"]}
    first = upstream.requests[0]
    served = {tool["name"]: tool for tool in first.body["tools"]}
    assert served["mcp__workflow__add_node"]["description"] == "Add a node to the user's workflow."
    assert served["mcp__workflow__add_node"]["input_schema"]["properties"]["name"]["type"] == "string"
    assert "'p-17'" in first.system_text
    assert "alices-jwt" not in json.dumps(first.body)


def test_pictures_come_along(on_the_hub: Served, upstream: ScriptedModel, make_session: SessionMaker) -> None:
    upstream.extend(Reply.tool("mcp__workflow__picture"), Reply.text("Pretty."))
    turn = make_session().run("draw")
    result = result_of(turn)
    assert result.image_count == 1


@pytest.mark.parametrize(
    ("name", "said"), [("broken", "no such project"), ("slow", "did not answer within 2 s")]
)
def test_what_goes_wrong_is_a_result(
    on_the_hub: Served, upstream: ScriptedModel, make_session: SessionMaker, name: str, said: str
) -> None:
    upstream.extend(Reply.tool(f"mcp__workflow__{name}"), Reply.text("I see."))
    turn = make_session().run("try")
    result = result_of(turn)
    assert result.is_error
    assert said in result.text
    assert turn.result().end == "complete"


def test_token_that_expires_between_turns_and_a_fresh_one(
    on_the_hub: Served,
    upstream: ScriptedModel,
    workflows: Workflows,
    make_session: SessionMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = make_session()
    upstream.extend(Reply.text("hi"))
    session.run("hi")
    workflows.users = {"alices-second-jwt": "alice"}
    upstream.extend(Reply.tool("mcp__workflow__get_flow"), Reply.text("I see."))
    turn = session.run("look")
    result = result_of(turn)
    assert result.is_error
    assert "Set NEUROWORKFLOW_USER_TOKEN to a fresh token" in result.text
    session.use_user_token("alices-second-jwt")
    upstream.extend(Reply.tool("mcp__workflow__get_flow"), Reply.text("Fine."))
    turn = session.run("again")
    result = result_of(turn)
    assert "alice has []" in result.text


def test_token_of_a_function_is_asked_for_each_time_and_its_trouble_is_said(
    on_the_hub: Served, upstream: ScriptedModel, workflows: Workflows, make_session: SessionMaker
) -> None:
    session, tokens = make_session(), ["alices-second-jwt"]
    workflows.users["alices-second-jwt"] = "alice"
    session.use_user_token(lambda: tokens[0])
    upstream.extend(Reply.tool("mcp__workflow__get_flow"), Reply.text("Fine."))
    assert "alice has" in result_of(session.run("look")).text
    tokens.clear()
    upstream.extend(Reply.tool("mcp__workflow__get_flow"), Reply.text("I see."))
    turn = session.run("again")
    assert turn.result().end == "complete"
    assert "The function given as user_token failed: IndexError" in result_of(turn).text
    assert "alices-second-jwt" not in json.dumps([request.body for request in upstream.requests])


def test_refused_list_is_said_once_and_the_turn_goes_on(
    on_the_hub: Served, upstream: ScriptedModel, workflows: Workflows, make_session: SessionMaker
) -> None:
    workflows.users = {}
    upstream.extend(Reply.text("hi"), Reply.text("hi"))
    session = make_session()
    turns = [session.run("hi"), session.run("hi")]
    said = [[e.message for e in turn if isinstance(e, Notice) and "workflow" in e.message] for turn in turns]
    assert [len(each) for each in said] == [1, 0]
    assert [turn.result().end for turn in turns] == ["complete", "complete"]


def test_tool_that_appears_later_is_there_in_the_next_turn(
    on_the_hub: Served,
    upstream: ScriptedModel,
    workflows: Workflows,
    make_session: SessionMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("neuroworkflow_agent.tools.workflow._FRESH_S", 0.0)
    session = make_session()
    upstream.extend(Reply.text("one"))
    session.run("hi")

    async def newcomer() -> str:
        return "I am new"

    workflows.server.add_tool(newcomer, description="Appear.")
    upstream.extend(Reply.tool("mcp__workflow__newcomer"), Reply.text("two"))
    turn = session.run("and now?")
    result = result_of(turn)
    assert "I am new" in result.text
    assert "one" in json.dumps(upstream.requests[-1].body["messages"])  # the same conversation
    workflows.server.remove_tool("newcomer")
    upstream.extend(Reply.tool("mcp__workflow__newcomer"), Reply.text("three"))
    turn = session.run("and gone")
    result = result_of(turn)
    assert result.is_error


def test_changing_tools_ask_in_ask_mode(
    on_the_hub: Served, upstream: ScriptedModel, workflows: Workflows, make_session: SessionMaker
) -> None:
    upstream.extend(
        Reply.tool("mcp__workflow__get_flow"),
        Reply((ToolCall("mcp__workflow__add_node", {"name": "X"}),)),
        Reply.text("no?"),
    )
    session = make_session(mode="ask")
    asked: list[str] = []

    def answer(event: Any) -> None:
        if isinstance(event, ApprovalRequest):
            asked.append(event.name)
            turn.answer(event.request_id, Answer(False, "not now"))

    turn = session.start("try", listener=answer)
    assert turn.result(60).end == "complete"
    assert asked == ["add_node"]
    assert workflows.nodes == {}


def test_read_only_mode_offers_only_what_changes_nothing(
    on_the_hub: Served, upstream: ScriptedModel, make_session: SessionMaker
) -> None:
    upstream.extend(Reply.text("hi"))
    make_session(mode="read-only").run("hi")
    offered = [name for name in upstream.requests[0].tool_names if name.startswith("mcp__workflow__")]
    assert sorted(offered) == [
        f"mcp__workflow__{name}" for name in ("broken", "get_flow", "lasting", "picture", "slow")
    ]


def test_no_token_no_tools(
    on_the_hub: Served, upstream: ScriptedModel, make_session: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEUROWORKFLOW_USER_TOKEN")
    upstream.extend(Reply.text("hi"))
    make_session().run("hi")
    assert not [
        name
        for name in upstream.requests[0].tool_names
        if "workflow__" in name and name.startswith("mcp__workflow")
    ]


@pytest.mark.parametrize(
    ("tool", "mode", "kind"),
    [
        ("get_flow", "edit", Allow), ("get_flow", "ask", Allow), ("get_flow", "plan", Allow), ("get_flow", "read-only", Allow),
        ("add_node", "edit", Allow), ("add_node", "ask", Ask), ("add_node", "plan", Deny), ("add_node", "read-only", Deny),
    ],
)  # fmt: skip
def test_what_may_run_unasked(tool: str, mode: Any, kind: type, workspace: Any) -> None:
    decision = decide(f"mcp__workflow__{tool}", {}, Workspace(workspace, ()), mode, TOOLS)
    assert isinstance(decision, kind)
    assert isinstance(decide("mcp__other__get_flow", {}, Workspace(workspace, ()), mode, TOOLS), Deny)


async def nobody(_name: str, _arguments: dict[str, Any]) -> list[dict[str, Any]]:
    return []


def test_strange_lists_are_read_with_care() -> None:
    with pytest.raises(GatewayError):
        read_tools("no list", nobody)
    listed: list[Any] = [
        None, {}, {"function": {}}, {"function": {"name": "bad name"}}, {"function": {"name": "x" * 60}},
        {"function": {"name": "ok", "description": "\x1b[31mred", "parameters": {"properties": 3}}, "annotations": {"readOnlyHint": "yes"}},
    ]  # fmt: skip
    (tool,) = read_tools(listed, nobody)
    assert (tool.name, tool.description, tool.reads_only) == ("ok", "red", False)
    assert tool.schema == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "cannot be reached"),
        ("nonsense", "cannot be reached"),
        ("http://[", "cannot be reached"),
    ],
)
async def test_gateway_that_is_away_is_trouble_not_an_error(url: str, said: str) -> None:
    tools = WorkflowTools(url, lambda: "a-token")
    assert not await tools.refresh()
    assert said in tools.trouble
