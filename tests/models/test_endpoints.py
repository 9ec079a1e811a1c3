"""One notebook, every kind of endpoint: the real CLI, scripted servers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import uvicorn
from nbformat.v4 import new_code_cell, new_notebook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, ToolCall
from tests.models.servers import end_servers
from tests.surfaces import headless_process
from tests.surfaces.headless_process import call

pytestmark = [pytest.mark.kernel, pytest.mark.claude, pytest.mark.server]
KEY = "sk-the-users-own-key-0001"
ANSWER = (
    Reply((Text("I look."), ToolCall("mcp__neuroworkflow__run_code", {"code": "x * 2"}))),
    Reply.text("It is 42."),
)


class OpenAIServer:
    """An OpenAI-format server that follows a script of (text, code) answers; a status in its place fails."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str | None] | int] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.url = ""

    async def chat(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.keys.append(request.headers.get("authorization"))
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            return JSONResponse({"error": {"message": f"no, {KEY}", "type": "x"}}, status_code=answer)
        return StreamingResponse(self._chunks(*answer), media_type="text/event-stream")

    async def _chunks(self, text: str, code: str | None) -> Any:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": word} for word in text.split(" ")]
        if code is not None:
            names = [tool["function"]["name"] for tool in self.requests[-1]["tools"]]
            name = next(each for each in names if each.endswith("run_code"))
            function = {"name": name, "arguments": json.dumps({"code": code})}
            deltas.append(
                {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
            )
        base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt"}
        for delta in deltas:
            yield _sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        reason = "tool_calls" if code is not None else "stop"
        yield _sse({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield "data: [DONE]\n\n"


def _sse(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


@pytest.fixture(scope="module")
def openai_server() -> Iterator[OpenAIServer]:
    """The server, one for all tests, so that all have the same bridge to it."""
    server = OpenAIServer()
    app = Starlette(routes=[Route("/v1/chat/completions", server.chat, methods=["POST"])])
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    server.url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/v1"
    yield server
    running.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the bridge is found again: LiteLLM takes seconds to start."""
    cache = tmp_path_factory.mktemp("cache")
    yield cache
    end_servers(cache)


@pytest.fixture
def openai(openai_server: OpenAIServer, cache: Path, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    """The server, and an environment that leads the bridge there."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    openai_server.requests, openai_server.keys = [], []
    return openai_server


@pytest.fixture
def notebook(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workspace)
    path = workspace / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("x = 21")]), path)
    return path


def run(notebook: Path, *options: str, how: Callable[..., tuple[int, str, str]] = call) -> dict[str, Any]:
    code, out, err = how("run", notebook, "double x", "--json", *options)
    assert "Traceback" not in err
    assert KEY not in out + err + notebook.read_text()
    if not out:
        raise AssertionError(err)
    summary: dict[str, Any] = {**json.loads(out), "code": code, "err": err}
    return summary


def assert_done(notebook: Path, summary: dict[str, Any]) -> None:
    assert (summary["end"], summary["code"]) == ("complete", 0), summary
    cells = nbformat.read(notebook, as_version=4).cells
    (made,) = [cell for cell in cells if cell.cell_type == "code" and cell.source == "x * 2"]
    assert made.outputs[0]["data"]["text/plain"] == "42"
    assert "It is 42." in cells[-1].source


def test_messages_api_of_the_environment(notebook: Path, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(*ANSWER)
    assert_done(notebook, run(notebook))


def test_server_given_by_its_url(notebook: Path) -> None:
    with ScriptedModel(ANSWER, api_key="no-key-needed") as model:
        assert_done(notebook, run(notebook, "--model", f"ollama:qwen3@{model.base_url}"))
        assert {request.body["model"] for request in model.requests} == {"qwen3"}
        assert all("thinking" not in request.body for request in model.requests)


def test_script_in_a_file(notebook: Path) -> None:
    script = notebook.with_name("lesson.json")
    code = {"tool": "mcp__neuroworkflow__run_code", "input": {"code": "x * 2"}}
    script.write_text(json.dumps([[{"text": "I look."}, code], [{"text": "It is 42."}]]))
    summary = run(notebook, "--model", f"scripted:{script}")
    assert_done(notebook, summary)
    assert "RECORDING" in summary["err"]


def test_session_takes_a_model_too(workspace: Path, portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    script = workspace / "lesson.json"
    script.write_text('[[{"text": "As written."}]]')
    with Session(model=f"scripted:{script}", portal=portal) as session:
        turn = session.run("hi")
        assert (turn.text, turn.result().end, turn.result().cost_usd) == ("As written.", "complete", None)


def test_script_that_is_none_is_an_error(notebook: Path) -> None:
    script = notebook.with_name("lesson.json")
    script.write_text("{")
    summary = run(notebook, "--model", f"scripted:{script}")
    assert (summary["end"], summary["code"]) == ("error", 1)
    assert "A script is a JSON list of replies" in summary["message"]


def test_openai_format_through_the_bridge(notebook: Path, openai: OpenAIServer) -> None:
    pytest.importorskip("litellm")
    openai.answers = [("I look.", "x * 2"), ("It is 42.", None)]
    summary = run(notebook, "--model", "openai:gpt-4.1", how=headless_process.run)
    openai.answers = []
    assert summary["end"] == "complete", summary
    assert set(openai.keys) == {f"Bearer {KEY}"}
    assert openai.requests[-1]["messages"][-1]["role"] == "tool"
    assert "42" in str(openai.requests[-1]["messages"][-1]["content"])


def test_what_the_provider_refuses_is_said_without_the_key(notebook: Path, openai: OpenAIServer) -> None:
    pytest.importorskip("litellm")
    openai.answers = [401] * 8
    summary = run(notebook, "--model", "openai:gpt-4.1", how=headless_process.run)
    assert summary["end"] == "error", summary


def test_endpoint_that_is_not_there_is_a_cut_off(notebook: Path) -> None:
    summary = run(notebook, "--model", "qwen@http://127.0.0.1:9")
    assert (summary["end"], summary["code"]) == ("cut_off", 4), summary
