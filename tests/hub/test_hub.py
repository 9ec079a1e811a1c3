"""The gateway where it is meant to be: a real JupyterHub, its proxy, two users, real kernels."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from neuroworkflow_agent.testing import Reply, ScriptedModel, Text
from neuroworkflow_agent.testing.jupyterhub import Hub
from neuroworkflow_agent.testing.processes import started_by
from neuroworkflow_agent.testing.real_kernel import SomeonesKernel
from tests.hub.conftest import PASSWORD, REAL_KEY

Kernels = dict[str, SomeonesKernel]


def token_of(hub: Hub, user: str) -> str:
    """What the user's server was given by the Hub; its kernels have it, too."""
    environs = [process.environ() for process in processes_of_users(hub)]
    (token,) = {e["JUPYTERHUB_API_TOKEN"] for e in environs if e.get("JUPYTERHUB_USER") == user}
    return token


def ask(hub: Hub, token: str) -> httpx.Response:
    url = f"{hub.gateway_url}/api/chat/anthropic/v1/messages"
    body = {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": []}
    return httpx.post(url, json=body, headers={"x-api-key": token}, timeout=30)


def processes_of_users(hub: Hub) -> Iterator[psutil.Process]:
    """Servers, kernels and whatever they started."""
    for process, command in started_by(hub.process.pid).items():
        if any(word in " ".join(command) for word in ("singleuser", "ipykernel", "claude")):
            yield process


def test_two_users_chat_and_each_has_their_own_account(
    hub: Hub, model: ScriptedModel, kernels: Kernels
) -> None:
    for user, kernel in kernels.items():
        model.extend(Reply.code("x = 6 * 7; x"), Reply.text(f"Hello {user}."))
        ran = kernel.run("%chat what is six times seven?")
        assert (ran.status, ran.end) == ("ok", "complete"), ran.text
        assert f"Hello {user}." in ran.text
        assert kernel.run("x").text == "42"
    callers = re.findall(r'"caller": "(hub:\w+)".*"purpose": "messages"', hub.log)
    assert set(callers) == {"hub:alice", "hub:bob"}


def test_real_key_is_in_reach_of_no_user(hub: Hub, model: ScriptedModel, kernels: Kernels) -> None:
    """Environments, arguments, open files, everything they wrote, and the log."""
    for kernel in kernels.values():
        model.extend(Reply.text("hi"))
        assert kernel.run("%chat hi").status == "ok"
    found = list(processes_of_users(hub))
    for word in ("singleuser", "ipykernel", "claude"):
        assert started_by(hub.process.pid, word)
    for process in found:
        proc = Path("/proc") / str(process.pid)
        if proc.exists():
            assert REAL_KEY.encode() not in (proc / "environ").read_bytes()
            assert REAL_KEY.encode() not in (proc / "cmdline").read_bytes()
        assert not [file.path for file in process.open_files() if file.path.endswith("/key")]
    assert REAL_KEY not in hub.log
    for file in hub.users.rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert REAL_KEY.encode() not in file.read_bytes(), file
    for kernel in kernels.values():
        searched = kernel.run(
            "import os, pathlib\n"
            "names = [n for n in os.environ if 'KEY' in n]\n"
            "print(names, [pathlib.Path(p) for p in ('/proc/self/environ',) if b'sk-ant' in open(p, 'rb').read()])"
        )
        assert searched.text.strip() == "[] []"


def test_hubs_own_token_is_what_the_hub_gave(hub: Hub) -> None:
    """Nothing of ours stands in for it, and it opens nothing but what a server's token opens."""
    token = token_of(hub, "alice")
    me = httpx.get(f"{hub.url}/hub/api/user", headers={"authorization": f"token {token}"}).json()
    assert me["name"] == "alice"
    given = {scope for scope in me["scopes"] if not scope.startswith("read:")}
    assert given == {
        "access:servers!server=alice/", "access:services!service=neuroworkflow-gateway", "users:activity!user=alice",
    }  # fmt: skip
    assert httpx.get(
        f"{hub.url}/hub/api/users/bob", headers={"authorization": f"token {token}"}
    ).status_code in (403, 404)


def test_a_user_cannot_spend_anothers_budget(hub: Hub, model: ScriptedModel, kernels: Kernels) -> None:
    alice, bob = token_of(hub, "alice"), token_of(hub, "bob")
    model.extend(*[Reply((Text("much"),), input_tokens=600)] * 2, Reply.text("bobs"))
    assert [ask(hub, alice).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(hub, bob).status_code == 200
    refused = kernels["alice"].run("%chat more")
    assert "Your budget for today is used up" in refused.text
    assert refused.end == "limit"


def test_browsers_login_cannot_spend_the_key(hub: Hub, model: ScriptedModel) -> None:
    with httpx.Client(base_url=hub.url, follow_redirects=True, timeout=30) as browser:
        page = browser.get("/hub/login").text
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert xsrf is not None
        form = {"username": "bob", "password": PASSWORD, "_xsrf": xsrf[1]}
        browser.post("/hub/login", data=form)
        assert browser.get("/hub/home").url.path == "/hub/home"
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
        assert cookies
        for origin in (hub.gateway_url, hub.url, f"{hub.url}/services/neuroworkflow-gateway"):
            answer = httpx.post(f"{origin}/v1/messages", json={}, headers={"cookie": cookies})
            assert answer.status_code in (401, 403, 404), (origin, answer.text)
        for cookie in browser.cookies.jar:
            assert ask(hub, (cookie.value or "x").strip('"')).status_code == 401
    assert not model.requests


def test_tokens_that_do_not_count(hub: Hub, model: ScriptedModel) -> None:
    assert ask(hub, "0" * 32).status_code == 401
    assert ask(hub, hub.user_token("bob", scopes=["read:users:name!user"])).status_code == 403
    service = hub.http.headers["authorization"].removeprefix("token ")
    assert ask(hub, service).status_code == 403
    brief = hub.user_token("bob", expires_in=1)
    time.sleep(2.5)
    assert ask(hub, brief).status_code == 401
    assert not model.requests


def test_revoked_token_works_no_longer_than_the_hubs_word_holds(hub: Hub, model: ScriptedModel) -> None:
    model.extend(Reply.text("once"))
    made = hub.http.post("/users/bob/tokens", json={}).json()
    assert ask(hub, made["token"]).status_code == 200
    hub.http.delete(f"/users/bob/tokens/{made['id']}").raise_for_status()
    time.sleep(1.2)
    assert ask(hub, made["token"]).status_code == 401


def test_gateway_is_not_shown_by_the_public_proxy(hub: Hub) -> None:
    for path in (
        "/v1/messages",
        "/api/chat/anthropic/v1/messages",
        "/services/neuroworkflow-gateway/v1/messages",
        "/metrics",
    ):
        assert httpx.post(f"{hub.url}{path}", json={}, follow_redirects=False).status_code in (302, 403, 404)


def test_usage_is_told_by_user(hub: Hub, model: ScriptedModel) -> None:
    model.extend(Reply.text("hi"))
    assert ask(hub, token_of(hub, "bob")).status_code == 200
    rows = json.loads(hub.run_gateway_command("usage", "--json"))
    assert "hub:bob" in {row["account"] for row in rows}


def test_stopped_server_takes_its_token_along(hub: Hub, model: ScriptedModel) -> None:
    hub.start_server("carol")
    token = token_of(hub, "carol")
    model.extend(Reply.text("while it runs"))
    assert ask(hub, token).status_code == 200
    hub.stop_server("carol")
    time.sleep(1.2)
    assert ask(hub, token).status_code == 401
