"""Nodes run on their examples in a process of their own; whatever they do, a finding comes back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.nodes.trial import try_node
from tests.nodes.faults import CORRECT

RATE_EXAMPLE = {
    "parameters": {"window_ms": 500.0},
    "inputs": {"spike_times_ms": {"a": [1.0, 2.0], "b": [700.0]}},
}


def write(
    folder: Path, *edits: tuple[str, str], example: object = RATE_EXAMPLE, node: str = "FiringRateNode"
) -> Path:
    text = (CORRECT / f"{node}.py").read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / f"{node}.py"
    path.write_text(text)
    if example is not None:
        (folder / f"{node}.example.json").write_text(json.dumps(example))
    return path


def codes(path: Path, timeout_s: float = 30.0) -> list[str]:
    return [finding.code for finding in try_node(path, os.environ, timeout_s=timeout_s)]


@pytest.mark.usefixtures("library")
def test_node_runs_on_its_example_and_its_files_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    assert codes(write(tmp_path)) == []
    example = {"inputs": {"results": {"a": 1}}}
    assert codes(write(tmp_path, node="SaveReportNode", example=example)) == []
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".json", ".py", ".py"]


_FIRST = "        window_ms = self._parameters"
_RETURN = 'return {"firing_rate_hz": rates, "population_rate_hz": float(mean if middle is None else middle)}'


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("edits", "example", "code", "told"),
    [
        ((("from typing import Any\n", "from typing import Any\nimport no_such_module\n"),), RATE_EXAMPLE, "NW601", "ModuleNotFoundError"),
        ((("from typing import Any\n", "import sys\nfrom typing import Any\nsys.exit(3)\n"),), RATE_EXAMPLE, "NW601", "SystemExit: 3"),
        ((("super().__init__(name)", "super().__init__(nam)"),), RATE_EXAMPLE, "NW602", "NameError"),
        ((("    def choose(", "    def get_info(self):\n        raise KeyError('x')\n\n    def choose("),), RATE_EXAMPLE, "NW603", "KeyError"),
        (((_FIRST, "        1 / 0\n" + _FIRST),), RATE_EXAMPLE, "NW604", "division by zero"),
        (((_RETURN, 'return {"firing_rate_hz": rates, "population_rate_hz": None}'),), RATE_EXAMPLE, "NW605", "population_rate_hz"),
        (((_RETURN, 'return {"firing_rate_hz": rates, "population_rate_hz": str(mean)}'),), RATE_EXAMPLE, "NW311", "its value is a str"),
        (((_FIRST, "        import os\n        os._exit(7)\n" + _FIRST),), RATE_EXAMPLE, "NW607", "exit code 7, during the run"),
        (((_FIRST, "        import os\n        os.kill(os.getpid(), 11)\n" + _FIRST),), RATE_EXAMPLE, "NW607", "signal 11"),
        ((), {"parameters": {"window_ms": -1}}, "NW608", "below"),
        ((), {"inputs": {"nothing": 1}}, "NW608", "nothing"),
        ((), {}, "NW608", "spike_times_ms"),
        ((), [], "NW608", "AttributeError"),
        ((), None, "NW609", "FiringRateNode.example.json"),
    ],
)  # fmt: skip
def test_what_fails_is_told(
    edits: tuple[tuple[str, str], ...], example: object, code: str, told: str, tmp_path: Path
) -> None:
    (found,) = try_node(write(tmp_path, *edits, example=example), os.environ)
    assert found.code == code
    assert told in found.text


def test_library_that_is_older_than_a_field_is_named(tmp_path: Path, library: Path) -> None:
    old = tmp_path / "old" / "neuroworkflow"
    shutil.copytree(library / "neuroworkflow", old)
    schema = old / "core" / "schema.py"
    schema.write_text(schema.read_text().replace('    stage: str = ""\n', ""))
    (found,) = try_node(write(tmp_path), {**os.environ, "PYTHONPATH": str(tmp_path / "old")})
    assert found.code == "NW601"
    assert "unexpected keyword argument 'stage'" in found.message
    assert "may be older" in found.remedy


@pytest.mark.usefixtures("library")
def test_place_of_an_error_is_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, ("from typing import Any\n", "from typing import Any\nimport no_such_module\n"))
    (found,) = try_node(path, os.environ)
    assert path.read_text().splitlines()[found.line - 1] == "import no_such_module"


@pytest.mark.usefixtures("library")
@pytest.mark.waits
def test_endless_node_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = f"sleep 98.{os.getpid()}"
    endless = f"        import subprocess\n        subprocess.Popen('exec {mark}', shell=True)\n        while True: pass\n"
    path = write(tmp_path, (_FIRST, endless + _FIRST))
    assert codes(path, timeout_s=3.0) == ["NW606"]
    deadline = time.monotonic() + 5
    while any(mark in " ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_the_library_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = tmp_path / "ran"
    path = write(
        tmp_path, ("from typing import Any\n", f"from typing import Any\nopen({str(proof)!r}, 'w')\n")
    )
    assert codes(path) == ["NW609"]
    assert not proof.exists()


def test_library_of_the_same_name_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "site" / "neuroworkflow"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise RuntimeError('an MRI tool')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (found,) = try_node(write(tmp_path), os.environ)
    assert found.code == "NW609"
    assert "PyPI" in found.remedy


def test_library_of_the_repository_around_the_file_is_used(tmp_path: Path, library: Path) -> None:
    nodes = tmp_path / "src" / "neuroworkflow" / "nodes" / "analysis"
    nodes.mkdir(parents=True)
    (tmp_path / "src" / "neuroworkflow" / "__init__.py").touch()
    (tmp_path / "src" / "neuroworkflow" / "core").symlink_to(library / "neuroworkflow" / "core")
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert try_node(write(nodes), environ) == []


@pytest.mark.usefixtures("library")
def test_file_called_like_a_module_that_the_trial_needs_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "json.py"
    path.write_text((CORRECT / "IafNeuronNode.py").read_text())
    (found,) = try_node(path, os.environ)
    assert found.code == "NW604"
    assert "No module named 'nest'" in found.text


@pytest.mark.usefixtures("library")
def test_command_runs_nodes_without_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret-0001")
    assert "ANTHROPIC_API_KEY" not in AgentConfig.from_env().harmless_environ
    proof = tmp_path / "seen"
    told = f"        import os\n        open({str(proof)!r}, 'w').write(str(os.environ.get('ANTHROPIC_API_KEY')))\n"
    path = write(tmp_path, (_FIRST, told + _FIRST))
    command = [sys.executable, "-m", "neuroworkflow_agent", "check-node", "--run", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert [finding["code"] for finding in json.loads(done.stdout)["findings"]] == ["NW504"], done.stdout
    assert proof.read_text() == "None"
