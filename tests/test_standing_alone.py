"""`gateway` and `nodes` work where neither Claude's SDK nor IPython nor Jupyter is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ABSENT = "claude_agent_sdk", "IPython", "ipykernel", "jupyter_client", "nbclient", "anywidget", "ipywidgets"
PRELUDE = f"""
import importlib, importlib.abc, pkgutil, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())

def import_all(package):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
"""
NODES = """
from pathlib import Path
from neuroworkflow_agent import nodes

import_all(nodes)
folder = Path(sys.argv[1])
report = nodes.check_paths([folder / "nodes"])
print(report.errors, len(report.nodes))
print([port.name for port in nodes.list_nodes([folder / "nodes" / "FiringRateNode.py"])[0].inputs])
flow = nodes.check_workflow(folder / "workflow.ipynb")
print(flow.workflow.order, flow.errors)
print(flow._repr_mimebundle_()["image/svg+xml"][:4])
"""
GATEWAY = """
from starlette.testclient import TestClient
from neuroworkflow_agent import gateway

import_all(gateway)
from neuroworkflow_agent.gateway.app import Gateway
from neuroworkflow_agent.gateway.settings import load_settings

url = f"sqlite:///{sys.argv[1]}/gateway.db"
settings = load_settings(api_key="sk-ant-the-real-key", service_tokens="a-token-of-some-length", database_url=url)
with TestClient(Gateway(settings)) as client:
    print(client.get("/healthz").status_code)
    print(client.post("/api/chat/anthropic/v1/messages", json={}).json()["error"]["type"])
"""
WORKFLOW = """\
from neuroworkflow.core.workflow import WorkflowBuilder
from PoissonPopulationNode import PoissonPopulationNode

files = !ls
population = PoissonPopulationNode("population")
population.set_input("duration_ms", 1000.0)
workflow = WorkflowBuilder("one").add_node(population).build()
"""


def run(code: str, folder: Path) -> list[str]:
    """What a process of its own prints."""
    command = [sys.executable, "-W", "error", "-c", PRELUDE + code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", ABSENT)
def test_absent_modules_cannot_be_imported(name: str, tmp_path: Path) -> None:
    code = f"""
try:
    importlib.import_module({name!r})
except ModuleNotFoundError:
    print("absent")
"""
    assert run(code, tmp_path) == ["absent"]


def test_nodes_are_checked_and_drawn(tmp_path: Path) -> None:
    correct = Path(__file__).parent / "nodes" / "correct"
    (tmp_path / "nodes").symlink_to(correct)
    cells = [new_code_cell("%matplotlib inline"), new_code_cell(WORKFLOW)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "workflow.ipynb")
    errors_and_nodes, inputs, flow, drawing = run(NODES, tmp_path)
    assert errors_and_nodes == f"0 {len(list(correct.glob('*.py')))}"
    assert "spike_times_ms" in inputs
    assert flow == "['population'] 0"
    assert drawing == "<svg"


def test_gateway_answers(tmp_path: Path) -> None:
    assert run(GATEWAY, tmp_path) == ["200", "authentication_error"]
