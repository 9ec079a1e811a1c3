"""The web chat of a Jupyter server, as its users and others meet it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import nbformat
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel, ToolCall
from neuroworkflow_agent.testing.environ import private_environ
from neuroworkflow_agent.testing.web import WebChatPage
from tests.surfaces.mcp.server import TOKEN, Server

EXTENSION = "neuroworkflow_agent.surfaces.web.extension"
BASE = "/user/ada/"
pytestmark = [pytest.mark.kernel, pytest.mark.claude, pytest.mark.server]


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> Iterator[Server]:
    """A server below a path, as on a hub."""
    home = tmp_path_factory.mktemp("jupyter")
    environ = {**private_environ(home), **model.environ, "JUPYTERHUB_API_TOKEN": "the-hubs-token-0000"}
    spec = home / "data" / "kernels" / "second"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    told = {"argv": argv, "display_name": "Second <b>kernel</b>", "language": "python", "env": {"WHICH": "the second one"}}  # fmt: skip
    (spec / "kernel.json").write_text(json.dumps(told))
    server = Server(home, f"--ServerApp.base_url={BASE}", extension=EXTENSION, environ=environ)
    yield server
    server.close()


@pytest.fixture
def browser(server: Server) -> Iterator[httpx.Client]:
    """What a browser has that has signed in: cookies, and what the page shows beside them."""
    with httpx.Client(base_url=f"{server.url}/neuroworkflow", timeout=30) as client:
        login = f"{server.url}/login"
        client.get(login)
        given = {"password": TOKEN, "_xsrf": client.cookies["_xsrf"]}
        assert client.post(login, data=given).status_code == 302
        assert client.get("/").status_code == 200
        client.headers["X-XSRFToken"] = client.cookies["_xsrf"]
        yield client


def test_a_chat_with_the_servers_login(server: Server, browser: httpx.Client, model: ScriptedModel) -> None:
    code = {"code": "import os\nprint(*os.listdir(), 'JUPYTERHUB_API_TOKEN' in os.environ)"}
    model.extend(Reply((ToolCall("mcp__neuroworkflow__run_code", code),)), Reply.text("That is all."))
    (server.root / "data.csv").touch()
    page = browser.get("/").text
    assert f'<base href="{BASE}neuroworkflow/">' in page
    with contextlib.closing(WebChatPage(browser)) as chat:
        chat.ask("What is here?")
        assert chat.wait_for_end() == "complete"
        assert "data.csv False" in str(chat.items)
        assert "That is all." in str(chat.answers)
        assert browser.delete(f"/chats/{chat.id}").status_code == 200


def test_page_that_is_gone_before_it_is_sent_anything_shows_no_chat(
    server: Server, browser: httpx.Client
) -> None:
    url = httpx.URL(server.url)
    chat = browser.post("/chats", json={}).json()["id"]
    asked = f"GET {url.path}/neuroworkflow/events?chat={chat} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nAuthorization: token {TOKEN}\r\n\r\n"
    for _ in range(20):
        with socket.create_connection((url.host, url.port or 80)) as page:
            page.sendall(asked.encode())
    time.sleep(1)
    again = browser.post("/chats", json={}).json()["id"]
    assert again == chat, "a new chat is one in which nothing was said and that nobody looks at"
    assert browser.delete(f"/chats/{chat}").status_code in (200, 404)


def code(source: str) -> Reply:
    return Reply((ToolCall("mcp__neuroworkflow__run_code", {"code": source}),))


def test_a_chat_in_the_kernel_of_a_notebook(
    server: Server, browser: httpx.Client, model: ScriptedModel
) -> None:
    nbformat.write(nbformat.v4.new_notebook(), server.root / "rates.ipynb")
    wanted = {"path": "rates.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    with httpx.Client(headers={"Authorization": f"token {TOKEN}"}, timeout=60) as user:
        session = user.post(f"{server.url}/api/sessions", json=wanted).raise_for_status().json()
        assert browser.get("/places").json()["notebooks"] == ["rates.ipynb"]
        model.extend(code("import os\nrates = os.getpid()"), Reply.text("Made."), code("print('differ by', rates - os.getpid())"), Reply.text("Seen."))  # fmt: skip
        with contextlib.closing(WebChatPage(browser, place={"notebook": "rates.ipynb"})) as chat:
            chat.ask("Make them")
            chat.wait_for_end()
        kernel = session["kernel"]
        deadline = time.monotonic() + 10
        while kernel["execution_state"] != "idle":  # the server hears of it a little later
            assert time.monotonic() < deadline, kernel
            kernel = user.get(f"{server.url}/api/sessions/{session['id']}").json()["kernel"]
        with contextlib.closing(WebChatPage(browser, place={"notebook": "rates.ipynb"})) as other:
            other.ask("See them")
            other.wait_for_end()
            assert "differ by 0" in str(other.items)
            assert other.place == "rates.ipynb"
            assert {row["title"]: row["where"] for row in other.rows}["Make them"] == "rates.ipynb"
            assert "kernel of the notebook 'rates.ipynb'" in str(model.requests[-1].body["messages"])
            assert browser.delete(f"/chats/{chat.id}").status_code == 200
            user.get(f"{server.url}/api/kernels/{kernel['id']}").raise_for_status()  # it is the notebook's
            # The user ends it, and later starts another one.
            user.delete(f"{server.url}/api/sessions/{session['id']}").raise_for_status()
            model.extend(code("1"), code("2"), Reply.text("It is gone."))
            other.ask("And now?")
            other.wait_for_end(2)
            assert "has no running kernel" in str(other.items)
            assert browser.post("/chats", json={"place": {"notebook": "rates.ipynb"}}).status_code == 409
            session = user.post(f"{server.url}/api/sessions", json=wanted).raise_for_status().json()
        copy = browser.post(f"/chats/{other.id}/fork", json={}).json()["id"]
        assert browser.delete(f"/chats/{other.id}").status_code == 200
        model.extend(code("print('rates' in dir())"), Reply.text("They are gone."))
        with contextlib.closing(WebChatPage(browser, copy)) as late:
            late.ask("Are they there?")
            late.wait_for_end(3)
            assert (late.place, "False" in str(late.items)) == ("rates.ipynb", True)
            assert browser.delete(f"/chats/{late.id}").status_code == 200
        user.delete(f"{server.url}/api/sessions/{session['id']}").raise_for_status()


def test_a_chat_with_another_kernel(server: Server, browser: httpx.Client, model: ScriptedModel) -> None:
    listed = browser.get("/places").json()["kernels"]
    assert {"kernel": "second", "title": "Second <b>kernel</b>"} in listed
    assert "neuroworkflow" not in {each["kernel"] for each in listed}
    model.extend(code("import os\nprint(os.environ['WHICH'])"), Reply.text("The second."))
    with contextlib.closing(WebChatPage(browser, place={"kernel": "second"})) as chat:
        chat.ask("Which?")
        chat.wait_for_end()
        assert "the second one" in str(chat.items)
        assert chat.place == "second"
        assert browser.delete(f"/chats/{chat.id}").status_code == 200
    for place in ({"kernel": "../../etc"}, {"notebook": "../../etc/passwd"}, {"kernel": "neuroworkflow"}):
        assert browser.post("/chats", json={"place": place}).status_code == 409


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 302), ("GET", "/c/00000000-0000-0000-0000-000000000000", 302), ("GET", "/chats", 403),
        ("POST", "/chats", 403), ("DELETE", "/chats/x", 403), ("GET", "/events?chat=x", 403), ("PUT", "/chats", 403),
        ("GET", "/static/../chats", 403), ("GET", "/static/%2e%2e/chats", 404), ("GET", "/healthz", 200),
        ("GET", "/static/style.css", 200), ("GET", "/manifest.webmanifest", 200),
    ],
)  # fmt: skip
def test_nobody_else_comes_in(server: Server, method: str, path: str, status: int) -> None:
    with httpx.Client(timeout=30) as client:
        url = f"{server.url}/neuroworkflow{path}"
        answer = client.send(client.build_request(method, httpx.URL(url)))
        assert answer.status_code == status
        if status == 302:
            assert answer.headers["location"].startswith(f"{BASE}login?next=")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-XSRFToken": ""}, 403),
        ({"X-XSRFToken": "wrong"}, 403),
        ({"Origin": "http://evil.example"}, 404),  # Jupyter's own word
        ({"Host": "evil.example"}, 403),
    ],
)
def test_pages_of_other_sites_change_nothing(
    browser: httpx.Client, headers: dict[str, str], status: int
) -> None:
    answer = browser.post("/chats", json={}, headers=headers)
    assert answer.status_code == status
    if status == 200:
        browser.delete(f"/chats/{answer.json()['id']}")  # it has a process ready


def test_too_large_a_message_is_not_read(browser: httpx.Client) -> None:
    with contextlib.suppress(httpx.WriteError):  # it may hang up before all was sent
        assert browser.post("/chats/x/messages", content=b"x" * 6_000_000).status_code == 413


LOADED = f"""
import sys
import jupyter_server.extension.application, jupyter_server.serverapp
app = jupyter_server.serverapp.ServerApp(log_level="ERROR")
app.initialize(["--no-browser", "--allow-root", "--port=0"], find_extensions=False, new_httpserver=False)
before = set(sys.modules)
app.extension_manager.add_extension({EXTENSION!r}, enabled=True)
app.extension_manager.link_extension({EXTENSION!r})
app.extension_manager.load_extension({EXTENSION!r})
print([name for name in set(sys.modules) - before if not name.startswith("neuroworkflow_agent")])
print(app.web_app.settings["page_config_data"])
print("neuroworkflow_agent.surfaces.web.served" in sys.modules)
"""


def test_loading_it_brings_no_module_and_tells_the_lab_where_it_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, env=private_environ(tmp_path), cwd=tmp_path
    )  # fmt: skip
    assert done.stdout.splitlines() == ["[]", "{'neuroworkflowChats': '/neuroworkflow/'}", "False"], (
        done.stderr
    )
