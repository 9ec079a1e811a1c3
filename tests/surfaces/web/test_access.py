"""Who gets into the web chat, and what each answer says of itself."""

from __future__ import annotations

import errno
import logging
import os
import queue
import re
import threading
import time
import webbrowser
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from neuroworkflow_agent.directories import state_directory
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.surfaces.web import access, server
from neuroworkflow_agent.surfaces.web.access import Access, Keys, make_keys
from neuroworkflow_agent.surfaces.web.guard import Guard

KEYS = Keys("right-token", b"secret of the user", "neuroworkflow-8899")
HOME = "http://127.0.0.1:8899"


def client(**more: Any) -> httpx.AsyncClient:
    app = Guard(Access(PlainTextResponse("inside"), KEYS, ["lab.example"]))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOME, **more)


async def test_token_becomes_a_cookie_and_leaves_the_address() -> None:
    async with client() as browser:
        assert (await browser.get("/")).status_code == 403
        answer = await browser.get("/c/one?token=right-token&x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/c/one?x=1")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "right-token" not in cookie
        assert (await browser.get("/")).text == "inside"


async def test_an_address_with_an_older_token_is_good_for_whoever_was_let_in() -> None:
    async with client() as browser:
        assert (await browser.get("/c/one?token=older")).status_code == 403
        await browser.get("/?token=right-token")
        answer = await browser.get("/c/one?token=older")
        assert (answer.status_code, answer.headers["location"]) == (303, "/c/one")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/c/one", "/chats/one/fork"])
async def test_sign_in_works_where_a_chats_page_was_opened(path: str) -> None:
    async with client() as browser:
        page = await browser.get(path)
        assert "not the token" not in page.text
        (action,) = re.findall(r'action="([^"]*)"', page.text)
        (style,) = re.findall(r'stylesheet" href="([^"]*)"', page.text)
        assert page.url.join(style).path == "/static/style.css"
        answer = await browser.post(page.url.join(action), data={"token": "right-token"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_token_can_be_typed() -> None:
    async with client() as browser:
        wrong = await browser.post("/sign-in", data={"token": "wrong"})
        assert (wrong.status_code, "This is not the token of this server" in wrong.text) == (403, True)
        answer = await browser.post("/sign-in", data={"token": " right-token "})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await browser.get("/events")).text == "inside"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "99999999999.",
        f"99999999999.{'0' * 64}",
        KEYS.signed(1_700_000_000),
        "9" * 40 + ".a",
        "é.é",
    ],
)
async def test_cookie_that_is_none_of_ours_does_not_serve(value: str) -> None:
    assert not KEYS.is_good(value)
    assert not Keys("t", b"another secret", KEYS.cookie).is_good(KEYS.signed(2**33))
    assert not Keys("t", KEYS.secret, "neuroworkflow-9000").is_good(KEYS.signed(2**33))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8899", 200), ("localhost:8899", 200), ("[::1]:8899", 200), ("192.168.7.7", 200), ("lab.example", 200),
        ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost.evil.example:8899", 403), ("[::1", 403), ("", 403),
    ],
)  # fmt: skip
async def test_only_names_of_this_server_are_answered(host: str, status: int) -> None:
    async with client(cookies={KEYS.cookie: KEYS.signed(2**33)}) as browser:
        assert (await browser.get("/", headers={"Host": host})).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": HOME}, 200),
        ({"Origin": HOME, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": HOME}, 403),
    ],
)
async def test_pages_of_other_sites_change_nothing(headers: dict[str, str], status: int) -> None:
    async with client(cookies={KEYS.cookie: KEYS.signed(2**33)}) as browser:
        for method in ("POST", "DELETE", "PUT"):
            assert (await browser.request(method, "/chats", headers=headers)).status_code == status


async def test_answers_are_locked_and_the_log_has_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "neuroworkflow_agent.web")
    async with client() as browser:
        for path in ("/", "/healthz", "/?token=right-token", "/?token=wrong-token", "/c/%0aforged"):
            answer = await browser.get(path)
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
    lines = [record.getMessage() for record in caplog.records if record.name == "neuroworkflow_agent.web"]
    assert len(lines) == 5
    assert not [line for line in lines if "token" in line or "\n" in line]


async def test_health_needs_no_cookie() -> None:
    async with client() as browser:
        assert (await browser.get("/healthz")).status_code == 200


def test_secret_outlives_the_server_and_the_token_does_not() -> None:
    first, second = make_keys(1), make_keys(1)
    assert first.secret == second.secret
    assert first.token != second.token
    assert second.is_good(first.signed(2**33))


def test_servers_that_start_at_once_have_one_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    file, turns = state_directory("web") / "secret", count()

    def write_slowly(target: Path, data: bytes) -> None:
        time.sleep(0.01 * next(turns))
        write_private(target, data)

    file.unlink(missing_ok=True)
    monkeypatch.setattr(access, "write_private", write_slowly)
    with ThreadPoolExecutor(8) as pool:
        assert {keys.secret for keys in pool.map(make_keys, range(8))} == {file.read_bytes()}


def test_server_does_not_wait_for_a_browser_in_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    is_served, opened = threading.Event(), queue.SimpleQueue[bool]()
    monkeypatch.setattr(webbrowser, "open", lambda _url: opened.put(is_served.wait(5)))
    with server._browser(f"{HOME}/?token=right-token"):
        is_served.set()
        assert opened.get(timeout=10)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "plant",
    [lambda file: file.write_bytes(b""), lambda file: file.write_bytes(b"short"), os.mkfifo, lambda file: file.symlink_to("/dev/null")],
)  # fmt: skip
def test_what_is_no_secret_is_replaced(plant: Callable[[Path], object]) -> None:
    file = state_directory("web") / "secret"
    file.unlink(missing_ok=True)
    plant(file)
    secret = make_keys(1).secret
    assert len(secret) == 32
    assert make_keys(2).secret == secret == file.read_bytes()


def test_secret_that_cannot_be_kept_is_said() -> None:
    file = state_directory("web") / "secret"
    file.unlink(missing_ok=True)
    file.mkdir()
    with pytest.raises(
        ConfigError, match=r"/secret': Is a directory\. Make room there, or set XDG_STATE_HOME"
    ):
        make_keys(1)
    file.rmdir()


def test_page_is_served_where_no_browser_can_be_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(target: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(server, "write_private", full)
    with server._browser("http://127.0.0.1:8899/?token=x"):
        pass
    said = capsys.readouterr().err
    assert said.startswith("No browser is opened; open the address yourself. No space left on device: '")
