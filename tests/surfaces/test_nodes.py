"""From somebody's plain code to nodes, as users do it: `%chat` without the library, a headless run with it, the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from neuroworkflow_agent.nodes.checker import check_paths
from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, ToolCall
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.headless_process import call

EXAMPLES = Path(__file__).parents[2] / ".claude" / "skills" / "notebook-to-nodes" / "examples"
DETECT = (EXAMPLES / "after" / "DetectSpikesNode.py").read_text()
RATE = (EXAMPLES / "after" / "SpikeTrainRateNode.py").read_text()
WORKFLOW = (EXAMPLES / "after" / "spike_rate.py").read_text()
MESSY = """\
import numpy as np
v = np.loadtxt('rec.txt')
thr = -20  # mV?
spk = np.where((v[1:] >= thr) & (v[:-1] < thr))[0] + 1
print(len(spk) / (len(v) * 0.1) * 1000)
"""
FAULTY = (
    DETECT.replace('"detect_spikes"', '"Detect-Spikes"')
    .replace("voltage_mv: list", "voltage: list")
    .replace("pairwise(voltage_mv)", "pairwise(voltage)")
)


def write(name: str, content: str) -> Reply:
    return Reply.tool("Write", file_path=name, content=content)


def tool(name: str, **given: Any) -> Reply:
    return Reply((ToolCall(f"mcp__neuroworkflow__{name}", given),))


def everything(model: ScriptedModel, at: int) -> str:
    return json.dumps(model.requests[at].body, ensure_ascii=False)


def test_messy_script_becomes_checked_nodes_without_the_library(
    start_kernel: Callable[[], RealKernel], scripted_model: ScriptedModel, workspace: Path
) -> None:
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    (workspace / "analysis.py").write_text(MESSY)
    fix = (
        Reply.tool(
            "Edit",
            file_path="nodes/DetectSpikesNode.py",
            old_string='"Detect-Spikes"',
            new_string='"detect_spikes"',
        ),
        write("nodes/DetectSpikesNode.py", DETECT),
    )
    scripted_model.extend(
        Reply.tool("Skill", skill="neuroworkflow:notebook-to-nodes"),
        Reply.tool("Read", file_path="analysis.py"),
        write("nodes/DetectSpikesNode.py", FAULTY),
        *fix,
        write("nodes/SpikeTrainRateNode.py", RATE),
        tool("check_node", paths=["nodes"], run=True),
        Reply.text(
            "Two nodes: **DetectSpikesNode** and **SpikeTrainRateNode**. They were not run: the library is not here."
        ),
    )
    ran = kernel.run("%chat turn this into nodes")
    assert ran.end == "complete"
    closing = ran.outputs[-1]["data"]["text/plain"]
    assert closing.endswith(" · checked: 0 errors")
    # The skill speaks of this folder, and each finding came back in time to be fixed.
    assert f"new nodes: `{workspace}/nodes` (to be created)" in everything(scripted_model, 1)
    assert "np.loadtxt('rec.txt')" in everything(scripted_model, 2)
    assert "NW111" in everything(scripted_model, 3)
    assert "NW406" in everything(scripted_model, 3)
    assert "NW609" in everything(scripted_model, 7)
    assert (workspace / "analysis.py").read_text() == MESSY
    report = check_paths([workspace / "nodes"])
    assert (report.findings, len(report.nodes)) == ([], 2)


@pytest.mark.usefixtures("library")
def test_notebook_becomes_two_connected_nodes_and_an_executed_workflow(
    workspace: Path, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = workspace / "spikes.ipynb"
    notebook.write_bytes((EXAMPLES / "before.ipynb").read_bytes())
    execute = (
        "import sys; sys.path.insert(0, 'nodes')\n"
        "import spike_rate\n"
        "same = abs(spike_rate.run(v.tolist()) - r) < 1e-9\n"
        "spike_rate.rate.get_output('rate_hz'), same"
    )
    scripted_model.extend(
        Reply((Text("I read your notebook."), ToolCall("Read", {"file_path": "spikes.ipynb"}))),
        write("nodes/DetectSpikesNode.py", FAULTY),
        write("nodes/DetectSpikesNode.py", DETECT),
        write("nodes/SpikeTrainRateNode.py", RATE),
        write(
            "nodes/SpikeTrainRateNode.example.json",
            (EXAMPLES / "after" / "SpikeTrainRateNode.example.json").read_text(),
        ),
        write(
            "nodes/DetectSpikesNode.example.json",
            (EXAMPLES / "after" / "DetectSpikesNode.example.json").read_text(),
        ),
        tool("check_node", paths=["nodes"], run=True),
        tool(
            "check_connection",
            output="DetectSpikesNode.spike_times_ms",
            input="SpikeTrainRateNode.spike_times_ms",
        ),
        write("nodes/spike_rate.py", WORKFLOW),
        tool("check_workflow", path="nodes/spike_rate.py"),
        Reply.code(execute),
        Reply.text("The workflow gives 10 Hz, as your notebook does."),
    )
    monkeypatch.chdir(workspace)
    code, out, err = call("run", notebook, "turn this into nodes", "--json")
    assert code == 0, err
    assert json.loads(out)["checked"] == "checked: 0 errors"
    assert "checked: 0 errors" in err
    requests = scripted_model.requests
    answers = [str(request.tool_results[-1]["content"]) for request in requests if request.tool_results]
    assert any(
        "2 files, 2 nodes: 0 errors, 0 warnings" in answer and "NW609" not in answer for answer in answers
    )
    assert any("fits: LIST, and both are in ms" in answer for answer in answers)
    assert any("2 nodes, 2 connections: 0 errors, 0 warnings" in answer for answer in answers)
    cells = nbformat.read(notebook, as_version=4).cells
    ran = next(cell for cell in cells if cell.cell_type == "code" and "spike_rate" in cell.source)
    assert ran.outputs[-1]["data"]["text/plain"] == "(10.0, True)"
    assert cells[-1].source.endswith("*checked: 0 errors*")


def test_hand_written_node_gets_findings_to_act_on(tmp_path: Path) -> None:
    path = tmp_path / "my_node.py"
    path.write_text(
        "import nest\n"
        "from neuroworkflow.core.node import Node\n"
        "from neuroworkflow.core.schema import NodeDefinitionSchema, PortDefinition\n"
        "from neuroworkflow.core.port import PortType\n\n"
        "nest.ResetKernel()\n\n\n"
        "class RateNode(Node):\n"
        "    NODE_DEFINITION = NodeDefinitionSchema(\n"
        "        type='Rate Node',\n"
        "        description='rates',\n"
        "        inputs={'spikes': PortDefinition(type=PortType.ARRAY)},\n"
        "    )\n\n"
        "    def run(self, spikes):\n"
        "        return {'rate': len(spikes) / self._parameters['window']}\n"
    )
    command = [sys.executable, "-m", "neuroworkflow_agent", "check-node", path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    told = {line.split()[2]: line for line in done.stdout.splitlines()}
    assert told.keys() == {
        "NW008",
        "NW111",
        "NW113",
        "NW115",
        "NW116",
        "NW119",
        "NW215",
        "NW301",
        "NW303",
        "NW309",
        "NW412",
        "NW502",
    }
    assert (
        told["NW111"]
        == "my_node.py:11:14: warning NW111 The type 'Rate Node' is not snake_case. Write type='rate_node'."
    )
