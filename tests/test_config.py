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
