"""`kernel install`, `list` and `remove`, as a user has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.errors import ConfigError, NoKernelSpecError
from tests.kernelspecs import write_spec


def call(*words: str) -> str:
    done = CliRunner().invoke(app, ["kernel", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's kernelspecs are."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    return tmp_path / "data" / "kernels"


def listed() -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in json.loads(call("list", "--json"))}


def test_chat_kernel_is_installed_listed_and_removed(kernels: Path) -> None:
    write_spec(kernels, "shell", ["shell", "{connection_file}"], "bash")
    said = call("install", "--user", "--subkernel", "shell", "--name", "talk")
    assert said.split() == ["Installed", "'talk'", "in", f"{kernels / 'talk'}."]
    spec = json.loads((kernels / "talk" / "kernel.json").read_text())
    assert (spec["language"], spec["interrupt_mode"], spec["argv"][-1]) == ("bash", "message", "shell")
    assert (kernels / "talk" / "logo-svg.svg").is_file()
    assert listed()["talk"]["has_subkernel"] is True
    assert "talk: NeuroWorkflow (shell); code runs in 'shell'\n" in call("list")
    (kernels / "shell" / "kernel.json").unlink()
    assert "code runs in 'shell', which is not installed" in call("list")
    assert call("remove", "talk").split() == ["Removed", f"{kernels / 'talk'}."]
    assert "talk" not in listed()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["install", "--user", "--subkernel", "no-such"], "no-such"),
        (["install", "--user", "--name", "a b"], "A kernel's name has letters"),
        (["install", "--user", "--name", "."], "A kernel's name has letters"),
        (["install", "--user", "--name", ".."], "A kernel's name has letters"),
        (["install", "--user", "--sys-prefix"], "exclude each other"),
        (["install", "--user", "--name", "taken"], "There is another kernel named 'taken'"),
        (["remove", "taken"], "'taken' is not a chat kernel. Remove it with 'jupyter kernelspec remove taken'."),
        (["remove", "no-such"], "no-such"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(words: list[str], says: str, kernels: Path) -> None:
    write_spec(kernels, "taken", ["shell", "{connection_file}"], "bash")
    with pytest.raises((ConfigError, NoKernelSpecError), match=says.replace("(", "\\(")):
        CliRunner().invoke(app, ["kernel", *words], catch_exceptions=False)
    assert [each.name for each in kernels.iterdir()] == ["taken"]
