"""`/mcp` of a real Jupyter server: who is let in, what it shares with people, and what it bears."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import nbformat
import psutil
import pytest
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from tests.surfaces.mcp.client import started
from tests.surfaces.mcp.server import TOKEN, Server, older_mcp

pytestmark = [pytest.mark.server, pytest.mark.kernel]
ROOT = Path(__file__).parents[3]
WITH_TOKEN = {"Authorization": f"token {TOKEN}"}
MESSAGES = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "0"},
    },
}
MOST = 12


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.thorough), 2])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Shared; takes few sessions. Over both versions of `mcp`."""
    environ = {"PYTHONPATH": older_mcp()} if request.param == 1 else {}
    bounds = (f"--NotebooksOverMcp.max_sessions={MOST}", "--NotebooksOverMcp.body_timeout_s=1")
    served = Server(tmp_path_factory.mktemp("served"), *bounds, environ=environ)
    yield served
    served.close()


@pytest.fixture
def notebook(server: Server) -> Path:
    """A fresh notebook on it."""
    place = server.root / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 6")]), place)
    return place


@pytest.fixture
def people(server: Server) -> Iterator[httpx.Client]:
    """What a browser of the user's asks the server."""
    with httpx.Client(base_url=server.url, headers=WITH_TOKEN, timeout=60) as client:
        yield client


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 2, "method": method, "params": params}


def begin(server: Server) -> dict[str, str]:
    """Begin a session; the header that names it."""
    begun = post(server, Authorization=f"token {TOKEN}")
    assert begun.status_code == 200
    session = {"mcp-session-id": begun.headers["mcp-session-id"]}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert post(server, ready, Authorization=f"token {TOKEN}", **session).status_code == 202
    return session


def end(server: Server, session: dict[str, str]) -> None:
    assert httpx.delete(f"{server.url}/mcp", headers={**WITH_TOKEN, **session}, timeout=60).status_code == 200


def ask(server: Server, session: dict[str, str], method: str, **params: Any) -> str:
    """What a request is answered, as it came."""
    return post(server, message(method, **params), Authorization=f"token {TOKEN}", **session).text


def call(server: Server, session: dict[str, str], tool: str, /, **arguments: Any) -> str:
    return ask(server, session, "tools/call", name=tool, arguments=arguments)


@contextlib.contextmanager
def raw(server: Server, sent: Any, session: dict[str, str], length: int = 0) -> Iterator[socket.socket]:
    """A connection on which a request was sent, of which `length` says how long it is to become."""
    body = json.dumps(sent).encode()
    given = {
        **MESSAGES,
        **WITH_TOKEN,
        "Host": "127.0.0.1",
        "Content-Length": str(length or len(body)),
        **session,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=60) as connection:
        connection.sendall(f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
        yield connection


def post(server: Server, message: Any = HELLO, **headers: str) -> httpx.Response:
    sent = {**MESSAGES, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(f"{server.url}/mcp", content=json.dumps(message), headers=sent, timeout=60)


def test_only_who_has_the_token_and_comes_from_here_is_let_in(server: Server) -> None:
    good = f"token {TOKEN}"
    for refused in (post(server), post(server, Authorization="token wrong")):
        assert (refused.status_code, refused.json()["message"]) == (403, "The token is missing or wrong.")
    assert post(server, Authorization=good, Origin="http://evil.example").status_code == 403
    assert post(server, Authorization=good, Origin="null").status_code == 403
    assert post(server, Authorization=good, Host="evil.example").status_code == 403
    for allowed in (good, f"Bearer {TOKEN}"):
        begun = post(server, Authorization=allowed, Origin=server.url)
        assert begun.status_code == 200
        end(server, {"mcp-session-id": begun.headers["mcp-session-id"]})


def test_huge_and_slow_requests_are_not_read(server: Server) -> None:
    assert post(server, {"x": "y" * 5_000_000}, Authorization=f"token {TOKEN}").status_code == 413

    def endless() -> Iterator[bytes]:
        yield from (b"x" * 100_000 for _ in range(100))

    with contextlib.suppress(httpx.TransportError):  # closed in the middle
        said = httpx.post(f"{server.url}/mcp", content=endless(), headers={**WITH_TOKEN, **MESSAGES})
        assert said.status_code == 400
    with raw(server, {}, {}, length=1000) as slow:
        assert slow.recv(1) == b""


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000 + "]" * 200_000, '{"x": "\\ud800"}', '{"x": ' + "9" * 5000 + "}", "null", ""],
    ids=["deep", "surrogate", "number", "null", "empty"],
)
def test_what_is_no_message_is_refused(server: Server, text: str) -> None:
    said = httpx.post(f"{server.url}/mcp", content=text, headers={**WITH_TOKEN, **MESSAGES}, timeout=60)
    assert said.status_code in (400, 500)  # the latter in version 1 of `mcp`
    assert "message" in said.json()["error"]
    end(server, begin(server))


