"""`/mcp` of a real Jupyter server: who is let in, what it shares with people, and what it bears."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest

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
    bounded = f"--NotebooksOverMcp.max_sessions={MOST}"
    served = Server(tmp_path_factory.mktemp("served"), bounded, environ=environ)
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


def post(server: Server, message: Any = HELLO, **headers: str) -> httpx.Response:
    sent = {**MESSAGES, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(f"{server.url}/mcp", content=json.dumps(message), headers=sent, timeout=60)


def test_only_who_has_the_token_and_comes_from_here_is_let_in(server: Server) -> None:
    good = f"token {TOKEN}"
    assert post(server).status_code == 403
    assert post(server, Authorization="token wrong").status_code == 403
    assert post(server, Authorization=good, Origin="http://evil.example").status_code == 403
    assert post(server, Authorization=good, Origin="null").status_code == 403
    assert post(server, Authorization=good, Host="evil.example").status_code == 403
    for allowed in (good, f"Bearer {TOKEN}"):
        begun = post(server, Authorization=allowed, Origin=server.url)
        assert begun.status_code == 200
        gone = {**WITH_TOKEN, "mcp-session-id": begun.headers["mcp-session-id"]}
        assert httpx.delete(f"{server.url}/mcp", headers=gone).status_code == 200


def test_huge_requests_are_not_read(server: Server) -> None:
    assert post(server, {"x": "y" * 5_000_000}, Authorization=f"token {TOKEN}").status_code == 413

    def endless() -> Iterator[bytes]:
        yield from (b"x" * 100_000 for _ in range(100))

    try:
        said = httpx.post(f"{server.url}/mcp", content=endless(), headers={**WITH_TOKEN, **MESSAGES})
    except httpx.TransportError:
        return  # closed in the middle
    assert said.status_code == 400


def test_sessions_are_bounded_and_those_there_go_on(server: Server) -> None:
    begun = [post(server, Authorization=f"token {TOKEN}") for _ in range(MOST + 5)]
    assert [each.status_code for each in begun] == [200] * MOST + [503] * 5
    known = {"mcp-session-id": begun[0].headers["mcp-session-id"]}
    pinged = post(
        server, {"jsonrpc": "2.0", "id": 2, "method": "ping"}, Authorization=f"token {TOKEN}", **known
    )
    assert pinged.status_code == 200
    for each in begun[:MOST]:
        gone = {**WITH_TOKEN, "mcp-session-id": each.headers["mcp-session-id"]}
        assert httpx.delete(f"{server.url}/mcp", headers=gone).status_code == 200


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
    assert turned_on == {"neuroworkflow_agent.surfaces.mcp.extension": True}
    assert '"etc/jupyter" = "etc/jupyter"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_loading_it_brings_no_module_but_its_own() -> None:
    code = (
        "import sys, jupyter_server.extension.application; before = set(sys.modules); "
        "import neuroworkflow_agent.surfaces.mcp.extension as e; e._jupyter_server_extension_points(); "
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('neuroworkflow_agent')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
