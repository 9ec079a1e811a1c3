"""A key is shown once to its own address, and kept if it is taken there; what serves then."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.credentials import Kind, SignIn, keep, sign_in_file, stored_sign_in
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.models import local_servers
from neuroworkflow_agent.models.access import EndpointAccess
from neuroworkflow_agent.models.choose import ANTHROPIC_URL, choose_endpoint
from neuroworkflow_agent.models.local import weights
from neuroworkflow_agent.models.names import model_names
from neuroworkflow_agent.models.probe import probe
from neuroworkflow_agent.models.sidecar import Sidecar
from neuroworkflow_agent.models.sign_in import NotSignedInError, sign_in

KEY = "sk-a-key-of-some-length"

pytestmark = pytest.mark.server


class _Provider(BaseHTTPRequestHandler):
    """Lists models to who shows the key; says it back to who shows another one."""

    asked: list[tuple[str, dict[str, str]]]
    status = 200
    body: ClassVar[Any] = {"data": [{"id": "qwen3:8b"}]}

    def do_GET(self) -> None:
        shown = {name.lower(): value for name, value in self.headers.items()}
        self.asked.append((self.path, shown))
        status, body = self.status, self.body
        key = shown.get("x-api-key") or shown.get("authorization", "").removeprefix("Bearer ")
        if key != KEY:
            status, body = 401, {"error": {"message": f"Incorrect API key provided: {key}"}}
        self.send_response(status)
        self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(body.encode() if isinstance(body, str) else json.dumps(body).encode())

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[type[_Provider]]:
    handler = type("Handler", (_Provider,), {"asked": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        handler.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield handler
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """No keyring, no local server and no embedded model; LiteLLM if said so."""
    found = importlib.util.find_spec

    def have(*names: str) -> None:
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name: (name in names or None) if name in ("litellm", "xllamacpp") else found(name),
        )

    have()
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    monkeypatch.setattr(weights, "installed", lambda: None)
    monkeypatch.setattr(local_servers, "answering", lambda: iter(()))
    return have


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("anthropic", "/v1/models"),
        ("openai", "/models"),
        ("gateway", "/api/chat/anthropic/v1/models"),
        ("server", "/v1/models"),
    ],
)
def test_key_that_is_taken_is_kept(kind: Kind, path: str, provider: Any) -> None:
    kept = sign_in(kind, f"  {KEY}\r\n", f"{provider.url}/", "some-model")
    assert stored_sign_in() == kept == SignIn(kind, provider.url, KEY, "some-model")
    [(asked, shown)] = provider.asked
    assert asked == path
    assert KEY in str(shown)


@pytest.mark.parametrize("kind", ["anthropic", "openai", "gateway", "server"])
def test_key_that_is_refused_is_not_kept_and_the_reason_is_said(kind: Kind, provider: Any) -> None:
    keep(before := SignIn("anthropic", ANTHROPIC_URL, KEY))
    wrong = "a-wrong-key-0000"
    with pytest.raises(NotSignedInError, match=r"refused the key .HTTP 401: Incorrect API key") as caught:
        sign_in(kind, wrong, provider.url)
    assert wrong not in str(caught.value)
    assert stored_sign_in() == before


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (404, {"error": {"message": "no such page"}}, "HTTP 404: no such page"),
        (200, "<html>Log in to the Wi-Fi</html>", "did not list its models"),
        (302, "", "HTTP 302"),
        (529, {"error": {"message": "overloaded"}}, "HTTP 529: overloaded"),
    ],
)
def test_answer_that_proves_nothing_keeps_nothing_unless_asked(
    status: int, body: Any, says: str, provider: Any
) -> None:
    provider.status, provider.body = status, body
    with pytest.raises(NotSignedInError, match=f"{says}.*--unchecked"):
        sign_in("anthropic", KEY, provider.url)
    assert stored_sign_in() is None
    assert sign_in("anthropic", KEY, provider.url, unchecked=True) == stored_sign_in()
    assert len(provider.asked) == 1  # a key goes nowhere but to its address


def test_no_network_is_said_and_nothing_is_kept() -> None:
    with pytest.raises(NotSignedInError, match=r"does not answer \(Connection refused\).*--unchecked"):
        sign_in("anthropic", KEY, "http://127.0.0.1:1")
    assert stored_sign_in() is None


@pytest.mark.parametrize(
    ("key", "url", "says"),
    [
        ("", "", "No key was given"),
        ("\n \t", "", "No key was given"),
        ("sk ant", "", "one word"),
        ("sk\nant", "", "one word"),
        ("sk-ünïcode", "", "one word"),
        (KEY, "ftp://host", "is not a base URL"),
        (KEY, "https://me:pass-0001@host", "without a user"),
        (KEY, "https://host/?key=pass-0001", "without a user"),
    ],
)
def test_what_cannot_be_a_key_or_an_address_is_sent_nowhere(key: str, url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        sign_in("anthropic", key, url)
    assert "pass-0001" not in str(caught.value)
    assert stored_sign_in() is None


def test_where_a_gateway_serves_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROWORKFLOW_BACKEND_URL", "http://hub:8090")
    with pytest.raises(NotSignedInError, match="gateway at http://hub:8090 serves here"):
        sign_in("anthropic", KEY)


# -- what serves --------------------------------------------------------------------------------------------


def config(tmp_path: Path, model: str | None = None, **environ: str) -> AgentConfig:
    """Settings of a user who has a login with `claude`, too."""
    (tmp_path / ".credentials.json").write_text("{}")
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path), **environ}
    return AgentConfig.from_env(environ, workspace=tmp_path, model=model)


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "you are signed in"),
        ({"ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_API_KEY is set"),
        ({"ANTHROPIC_BASE_URL": "http://elsewhere"}, "ANTHROPIC_BASE_URL is set"),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, "CLAUDE_CODE_USE_BEDROCK is set"),
        ({"OPENAI_API_KEY": "o"}, "OPENAI_API_KEY is set"),
        (
            {"NEUROWORKFLOW_BACKEND_URL": "http://gw", "NEUROWORKFLOW_SERVICE_TOKEN": "t"},
            "NEUROWORKFLOW_BACKEND_URL is set",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["anthropic", "openai", "gateway", "server"])
def test_environment_goes_before_what_is_kept_and_that_before_a_login_of_claude(
    kind: Kind, environ: dict[str, str], why: str, bare: Callable[..., None], tmp_path: Path
) -> None:
    bare("litellm")
    keep(SignIn(kind, "http://127.0.0.1:1", KEY, "m"))
    endpoint = choose_endpoint(config(tmp_path, **environ))
    assert endpoint.why == why
    assert endpoint.is_signed_in == (not environ)
    given = str(endpoint.environ) + str(
        endpoint.server.settings if isinstance(endpoint.server, Sidecar) else ""
    )
    assert (KEY in given) == (not environ and kind != "gateway")
    assert KEY not in repr(endpoint)


def test_anthropics_own_address_is_left_to_the_cli(tmp_path: Path) -> None:
    keep(SignIn("anthropic", ANTHROPIC_URL, KEY))
    endpoint = choose_endpoint(config(tmp_path, "claude-sonnet-4-5"))
    assert (endpoint.name, endpoint.url, endpoint.model) == ("Anthropic", ANTHROPIC_URL, "claude-sonnet-4-5")
    assert "ANTHROPIC_BASE_URL" not in endpoint.environ
    assert endpoint.environ["ANTHROPIC_API_KEY"] == KEY
    assert "sonnet" in model_names(config(tmp_path))


def test_gateway_is_shown_its_token(provider: Any, tmp_path: Path) -> None:
    keep(SignIn("gateway", provider.url, KEY))
    for model in (None, "gateway", "claude-sonnet-4-5"):
        endpoint = choose_endpoint(config(tmp_path, model))
        assert EndpointAccess(endpoint).open()["ANTHROPIC_API_KEY"] == KEY
        assert not probe(endpoint).refusal


def test_server_serves_its_first_model_or_the_one_that_was_named(provider: Any, tmp_path: Path) -> None:
    keep(SignIn("server", provider.url, KEY))
    assert choose_endpoint(config(tmp_path)).model == "qwen3:8b"
    assert choose_endpoint(config(tmp_path, "other")).model == "other"
    assert choose_endpoint(config(tmp_path, provider.url)).environ["ANTHROPIC_API_KEY"] == KEY
    keep(SignIn("server", provider.url, KEY, "phi"))
    assert choose_endpoint(config(tmp_path)).model == "phi"


def test_openais_key_goes_to_its_own_address_only(bare: Callable[..., None], tmp_path: Path) -> None:
    bare("litellm")
    keep(SignIn("openai", "http://provider/v1", KEY, "m"))
    server = choose_endpoint(config(tmp_path)).server
    assert isinstance(server, Sidecar)
    assert server.settings["model"] == "openai/m"
    assert server.settings["keys"] == {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://provider/v1"}
    with pytest.raises(ConfigError, match="neuroworkflow-agent login openai"):
        choose_endpoint(config(tmp_path, "openai:m", OPENAI_BASE_URL="http://elsewhere/v1"))
    other = choose_endpoint(config(tmp_path, "mistral/small")).server
    assert isinstance(other, Sidecar)
    assert other.settings["keys"] == {}


def test_key_serves_where_the_environment_names_its_address_alone(provider: Any, tmp_path: Path) -> None:
    keep(SignIn("anthropic", provider.url, KEY))
    endpoint = choose_endpoint(config(tmp_path, ANTHROPIC_BASE_URL=f"{provider.url}/"))
    assert endpoint.is_signed_in
    assert not probe(endpoint).refusal


def test_key_that_is_refused_later_is_said_with_what_to_do(provider: Any, tmp_path: Path) -> None:
    keep(SignIn("anthropic", provider.url, "expired-key-0000"))
    endpoint = choose_endpoint(config(tmp_path))
    assert probe(endpoint).refusal.endswith("Sign in again: neuroworkflow-agent login.")
    assert endpoint.refused_text.endswith("Sign in again: neuroworkflow-agent login.")


def test_what_cannot_be_used_matters_only_where_it_would_serve(tmp_path: Path) -> None:
    path = sign_in_file()
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(ConfigError, match="is not used"):
        choose_endpoint(config(tmp_path))
    assert choose_endpoint(config(tmp_path, ANTHROPIC_API_KEY="k")).why == "ANTHROPIC_API_KEY is set"
