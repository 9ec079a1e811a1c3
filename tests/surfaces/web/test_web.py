"""The web chat's server, in a process of its own, as pages and their users meet it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, ToolCall
from neuroworkflow_agent.testing.web import WebChatPage, WebChatServer
from tests import tiers

pytestmark = [pytest.mark.kernel, pytest.mark.claude, pytest.mark.server]
STEPS = "import time\nfor step in range(40):\n    print('step', step, flush=True)\n    time.sleep(0.05)"
LOOK = Reply((Text("I look."), ToolCall("mcp__neuroworkflow__run_code", {"code": STEPS})))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebChatServer]:
    with ScriptedModel() as model:
        server = WebChatServer(tmp_path_factory.mktemp("web"), model)
        yield server
        server.close()


@pytest.fixture
def server(served: WebChatServer) -> Iterator[WebChatServer]:
    """The module's server, with an empty script."""
    yield served
    served.model.forget()


Opener = Callable[..., WebChatPage]


def end_chats(client: httpx.Client, *also: str) -> None:
    """Delete all chats, and those in which nothing was said."""
    for chat in {*also, *(row["id"] for row in client.get("/chats").json()["chats"])}:
        assert client.delete(f"/chats/{chat}").status_code in (200, 404)


@pytest.fixture
def open_page(server: WebChatServer) -> Iterator[Opener]:
    """Opens pages; they are closed with the test."""
    pages: list[WebChatPage] = []
    with server.client() as client:

        def open_one(chat: str | None = None) -> WebChatPage:
            pages.append(WebChatPage(client, chat))
            return pages[-1]

        yield open_one
        for page in pages:
            page.close()
        end_chats(client, *(page.id for page in pages))


def test_two_pages_show_the_same_and_take_turns(server: WebChatServer, open_page: Opener) -> None:
    server.model.extend(LOOK, Reply.text("First."), Reply.text("Second."))
    one = open_page()
    assert one.ask("go")["type"] == "accepted"
    one.wait_for(lambda: "step 3" in str(one.items))
    other = open_page(one.id)  # in mid-stream
    other.wait_for(lambda: "step 5" in str(other.items))
    assert other.ask("and then?")["type"] == "accepted"
    one.wait_for(lambda: [each["text"] for each in one.state["queue"]] == ["and then?"])
    one.close()  # a page that goes stops nothing
    assert other.wait_for_end(2) == "complete"
    assert other.kinds == ["user", "notice", "answer", "tool", "answer", "end", "user", "answer", "end"]
    late = open_page(one.id)
    late.wait_for_end(2)
    assert list(late.items.values()) == list(other.items.values())


def test_chats_are_listed_pinned_renamed_copied_deleted(server: WebChatServer, open_page: Opener) -> None:
    server.model.extend(Reply.text("A zebra finch sings."), Reply.text("Mice do not."))
    first, second = open_page(), open_page()
    first.ask("About birds")
    first.wait_for_end()
    second.ask("About mice")
    second.wait_for_end()

    def titles(words: str = "") -> list[str]:
        rows = first.client.get("/chats", params={"words": words}).json()["chats"]
        return [row["title"] for row in rows if not words or row["place"]]

    assert titles()[:2] == ["About mice", "About birds"]
    assert titles("zebra finch") == ["About birds"]
    first.client.post(f"/chats/{first.id}/pin", json={"pinned": True}).raise_for_status()
    first.client.post(f"/chats/{first.id}/rename", json={"title": "Birds"}).raise_for_status()
    second.wait_for(lambda: [row["title"] for row in second.rows][:2] == ["Birds", "About mice"])
    first.wait_for(lambda: first.state["title"] == "Birds")
    copied = first.client.post(f"/chats/{first.id}/fork", json={}).json()["id"]
    copy = open_page(copied)
    copy.wait_for_end()
    assert copy.said == ["About birds"]
    for page in (copy, first):
        page.client.delete(f"/chats/{page.id}").raise_for_status()
    assert "Birds" not in titles()
    assert first.client.get("/events", params={"chat": first.id}).status_code == 404


def test_message_is_changed_and_answered_again(server: WebChatServer, open_page: Opener) -> None:
    server.model.extend(Reply.text("One."), Reply.text("Two."), Reply.text("Better."), Reply.text("Best."))
    page = open_page()
    for number, text in enumerate(("first", "second"), 1):
        page.ask(text)
        page.wait_for_end(number)
    old = page.state["session"]
    turn = [item["turn"] for item in page.items.values() if item["kind"] == "user"][-1]
    assert page.send(type="edit", turn=turn, text="second, please", request="page:2")["type"] == "accepted"
    page.wait_for(lambda: page.said == ["first", "second, please"] and page.wait_for_end(2))
    page.id = page.state["session"]
    assert page.id != old
    turn = [item["turn"] for item in page.items.values() if item["kind"] == "user"][-1]
    assert page.send(type="edit", turn=turn, text="second, please", request="page:3") == {
        "type": "accepted",
        "request": "page:3",
    }
    page.wait_for(lambda: "Best." in str(page.items))
    page.wait_for_end(2)
    assert page.said == ["first", "second, please"]
    requests = server.model.requests[-1].body["messages"]
    assert "Two." not in str(requests)
    assert "One." in str(requests)
    kept = open_page(old)
    kept.wait_for_end(2)
    assert kept.said == ["first", "second"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/events?chat=nothing", None, 404),
        ("GET", "/events?chat=..%2F..%2Fetc%2Fpasswd", None, 404),
        ("GET", "/events", None, 404),
        ("GET", "/chats/00000000-0000-0000-0000-000000000000", None, 404),
        ("POST", "/chats/x/messages", {"message": {"type": "hello"}}, 404),
        ("POST", "/chats/x/messages", {"message": {"type": "new"}}, 400),
        ("POST", "/chats/x/messages", {"message": {"type": ["hello"]}}, 400),
        ("POST", "/chats/x/messages", {"message": {"type": "upload"}, "buffers": ["é"]}, 400),
        ("POST", "/chats/x/messages", "x", 400),
        ("POST", "/chats/x/messages", {"message": {"type": "ask", "text": "x" * 5_000_000}}, 413),
        ("POST", "/chats/x/pin", {"pinned": True}, 404),
        ("DELETE", "/chats/x", None, 404),
        ("GET", "/static/web/js/..%2f..%2fapp.py", None, 404),
        ("GET", "/static/../app.py", None, 404),
    ],
)
def test_what_is_not_there_is_refused(
    server: WebChatServer, method: str, path: str, body: object, status: int
) -> None:
    with server.client() as client:
        assert client.request(method, path, json=body).status_code == status


