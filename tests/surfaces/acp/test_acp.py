"""`neuroworkflow-agent acp` on standard input and output, as its clients meet it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import acp
import httpx
import nbformat
import psutil
import pytest
from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse
from nbformat.v4 import new_notebook

from neuroworkflow_agent.errors import KernelDiedError
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.testing import Reply, ScriptedModel, Thinking
from tests.surfaces.mcp.server import TOKEN, Server

pytestmark = [pytest.mark.kernel, pytest.mark.claude]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE = (
    f"import base64\nfrom IPython.display import Image\nprint('to see')\nImage(base64.b64decode('{PNG}'))"
)
NOT_OFFERED = "something else"
QUESTION = {"question": "Which area?", "header": "Area", "multiSelect": False, "options": [{"label": "V1", "description": ""}, {"label": "MT", "description": ""}]}  # fmt: skip


@dataclass
class Editor:
    """A client that writes down what it is told, and takes an option by its name."""

    takes: str = ""
    """Empty to dismiss what is asked."""
    told: list[Any] = field(default_factory=list)
    asked: list[tuple[Any, list[str]]] = field(default_factory=list)
    on_update: Callable[[Any], None] = lambda _update: None

    async def session_update(self, session_id: str, update: Any, **_more: Any) -> None:
        self.told.append(update)
        self.on_update(update)

    async def request_permission(
        self, session_id: str, tool_call: Any, options: list[Any], **_more: Any
    ) -> RequestPermissionResponse:
        self.asked.append((tool_call, [option.name for option in options]))
        chosen = [option.option_id for option in options if option.name == self.takes]
        if self.takes == NOT_OFFERED:
            chosen = [NOT_OFFERED]
        if not chosen:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen[0]))

    def of(self, kind: str) -> list[Any]:
        return [update for update in self.told if update.session_update == kind]

    async def ask(self, agent: Any, session_id: str, text: str) -> str:
        """Have a turn run; returns why it ended, once all that was told of it has been taken in."""
        turns = len(self.of("usage_update"))
        ended = await agent.prompt(session_id=session_id, prompt=say(text))
        await self.until(lambda: len(self.of("usage_update")) > turns)
        return str(ended.stop_reason)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Before version 0.12 of `acp` an answer overtakes what was told before it."""
        while not holds():
            await asyncio.sleep(0.01)

    def text(self, kind: str = "agent_message_chunk") -> str:
        return "".join(update.content.text for update in self.of(kind))


