"""A user's token for workflow tools: given as it is, in a file, or by a function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import GatewayError
from neuroworkflow_agent.user_tokens import TokenSource, checked_token

TOKEN = "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"
PROJECT = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize("as_text", [True, False])
def test_file_is_read_each_time(tmp_path: Path, as_text: bool) -> None:
    file = tmp_path / "token"
    source = checked_token(str(file) if as_text else file)
    assert isinstance(source, TokenSource)
    for token in (TOKEN, f"{TOKEN}2"):
        file.write_text(f"{token}\n")
        assert source.read() == token
    assert source.known == {TOKEN, f"{TOKEN}2"}


def test_file_in_the_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".workflow-token").write_text(TOKEN)
    assert AgentConfig.from_env({}, user_token="~/.workflow-token").current_user_token() == TOKEN


def _fails() -> str:
    raise RuntimeError("the login has expired")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (_fails, "function given as user_token failed: RuntimeError: the login has expired"),
        (lambda: None, "gave no token"),
        (lambda: "two\nlines", "gave no token"),
        (lambda: "x" * 20_000, "gave no token"),
        (Path("/nowhere/token"), "'/nowhere/token', given as user_token, cannot be read: No such file"),
        (Path("/"), "cannot be read: Is a directory"),
        (Path("/dev/null"), "gave no token"),
    ],
)
def test_source_without_a_token_says_what_is_wrong(given: Any, said: str) -> None:
    with pytest.raises(GatewayError, match=said):
        AgentConfig.from_env({}, user_token=given).current_user_token()


def test_anything_else_is_refused_with_its_type() -> None:
    with pytest.raises(TypeError, match="a file's path or a function, got int"):
        checked_token(3)  # type: ignore[arg-type]


def test_every_token_it_gave_stays_hidden() -> None:
    tokens = iter((f"{TOKEN}1", f"{TOKEN}2"))
    config = AgentConfig.from_env({}, user_token=lambda: next(tokens))
    assert [config.current_user_token() for _ in range(2)] == [f"{TOKEN}1", f"{TOKEN}2"]
    later = config.with_user_token(f"{TOKEN}3").with_user_token(f"{TOKEN}4")
    assert {f"{TOKEN}{number}" for number in range(1, 5)} <= later.secrets
    assert TOKEN not in repr(later)


# -- the project ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directory", "environ", "project"),
    [
        (f"codes/projects/{PROJECT}", {}, PROJECT),
        (f"codes/projects/{PROJECT}/notebooks/deep", {}, PROJECT),
        (f"codes/projects/{PROJECT}", {"NEUROWORKFLOW_PROJECT_ID": "p-17"}, "p-17"),
        ("codes/projects/not-a-uuid", {}, None),
        (f"projects/{PROJECT}", {}, None),
        (f"codes/projects/{PROJECT}0", {}, None),
    ],
)
def test_project_is_named_or_else_that_of_the_working_directory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    directory: str,
    environ: dict[str, str],
    project: str | None,
) -> None:
    (tmp_path / directory).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / directory)
    assert AgentConfig.from_env(environ).project_id == project
