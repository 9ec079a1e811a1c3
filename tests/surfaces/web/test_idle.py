"""Chats that nobody uses give back what they hold, and come back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel, ToolCall
from neuroworkflow_agent.testing.environ import private_environ
from neuroworkflow_agent.testing.processes import started_by
from neuroworkflow_agent.testing.web import WebChatPage, WebChatServer
from tests.surfaces.mcp.server import TOKEN, Server
from tests.surfaces.web.test_extension import EXTENSION

pytestmark = [pytest.mark.kernel, pytest.mark.claude, pytest.mark.server]


def code(source: str) -> Reply:
    return Reply((ToolCall("mcp__neuroworkflow__run_code", {"code": source}),))


def eventually(holds: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


def test_idle_kernel_is_ended_and_two_chats_are_open_of_three(tmp_path: Path, model: ScriptedModel) -> None:
    limits = ("--ChatsInABrowser.idle_s=1.5", "--ChatsInABrowser.max_open=2")
    environ = {**private_environ(tmp_path), **model.environ}
    server = Server(tmp_path, *limits, extension=EXTENSION, environ=environ)
    headers = {"Authorization": f"token {TOKEN}"}
    try:
        with httpx.Client(base_url=f"{server.url}/neuroworkflow", headers=headers, timeout=30) as client:
            model.extend(
                code("x = 1"), Reply.text("Set."), code("print('x' in dir())"), Reply.text("Not any more.")
            )
            with contextlib.closing(WebChatPage(client)) as shown:
                shown.ask("Set x")
                shown.wait_for_end()
                eventually(lambda: not started_by(server.process.pid, "ipykernel"))
                shown.wait_for(lambda: "the kernel was ended" in str(shown.items))
                shown.ask("Is it there?")
                shown.wait_for_end(2)
                assert "False" in str(shown.items)
                assert "goes on in a new kernel" in str(model.requests[-1].body["messages"])
            ids = [shown.id]
            for number in range(2):
                model.extend(Reply.text(f"Answer {number}."))
                with contextlib.closing(WebChatPage(client)) as page:
                    page.ask(f"Question {number}")
                    page.wait_for_end()
                ids.append(page.id)
            eventually(lambda: not started_by(server.process.pid, "claude"))
            model.extend(Reply.text("Still here."))
            with contextlib.closing(WebChatPage(client, ids[0])) as again:
                again.ask("And now?")
                again.wait_for_end(3)
                assert again.said == ["Set x", "Is it there?", "And now?"]
                assert {row["id"] for row in again.rows} == {*ids}
                with contextlib.closing(WebChatPage(client, ids[1])):
                    refused = client.get("/events", params={"chat": ids[2]})
                    assert (refused.status_code, "2 chats are open" in refused.text) == (409, True)
    finally:
        server.close()


@pytest.mark.thorough
@pytest.mark.timeout(1200)
def test_fifty_chats_in_bounded_memory(
    tmp_path: Path, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has said something and run code; few processes of the agent's stay, and the first goes on with its variables."""
    server = WebChatServer(tmp_path, model)
    try:
        with server.client() as client:
            ids = []
            for number in range(50):
                model.extend(code(f"x = {number}"), Reply.text(f"Answer {number}."))
                with contextlib.closing(WebChatPage(client)) as page:
                    page.ask(f"Question {number}")
                    page.wait_for_end()
                ids.append(page.id)
            pid = server.process.pid
            eventually(lambda: len(started_by(pid, "claude")) <= 8)
            kernels, agents = started_by(pid, "ipykernel"), started_by(pid, "claude")
            used = {
                name: sum(each.memory_full_info().pss for each in found) / 2**20
                for name, found in (
                    ("kernels", kernels),
                    ("agents", agents),
                    ("server", [psutil.Process(pid)]),
                )
            }
            with capsys.disabled():
                print(f"\n50 chats: {len(kernels)} kernels, {len(agents)} agents, MiB: {used}")
            assert sum(used.values()) < 4 * 1024
            model.extend(code("print('x is', x)"), Reply.text("As it was."))
            with contextlib.closing(WebChatPage(client, ids[0])) as first:
                first.ask("What is x?")
                first.wait_for_end(2)
                assert "x is 0" in str(first.items)
    finally:
        server.close()
