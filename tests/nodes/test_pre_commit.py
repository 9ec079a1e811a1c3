"""The checker as a hook of pre-commit and in GitHub Actions, as the documentation shows them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.nodes.faults import CORRECT

ROOT = Path(__file__).parents[2]
_RATE = (CORRECT / "FiringRateNode.py").read_text()
_BIN = Path(sys.executable).parent


def _call(*command: str, folder: Path, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"}
    # A hook of git's that runs these tests has set where its own repository is.
    environ = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    environ |= {"PRE_COMMIT_HOME": str(home or folder / "home"), "PRE_COMMIT_COLOR": "never"}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def examples() -> list[str]:
    """The YAML in the page: pre-commit's, and GitHub's."""
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "nodes.md").read_text(), re.DOTALL)


def test_examples_in_the_page_are_valid(examples: list[str], tmp_path: Path) -> None:
    hooks, workflow = examples
    (tmp_path / "pre-commit.yaml").write_text(hooks)
    (tmp_path / "workflow.yml").write_text(workflow)
    manifest = str(ROOT / ".pre-commit-hooks.yaml")
    for command in (
        ("pre-commit", "validate-config", "pre-commit.yaml"),
        ("pre-commit", "validate-manifest", manifest),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", "workflow.yml"),
    ):
        done = _call(*command, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    (hook,) = yaml.safe_load(hooks)["repos"][0]["hooks"]
    assert hook["id"] in {each["id"] for each in yaml.safe_load(Path(manifest).read_text())}


def test_hook_fixes_and_refuses_the_commit_until_nothing_is_wrong(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    # Installed here already: the environment that pre-commit would make takes minutes and the network.
    hook |= {"language": "system", "args": ["--fix"]}
    config = {"repos": [{"repo": "local", "hooks": [hook]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    node, helper = tmp_path / "FiringRateNode.py", tmp_path / "helpers.py"
    node.write_text(
        _RATE.replace("type=PortType.LIST", "type=list").replace("PortType.FLOAT", "PortType.REAL")
    )
    helper.write_text("x = 1\n")
    for command in (("git", "init", "-q"), ("git", "add", ".")):
        assert _call(*command, folder=tmp_path).returncode == 0
    first = _call("pre-commit", "run", folder=tmp_path)
    assert first.returncode == 1
    assert "files were modified by this hook" in first.stdout
    assert "FiringRateNode.py:" in first.stdout
    assert "error NW301 There is no PortType.REAL." in first.stdout
    assert "helpers.py" not in first.stdout
    node.write_text(node.read_text().replace("PortType.REAL", "PortType.FLOAT"))
    assert node.read_text() == _RATE
    _call("git", "add", ".", folder=tmp_path)
    second = _call("pre-commit", "run", folder=tmp_path)
    assert second.returncode == 0, second.stdout