def test_text_that_cannot_be_written_changes_nothing(server: Server, notebook: Path) -> None:
    before, session = notebook.read_bytes(), begin(server)
    told = call(server, session, "cell_insert", path="a.ipynb", source="\ud800", index=0)
    assert "error" in told or '"isError":true' in told
    assert notebook.read_bytes() == before
    end(server, session)


def test_sessions_are_bounded_and_those_there_go_on(server: Server) -> None:
    begun = [begin(server) for _ in range(MOST)]
    refused = [post(server, Authorization=f"token {TOKEN}").status_code for _ in range(5)]
    assert refused == [503] * 5
    listed = CliRunner().invoke(app, ["notebook", "list", "--server", server.url, "--token", TOKEN])
    assert "has as many clients as it takes" in str(listed.exception)
    pinged = post(
        server, {"jsonrpc": "2.0", "id": 2, "method": "ping"}, Authorization=f"token {TOKEN}", **begun[0]
    )
    assert pinged.status_code == 200
    for session in begun:
        end(server, session)


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_ten_thousand_sessions_take_no_more_room_than_those_there_may_be(tmp_path: Path) -> None:
    many = Server(tmp_path, "--NotebooksOverMcp.max_sessions=100", "--NotebooksOverMcp.session_idle_s=1")
    process = psutil.Process(many.process.pid)
    try:
        with httpx.Client(headers={**WITH_TOKEN, **MESSAGES}, timeout=60) as client:

            def begin_all(number: int) -> Counter[int]:
                return Counter(client.post(f"{many.url}/mcp", json=HELLO).status_code for _ in range(number))

            begin_all(300)
            before = process.memory_info().rss
            answered = begin_all(10_000)
            assert set(answered) == {200, 503}
            assert process.memory_info().rss - before < 32 * 2**20
            while client.post(f"{many.url}/mcp", json=HELLO).status_code != 200:
                time.sleep(0.2)
    finally:
        many.close()


def test_no_path_leads_out(server: Server, notebook: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), outside)
    (server.root / "out").symlink_to(tmp_path)
    (server.root / "out.ipynb").symlink_to(outside)
    os.mkfifo(server.root / "fifo.ipynb")
    session = begin(server)
    paths = (
        "../outside.ipynb",
        str(outside),
        "out/outside.ipynb",
        "out.ipynb",
        "a.ipynb/../../x.ipynb",
        "a\0.ipynb",
    )
    for path in paths:
        for tool in ("notebook_get", "notebook_create", "cell_execute"):
            assert "leads out" in call(server, session, tool, path=path)
        assert "leads out" in call(server, session, "notebook_list", folder=path)
        for tool in ("check_node", "list_nodes"):
            assert "outside the workspace" in call(server, session, tool, paths=[path])
        assert "leads out" in ask(
            server, session, "resources/read", uri=f"notebook:///{quote(path, safe='')}"
        )
    assert "no notebook" in call(server, session, "notebook_get", path="fifo.ipynb")
    assert "not the URI" in ask(server, session, "resources/read", uri=f"file://{outside}")
    assert "left alone" in call(server, session, "notebook_create", path="fifo.ipynb")
    assert "outside" not in call(server, session, "notebook_list")
    end(server, session)


