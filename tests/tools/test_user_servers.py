"""The user's own MCP servers: read from a file of theirs, asked about, used. The real CLI, the real protocol."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import ApprovalRequest, Event, Notice, ToolResult, ToolUse
from neuroworkflow_agent.surfaces.doctor import examine
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.processes import started_by
from neuroworkflow_agent.tools.user_servers import UserServers, list_tools
from tests.tools.library_server import make_server

SERVER = Path(__file__).with_name("library_server.py")
KEY = "a-long-and-secret-key"

Maker = Callable[..., Session]


def servers(**env: str) -> dict[str, Any]:
    return {"library": {"command": sys.executable, "args": [str(SERVER)], "env": env}}


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": servers(LIBRARY_KEY="${MY_LIBRARY_KEY}")}))
    monkeypatch.setenv("NEUROWORKFLOW_MCP_CONFIG", str(path))
    monkeypatch.setenv("MY_LIBRARY_KEY", KEY)
    return path


# -- the file -----------------------------------------------------------------------------------------


def test_the_file_is_read_and_its_variables_are_filled_in(config_file: Path, workspace: Path) -> None:
    config = AgentConfig.from_env(workspace=workspace)
    assert config.mcp_servers["library"]["env"] == {"LIBRARY_KEY": KEY}
    assert KEY in config.secrets
    assert KEY not in repr(config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "has no servers"),
        ('{"mcpServers": {"a b": {"command": "x"}}}', "'a b' cannot be the name"),
        ('{"mcpServers": {"a__b": {"command": "x"}}}', "'a__b' cannot be the name"),
        ('{"mcpServers": {"workflow": {"command": "x"}}}', "'workflow' cannot be the name"),
        ('{"mcpServers": {"a": 1}}', "'a' has no settings"),
        ('{"mcpServers": {"a": {}}}', "'a' needs a command"),
        ('{"mcpServers": {"a": {"command": "x", "args": "y"}}}', "args that are not a list"),
        ('{"mcpServers": {"a": {"command": "x", "env": {"A": 1}}}}', "an env that is not of texts"),
        ('{"mcpServers": {"a": {"type": "http", "url": "ftp://x"}}}', "needs a url"),
        ('{"mcpServers": {"a": {"type": "odd"}}}', "is of type 'odd'"),
        ('{"mcpServers": {"a": {"command": "${NOWHERE}"}}}', "NOWHERE is not set"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(text: str, says: str, config_file: Path, workspace: Path) -> None:
    config_file.write_text(text)
    with pytest.raises(ConfigError, match="NEUROWORKFLOW_MCP_CONFIG") as error:
        AgentConfig.from_env(workspace=workspace)
    assert says in str(error.value)


def test_a_file_of_the_workspace_or_of_others_is_not_taken(
    config_file: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.chmod(0o666)
    with pytest.raises(ConfigError, match="can be written by everybody"):
        AgentConfig.from_env(workspace=workspace)
    config_file.chmod(0o600)
    planted = workspace / ".mcp.json"
    planted.write_text(config_file.read_text())
    link = config_file.with_name("link.json")
    link.symlink_to(planted)
    fifo = config_file.with_name("fifo")
    os.mkfifo(fifo)
    for path, says in ((planted, "inside the workspace"), (link, "inside the workspace"), (fifo, "not a regular file"), (fifo.with_name("none"), "is not there")):  # fmt: skip
        monkeypatch.setenv("NEUROWORKFLOW_MCP_CONFIG", str(path))
        with pytest.raises(ConfigError, match=says):
            AgentConfig.from_env(workspace=workspace)
    monkeypatch.setenv("NEUROWORKFLOW_MCP_CONFIG", str(config_file))
    config_file.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="everybody can write"):
        AgentConfig.from_env(workspace=workspace)
    config_file.parent.chmod(0o700)


# -- what a server says -------------------------------------------------------------------------------


async def test_a_server_is_asked_once_which_tools_only_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    asked = UserServers(servers(LIBRARY_LOG=str(log)), os.environ, tmp_path)
    called = [
        "mcp__library__find",
        "mcp__library__lend",
        "mcp__library__other",
        "mcp__elsewhere__find",
        "Read",
    ]
    assert [await asked.only_reads(name) for name in called] == [True, False, False, False, False]
    assert [asked.server_of(name) for name in called] == ["library", "library", "library", None, None]
    (pid,) = map(int, log.read_text().split())
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("command", ["/nowhere/at-all", "/bin/true", "/bin/cat"])
async def test_a_server_that_does_not_answer_says_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuroworkflow_agent.tools.user_servers._TIMEOUT_S", 3.0)
    asked = UserServers({"library": {"command": command}}, os.environ, tmp_path)
    assert not await asked.only_reads("mcp__library__find")


@pytest.mark.server
async def test_a_server_over_http_is_asked_with_its_headers(tmp_path: Path) -> None:
    authorizations: set[bytes] = set()
    manager = StreamableHTTPSessionManager(make_server(), stateless=True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        authorizations.add(dict(scope["headers"])[b"authorization"])
        await manager.handle_request(scope, receive, send)

    serving = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="error"))
    async with manager.run():
        task = asyncio.create_task(serving.serve())
        while not serving.started:
            await asyncio.sleep(0.02)
        port = serving.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/mcp"
        server = {"type": "http", "url": url, "headers": {"Authorization": f"Bearer {KEY}"}}
        assert await list_tools(server, os.environ, tmp_path) == {"find": True, "lend": False}
        serving.should_exit = True
        await task
    assert authorizations == {f"Bearer {KEY}".encode()}


# -- a turn -------------------------------------------------------------------------------------------


def run(
    session: Session, model: ScriptedModel, answer: Answer | None = None
) -> tuple[list[Event], list[str]]:
    """A turn that calls both tools; its events, and what the user was asked about."""
    model.extend(Reply.tool("mcp__library__find", title="Spikes"), Reply.tool("mcp__library__lend", title="Spikes"), Reply.text("Done."))  # fmt: skip
    events: list[Event] = []
    asked: list[str] = []

    def listener(event: Event) -> None:
        events.append(event)
        if isinstance(event, ApprovalRequest):
            asked.append(f"{event.name}: {event.reason}")
            turn.answer(event.request_id, answer or Answer(True))

    turn = session.start("Look it up.", listener=listener)
    assert turn.result(90).end == "complete"
    return events, asked


@pytest.mark.claude
@pytest.mark.parametrize(
    ("mode", "asked", "came_to_nothing"),
    [
        ("edit", ["lend"], []),
        ("ask", ["find", "lend"], []),
        ("plan", ["find"], ["lend"]),
        ("read-only", ["find"], ["lend"]),
    ],
)
def test_the_model_calls_them_and_the_user_is_asked(
    mode: str, asked: list[str], came_to_nothing: list[str], config_file: Path, make_session: Maker, scripted_model: ScriptedModel
) -> None:  # fmt: skip
    events, questions = run(make_session(mode=mode), scripted_model)
    assert [question.split(" ", 1)[0] for question in questions] == [f"library:{name}:" for name in asked]
    assert all("your MCP server 'library'" in question for question in questions)
    names = {event.tool_use_id: event.name for event in events if isinstance(event, ToolUse)}
    results = {names[event.tool_use_id]: event for event in events if isinstance(event, ToolResult)}
    assert [name for name, result in results.items() if result.is_error] == [f"library:{name}" for name in came_to_nothing]  # fmt: skip
    assert results["library:find"].text.startswith("find: key ")


@pytest.mark.claude
def test_its_key_reaches_the_server_and_nobody_else(
    config_file: Path, make_session: Maker, scripted_model: ScriptedModel
) -> None:
    session = make_session()
    run(session, scripted_model)
    assert any(f"find: key {KEY}" in json.dumps(request.body) for request in scripted_model.requests)
    lines = [" ".join(command) for command in started_by(None).values()]
    assert any(SERVER.name in line for line in lines)
    assert not any(KEY in line for line in lines)


@pytest.mark.claude
def test_a_key_in_an_address_or_an_argument_is_not_on_the_command_line_of_claude(
    config_file: Path, make_session: Maker, scripted_model: ScriptedModel
) -> None:
    elsewhere = {"type": "http", "url": "http://127.0.0.1:9/${MY_LIBRARY_KEY}"}
    with_key = {"command": sys.executable, "args": [str(SERVER), "${MY_LIBRARY_KEY}"]}
    config_file.write_text(json.dumps({"mcpServers": {"elsewhere": elsewhere, "library": with_key}}))
    session = make_session()
    run(session, scripted_model)
    lines = [" ".join(command) for command in started_by(None, recursive=False).values()]
    assert any("mcp-config" in line for line in lines)
    assert not any(KEY in line for line in lines)


@pytest.mark.claude
def test_a_server_that_does_not_start_is_told(
    config_file: Path, make_session: Maker, scripted_model: ScriptedModel
) -> None:
    config_file.write_text(json.dumps({"mcpServers": {"gone": {"command": "/nowhere/at-all"}}}))
    session = make_session()
    said: list[str] = []
    for _ in range(2):
        scripted_model.extend(Reply.tool("mcp__gone__find", title="x"), Reply.text("Done."))
        events: list[Event] = []
        session.start("Go", listener=events.append).result(60)
        said += [event.message for event in events if isinstance(event, Notice) and "gone" in event.message]
        (failed,) = (event for event in events if isinstance(event, ToolResult))
        assert not failed.text.startswith("<")
    assert len(said) == 1
    assert "did not start" in said[0]


@pytest.mark.claude
def test_what_the_user_allows_for_the_session_is_that_tool(
    config_file: Path, make_session: Maker, scripted_model: ScriptedModel
) -> None:
    session = make_session(mode="ask")
    assert len(run(session, scripted_model, Answer(True, remember=True))[1]) == 2
    assert run(session, scripted_model)[1] == []


# -- doctor -------------------------------------------------------------------------------------------


def test_doctor_lists_them(config_file: Path, workspace: Path) -> None:
    found = {finding.name: finding for finding in examine(lambda: AgentConfig.from_env(workspace=workspace))}
    assert found["mcp server library"].detail == "2 tools; 1 of them only for reading, it says"
    config_file.write_text(json.dumps({"mcpServers": {"gone": {"command": "/nowhere/at-all"}}}))
    found = {finding.name: finding for finding in examine(lambda: AgentConfig.from_env(workspace=workspace))}
    assert not found["mcp server gone"].ok
    assert "/nowhere/at-all" in found["mcp server gone"].advice
    assert "No such file" in found["mcp server gone"].detail