def test_whatever_is_asked_is_answered(server: WebChatServer, open_page: Opener) -> None:
    page = open_page()
    name = os.fsencode(server.root) + b"/caf\xe9.txt"
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    try:
        told = page.send(type="complete", text="@caf", request="page:1")
        assert [each["value"] for each in told["items"]] == ["caf\udce9.txt"]
    finally:
        os.unlink(name)  # noqa: PTH108 - a name in bytes
    odd = page.send(type="ask", text="x", chips=[1], request="page:2")
    assert (odd["type"], "That did not work" in odd["text"]) == ("problem", True)
    messages = f"/chats/{page.id}/messages"
    assert page.client.post(messages, content=b"[" * 100_000).status_code == 400
    half = page.client.post("/chats", content=b'{"place": {"kernel": "\\ud83d"}}')
    assert (half.status_code, "There is no kernel" in half.json()["problem"]) == (409, True)
    time.sleep(0.5)  # until it is told that no turn runs


def test_a_picture_that_is_uploaded_is_stored_and_never_served(
    server: WebChatServer, open_page: Opener
) -> None:
    page = open_page()
    told = {"type": "upload", "id": "u", "name": "../x.html", "part": 0, "of": 1, "request": "page:9"}
    answer = page.client.post(
        f"/chats/{page.id}/messages", json={"message": told, "buffers": ["PHNjcmlwdD4="]}
    ).json()["message"]
    assert answer["path"] == "uploads/x.html"
    assert (server.root / "uploads" / "x.html").read_bytes() == b"<script>"
    assert page.client.get("/uploads/x.html").status_code == 404


def test_killed_server_loses_no_message(tmp_path: Path) -> None:
    """kill -9 in mid-turn, at moments chosen at random: all that was said is there again, and the chat goes on."""
    moments = random.Random(tiers.SEED)
    with ScriptedModel() as model:
        server = WebChatServer(tmp_path, model)
        try:
            for number in range(tiers.count(50, at_least=1)):
                after_s = moments.uniform(0.0, 2.0)
                print(f"kill {number}, {after_s:.2f} s after the message")
                _kill_once(server, number, after_s)
        finally:
            server.close()


_WRITTEN_S = 1.0
"""After which what a page has shown is on the disk, on a busy machine, too; a message is before it is accepted."""


def _kill_once(server: WebChatServer, number: int, after_s: float) -> None:
    server.model.forget()
    is_first = number % 2 == 0
    server.model.extend(*([] if is_first else [Reply.text("Before.")]), LOOK, Reply.text("Done."))
    with server.client() as client, contextlib.closing(WebChatPage(client)) as page:
        if not is_first:
            page.ask("before")
            page.wait_for_end()
        with contextlib.suppress(httpx.HTTPError):
            assert page.ask(f"message {number}")["type"] == "accepted"
        time.sleep(max(0.0, after_s - _WRITTEN_S))
        seen = page.said, "step 0" in str(page.items)
        time.sleep(min(after_s, _WRITTEN_S))
        server.kill()
    server.start_again()
    server.model.forget()
    server.model.extend(Reply.text("And on."))
    with server.client() as client:
        listed = [row["id"] for row in client.get("/chats").json()["chats"]]
        assert page.id in listed, (number, after_s)
        with contextlib.closing(WebChatPage(client, page.id)) as again:
            # What the page had not seen yet is there, too.
            again.wait_for(lambda: again.said[-1:] == [f"message {number}"] and again.kinds[-1] == "end")
            assert again.said[: len(seen[0])] == seen[0]
            assert [item["end"] for item in again.items.values() if item["kind"] == "end"][-1] == "cut_off"
            assert not seen[1] or "step 0" in str(again.items)
            again.send(type="go_on", request="page:7")
            again.wait_for(lambda: "And on." in str(again.answers))
            assert again.wait_for_end() == "complete"
            assert f"message {number}" in str(server.model.requests[-1].body["messages"])


def test_message_goes_on_where_the_list_of_chats_cannot_be_written(
    server: WebChatServer, open_page: Opener
) -> None:
    name = hashlib.sha256(str(server.root).encode()).hexdigest()
    file = server.home / "state" / "neuroworkflow-agent" / "web" / f"{name}.json"
    file.unlink(missing_ok=True)
    file.mkdir()
    server.model.extend(Reply.text("All the same."))
    page = open_page()
    assert page.ask("go")["type"] == "accepted"
    assert page.wait_for_end() == "complete"
    with server.client() as client:
        answer = client.post(f"/chats/{page.id}/pin", json={"pinned": True})
        assert (answer.status_code, answer.json()["problem"]) == (409, f"Is a directory: '{file}'.")
        assert client.post("/chats", content="[" * 100_000).json()["problem"] == "This is not JSON."
    file.rmdir()