def test_a_watcher_that_leaves_takes_nobodys_place(server: Server, notebook: Path) -> None:
    leaving, other = begin(server), begin(server)
    watch = {"path": "a.ipynb", "timeout_s": 1}
    for number in range(20):
        asked = message("tools/call", name="notebook_watch", arguments={**watch, "timeout_s": 300})
        with raw(server, {**asked, "id": number}, leaving) as connection:
            connection.recv(1)
    while "of yours" not in call(server, leaving, "notebook_watch", **watch):
        pass
    assert "Nothing has changed" in call(server, other, "notebook_watch", **watch)
    end(server, leaving)
    end(server, other)


async def test_a_client_of_programs_shares_the_kernel_with_people(
    server: Server, people: httpx.Client, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", TOKEN)
    session = people.post(
        "/api/sessions",
        json={"path": "a.ipynb", "name": "a", "type": "notebook", "kernel": {"name": "python3"}},
    ).json()
    async with started(server.root, "--server", server.url) as client:
        ran = await client.call("cell_execute", path="a.ipynb", index=0)
        assert ran["cells"][0]["state"] == "run 1"
        assert (await client.call("kernel_restart", path="a.ipynb"))["state"] == "idle"
        assert (await client.call("kernel_variables", path="a.ipynb"))["variables"] == []
        begun = await client.call("run_code", path="a.ipynb", code="import time\ntime.sleep(600)", wait_s=1)
        people.post(f"/api/kernels/{session['kernel']['id']}/interrupt")
        assert "KeyboardInterrupt" in await client.refused("execution_get", execution=begun["execution"])
        people.delete(f"/api/sessions/{session['id']}")
        assert (await client.call("kernel_status", path="a.ipynb"))["state"] == "not started"
        await client.call("cell_execute", path="a.ipynb", index=0)
        (again,) = people.get("/api/sessions").json()
        assert (again["path"], again["kernel"]["id"] != session["kernel"]["id"]) == ("a.ipynb", True)
    people.delete(f"/api/sessions/{again['id']}")
    assert nbformat.read(notebook, 4).cells[0].execution_count == 1


def test_the_wheel_brings_what_turns_it_on() -> None:
    file = ROOT / "etc" / "jupyter" / "jupyter_server_config.d" / "neuroworkflow_agent.json"
    turned_on = json.loads(file.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    assert turned_on == {f"neuroworkflow_agent.surfaces.{name}.extension": True for name in ("mcp", "web")}
    assert '"etc/jupyter" = "etc/jupyter"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_images_health_check_asks_for_the_tools_and_calls_one(server: Server, tmp_path: Path) -> None:
    def checked(runtime: Path) -> tuple[int, str]:
        environ = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime)}
        command: list[str | Path] = [sys.executable, ROOT / "deploy" / "image" / "healthcheck"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    assert checked(server.home / "runtime") == (0, "")
    assert checked(tmp_path) == (1, "")
    told = tmp_path / "jpserver-1.json"
    told.write_text(json.dumps({"url": server.url, "token": "wrong"}))
    assert checked(tmp_path) == (
        1,
        f"{server.url}: '{server.url}/mcp' does not take the token. JUPYTER_TOKEN or --token gives another.\n",
    )


LOADED = """
import sys
import jupyter_server.extension.application, jupyter_server.serverapp
before = set(sys.modules)
import neuroworkflow_agent.surfaces.mcp.extension as extension
extension._jupyter_server_extension_points()
print(sorted(name for name in set(sys.modules) - before if not name.startswith("neuroworkflow_agent")))
app = jupyter_server.serverapp.ServerApp()
on = "--ServerApp.jpserver_extensions={'neuroworkflow_agent.surfaces.mcp.extension': True}"
app.initialize(["--no-browser", "--allow-root", "--port=0", on], find_extensions=False, new_httpserver=False)
"""


def test_it_brings_no_module_and_without_what_it_needs_says_so_in_a_line(tmp_path: Path) -> None:
    older = tmp_path / "mcp-1.23.0.dist-info"
    older.mkdir()
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: mcp\nVersion: 1.23.0\n")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, env=environ, cwd=tmp_path
    )
    assert done.stdout == "[]\n", done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "NotebooksOverMcp]" in line]
    assert line.endswith('not served over MCP: pip install "neuroworkflow-agent[server]" adds what it needs.')
