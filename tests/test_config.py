"""Settings: precedence, and refusals that say what would work."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ConfigError


def test_argument_beats_environment_beats_default(tmp_path: Path) -> None:
    environ = {"ANTHROPIC_MODEL": "from-env", "NEUROWORKFLOW_WORKSPACE_ROOT": str(tmp_path)}
    assert AgentConfig.from_env(environ, model="given").model == "given"
    assert AgentConfig.from_env(environ).model == "from-env"
    assert AgentConfig.from_env({}).model is None
    assert AgentConfig.from_env(environ).workspace == tmp_path.resolve()
    assert AgentConfig.from_env({}).workspace == Path.cwd().resolve()


def test_directory_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ConfigError, match="The current directory is gone"):
        AgentConfig.from_env({})
    assert AgentConfig.from_env({}, workspace=tmp_path).workspace == tmp_path.resolve()


def test_none_counts_as_not_given() -> None:
    assert AgentConfig.from_env({"ANTHROPIC_MODEL": "m"}, model=None).model == "m"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"mode": "yolo"}, "mode must be one of edit, ask, plan, read-only, got 'yolo'."),
        ({"max_turns": 0}, "max_turns must be positive, got 0."),
        ({"max_budget_usd": -1.0}, "max_budget_usd must be positive, got -1.0."),
        ({"idle_timeout_s": float("nan")}, "idle_timeout_s must be positive, got nan."),
        ({"model": " "}, "model must be a model name"),
        ({"workspace": "/no/such/place"}, "NEUROWORKFLOW_WORKSPACE_ROOT"),
        ({"skills_dir": "/no/such/place"}, "NEUROWORKFLOW_SKILLS_DIR"),
        ({"cli_path": Path("/no/claude")}, "cli_path"),
        ({"wrong": 1}, "Unknown setting 'wrong'"),
    ],
)
def test_value_that_cannot_work_is_named(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace(".", r"\.")):
        AgentConfig.from_env({}, **arguments)


def test_secrets_are_known_and_not_shown() -> None:
    config = AgentConfig.from_env(
        {"ANTHROPIC_API_KEY": "sk-ant-secret-value", "NEUROWORKFLOW_USER_TOKEN": "short"}
    )
    assert config.secrets == frozenset({"sk-ant-secret-value"})
    assert "sk-ant-secret-value" not in repr(config)


_VALUE = "0123456789abcdef"


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_FOUNDRY_API_KEY",
        "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AZURE_CLIENT_SECRET",
        "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
        "CONFIGPROXY_AUTH_TOKEN",
        "GITHUB_TOKEN",
        "HF_TOKEN",
        "JUPYTERHUB_CRYPT_KEY",
        "NEUROWORKFLOW_GATEWAY_API_KEY",
        "NEUROWORKFLOW_GATEWAY_DATABASE_URL",
        "NEUROWORKFLOW_GATEWAY_METRICS_TOKEN",
        "SOMEBODY_ELSES_API_KEY",
        "lower_api_key",
    ],
)
def test_key_of_any_service_is_a_secret(name: str) -> None:
    config = AgentConfig.from_env({name: _VALUE})
    assert config.secrets == {_VALUE}
    assert config.harmless_environ == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_MCP_OUTPUT_TOKENS", "2500000000000000"),
        ("TOKENIZERS_PARALLELISM", "false but longer"),
        ("OPENAI_API_KEY_FILE", "/run/secrets/openai"),
        ("XAUTHORITY_KEY_HOLDER", _VALUE),
        ("ANTHROPIC_BASE_URL", "https://127.0.0.1:8080"),
    ],
)
def test_what_only_sounds_like_a_key_is_none(name: str, value: str) -> None:
    config = AgentConfig.from_env({name: value})
    assert config.secrets == frozenset()
    assert config.harmless_environ == {name: value}


def test_ordinary_word_under_the_name_of_an_unknown_service_is_not_blanked_out() -> None:
    config = AgentConfig.from_env({"SOME_TOKEN": "disabled"})
    assert config.secrets == frozenset()
    assert config.harmless_environ == {}