@asynccontextmanager
async def connected(client: Editor, workspace: Path, *arguments: str) -> AsyncIterator[Any]:
    """The agent, to which the client has said hello; nothing of it is left when the client goes."""
    command = [sys.executable, "-m", "neuroworkflow_agent", "acp", *arguments]
    async with acp.spawn_agent_process(
        cast(acp.Client, client), *command, env=dict(os.environ), cwd=workspace
    ) as (
        agent,
        process,
    ):
        await agent.initialize(acp.PROTOCOL_VERSION)
        children = psutil.Process(process.pid)
        yield agent
        started = children.children(recursive=True)
    await asyncio.to_thread(psutil.wait_procs, started, timeout=15)
    assert [each for each in started if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []


def say(text: str) -> list[Any]:
    return [acp.text_block(text)]


async def test_a_turn_is_told_as_it_goes_and_is_there_again_later(
    tmp_path: Path, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(
        Reply((Thinking("Hm."), *Reply.code(PICTURE).blocks)),
        Reply.tool("Write", file_path=str(tmp_path / "a.txt"), content="new\n"),
        Reply.text("It is **done**."),
    )
    editor = Editor()
    async with connected(editor, tmp_path) as agent:
        begun = await agent.new_session(cwd=str(tmp_path))
        assert [mode.id for mode in begun.modes.available_modes] == ["edit", "ask", "plan", "read-only"]
        assert begun.config_options[0].current_value == "auto"
        assert await editor.ask(agent, begun.session_id, "Look and write.") == "end_turn"
        assert (editor.text("agent_thought_chunk")[-3:], editor.text()) == ("Hm.", "It is **done**.")
        first, second = editor.of("tool_call")
        assert (first.kind, second.kind, first.title) == ("execute", "edit", "Run code")
        calls = [
            update for update in editor.of("tool_call_update") if update.tool_call_id == first.tool_call_id
        ]
        assert [update.status for update in calls if update.status][-1] == "completed"
        assert {update.title for update in calls} == {None}  # what is as before is not told again
        code = [update for update in calls if update.content][-1]
        assert [block.content.type for block in code.content] == ["text", "text", "image"]
        assert "to see" in code.content[1].content.text
        assert (second.content[0].path, second.content[0].new_text) == (str(tmp_path / "a.txt"), "new\n")
        assert editor.of("usage_update")[0].used > 0
        assert editor.of("session_info_update")[0].title == "Look and write."
        assert {"create-node", "compact", "undo"} <= {
            each.name for each in editor.of("available_commands_update")[0].available_commands
        }
        await agent.prompt(session_id=begun.session_id, prompt=say("/undo a.txt"))
        assert editor.asked[-1][1] == ["Undo", "Leave it"]
        assert (tmp_path / "a.txt").exists()  # nobody has said yes
        editor.takes = "Undo"
        told = len(editor.told)
        await agent.prompt(session_id=begun.session_id, prompt=say("/undo"))
        await editor.until(lambda: len(editor.told) > told + 1)
        assert not (tmp_path / "a.txt").exists()
        (tmp_path / "a.txt").write_text("new\n")
    assert (tmp_path / "a.txt").read_text() == "new\n"
    # Another process shows it again, goes on, and lists it.
    scripted_model.extend(Reply.text("As before."))
    later = Editor()
    async with connected(later, tmp_path) as agent:
        listed = await agent.list_sessions(cwd=str(tmp_path))
        assert [(each.session_id, each.title) for each in listed.sessions] == [
            (begun.session_id, "Look and write.")
        ]
        await agent.load_session(cwd=str(tmp_path), session_id=begun.session_id)
        await later.until(lambda: bool(later.of("available_commands_update")))
        assert (later.text("user_message_chunk"), later.text()) == ("Look and write.", "It is **done**.")
        await later.ask(agent, begun.session_id, "And?")
        assert later.text().endswith("As before.")
        assert "Look and write." in str(scripted_model.requests[-1])
        copied = await agent.fork_session(session_id=begun.session_id, cwd=str(tmp_path))
        assert copied.session_id != begun.session_id
        # A copy that nobody can go on in is not kept.
        with pytest.raises(acp.RequestError, match="outside"):
            await agent.fork_session(session_id=begun.session_id, cwd=str(tmp_path), notebook="../a.ipynb")
        stored = await agent.list_sessions(cwd=str(tmp_path))
        assert {each.session_id for each in stored.sessions} == {begun.session_id, copied.session_id}


async def test_calls_are_allowed_refused_and_questions_answered(
    tmp_path: Path, scripted_model: ScriptedModel
) -> None:
    editor = Editor(takes="Allow once")
    async with connected(editor, tmp_path, "--mode", "ask") as agent:
        session_id = (await agent.new_session(cwd=str(tmp_path))).session_id
        scripted_model.extend(Reply.code("x = 6 * 7\nx"), Reply.text("Yes."))
        await editor.ask(agent, session_id, "Go.")
        (call, names), *_ = editor.asked
        assert "x = 6 * 7" in call.content[0].content.text
        assert names == ["Allow once", "Allow in this session", "Do not allow"]
        assert "42" in str(editor.of("tool_call_update"))
        editor.takes = "Do not allow"
        scripted_model.extend(Reply.code("x = 1"), Reply.text("No."))
        await editor.ask(agent, session_id, "Again.")
        assert [each.status for each in editor.of("tool_call_update") if each.status][-1] == "failed"
        # An option that was not offered allows nothing.
        editor.takes = NOT_OFFERED
        scripted_model.extend(Reply.code("open('made', 'w')"))
        assert await editor.ask(agent, session_id, "Once more.") == "cancelled"
        assert not (tmp_path / "made").exists()
        editor.takes = "MT"
        scripted_model.extend(Reply.tool("AskUserQuestion", questions=[QUESTION]), Reply.text("MT it is."))
        await editor.ask(agent, session_id, "Ask me.")
        assert (editor.asked[-1][0].title, editor.asked[-1][1]) == (
            "Which area?",
            ["V1", "MT", "Do not answer"],
        )
        assert "MT" in str(scripted_model.requests[-1])
        # A session in which nothing was said can be gone on with, and copied.
        unsaid = (await agent.new_session(cwd=str(tmp_path))).session_id
        assert (await agent.resume_session(session_id=unsaid, cwd=str(tmp_path))).modes is not None
        copied = await agent.fork_session(session_id=unsaid, cwd=str(tmp_path))
        assert copied.session_id != unsaid
        for each in (unsaid, copied.session_id):
            await agent.close_session(session_id=each)
        # Settings count from the next turn on; what is not there is refused in words.
        await agent.set_session_mode(session_id=session_id, mode_id="edit")
        scripted_model.extend(Reply.code("x"), Reply.text("Fine."))
        await editor.ask(agent, session_id, "Unasked.")
        assert len(editor.asked) == 4
        for asking, words in (
            (agent.set_session_mode(session_id=session_id, mode_id="wild"), "There is no mode 'wild'"),
            (agent.set_config_option(config_id="model", session_id=session_id, value="opnai:x"), "opnai"),
            (agent.prompt(session_id="none", prompt=say("?")), "no open session"),
            (agent.prompt(session_id=session_id, prompt=say(" ")), "empty"),
            (agent.new_session(cwd="here"), "absolute path"),
            (agent.new_session(cwd=str(tmp_path), notebook="../a.ipynb"), "outside"),
            (agent.new_session(cwd=str(tmp_path), notebook="/etc/a.ipynb"), "outside"),
            (agent.load_session(cwd=str(tmp_path), session_id="none"), "none"),
        ):
            with pytest.raises(acp.RequestError, match=words):
                await asking


async def test_a_turn_is_cancelled_at_once(tmp_path: Path, scripted_model: ScriptedModel) -> None:
    editor = Editor()
    async with connected(editor, tmp_path) as agent:
        session_id = (await agent.new_session(cwd=str(tmp_path))).session_id
        for reply, sign in (
            (Reply.code("import time; print('here', flush=True); time.sleep(600)"), "here"),
            (Reply.text("one two three " * 200, delay_s=0.05), "three"),
        ):
            scripted_model.extend(reply)
            seen = asyncio.Event()
            editor.on_update = lambda update, sign=sign, seen=seen: (
                seen.set() if sign in str(update) else None
            )  # type: ignore[misc]
            turn = asyncio.ensure_future(agent.prompt(session_id=session_id, prompt=say("Go.")))
            await seen.wait()
            asked = time.monotonic()
            await agent.cancel(session_id=session_id)
            assert (await turn).stop_reason == "cancelled"
            assert time.monotonic() - asked < 5  # of a machine under load


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    yield server
    server.end_kernels()
    server.close()


async def connected_kernel(file: Path) -> ClientKernel:
    """One that was started a moment ago, and does not beat yet."""
    while True:
        with contextlib.suppress(KernelDiedError):
            return await ClientKernel.connect(file)


async def test_code_runs_in_the_kernel_of_the_notebook_that_the_client_names(
    scripted_model: ScriptedModel, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.home / "runtime"))
    nbformat.write(new_notebook(), server.root / "a.ipynb")
    wanted = {"path": "a.ipynb", "name": "a.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    headers = {"Authorization": f"token {TOKEN}"}
    begun = httpx.post(f"{server.url}/api/sessions", json=wanted, headers=headers, timeout=60)
    file = server.home / "runtime" / f"kernel-{begun.json()['kernel']['id']}.json"
    kernel = await connected_kernel(file)
    await kernel.execute("x = 6")
    editor = Editor()
    async with connected(editor, server.root) as agent:
        session_id = (await agent.new_session(cwd=str(server.root), notebook="a.ipynb")).session_id
        scripted_model.extend(Reply.code("y = x * 7"), Reply.text("Done."))
        await editor.ask(agent, session_id, "Go.")
        assert "Names: new y." in str(scripted_model.requests[-1].tool_results)
        scripted_model.extend(Reply.code("x += 1; y = 0"), Reply.text("Done."))
        await editor.ask(agent, session_id, "Go on.")
        editor.takes = "Undo"
        await agent.prompt(session_id=session_id, prompt=say("/undo variables"))
        assert await kernel.evaluate("x, y") == "(6, 42)"
    # The client has gone, the notebook's kernel has not.
    assert (await kernel.execute("y")).outputs[0]["data"]["text/plain"] == "42"
    await kernel.aclose()


async def test_servers_of_the_client_are_used_only_where_the_user_says_so(
    tmp_path: Path, scripted_model: ScriptedModel
) -> None:
    servers = [acp.schema.McpServerStdio(name="theirs", command="/nowhere/at/all", args=[], env=[])]
    editor = Editor()
    async with connected(editor, tmp_path) as agent:
        await agent.new_session(cwd=str(tmp_path), mcp_servers=servers)
        await editor.until(lambda: bool(editor.of("agent_thought_chunk")))
        assert "not used: theirs" in editor.text("agent_thought_chunk")
    editor = Editor()
    async with connected(editor, tmp_path, "--client-servers") as agent:
        session_id = (await agent.new_session(cwd=str(tmp_path), mcp_servers=servers)).session_id
        scripted_model.extend(Reply.text("Done."))
        await editor.ask(agent, session_id, "Go.")
        assert "not used" not in editor.text("agent_thought_chunk")
        assert "theirs" in editor.text("agent_thought_chunk")  # that it could not be started


@pytest.mark.parametrize("code", ["1", "import time; time.sleep(600)"])
async def test_signals_end_it_with_all_that_it_started(
    code: str, tmp_path: Path, scripted_model: ScriptedModel
) -> None:
    """As jupyter-ai sends them: two at once, after the connection was closed, with the input still open."""
    command = [sys.executable, "-m", "neuroworkflow_agent", "acp"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=tmp_path)
    assert process.stdin is not None
    assert process.stdout is not None
    editor = Editor()
    agent = acp.connect_to_agent(cast(acp.Client, editor), process.stdin, process.stdout)
    await agent.initialize(acp.PROTOCOL_VERSION)
    session_id = (await agent.new_session(cwd=str(tmp_path))).session_id
    scripted_model.extend(Reply.code(code), Reply.text("Done."))
    turn = asyncio.ensure_future(agent.prompt(session_id=session_id, prompt=say("Go.")))
    await editor.until(lambda: any(update.status != "pending" for update in editor.of("tool_call_update")))
    started = psutil.Process(process.pid).children(recursive=True)
    await agent.close()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    with contextlib.suppress(ConnectionError):
        await turn
    assert len(started) >= 2
    assert (await asyncio.to_thread(psutil.wait_procs, started, timeout=15))[1] == []
