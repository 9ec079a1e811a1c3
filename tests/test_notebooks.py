"""The notebooks people start from run from top to bottom, and say what to try next; the model is a recording."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.surfaces.headless_process import call

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
NAMES = ("quickstart", "create_node", "connect_nodes", "brain_viewer", "panel", "hub")


def run(name: str, workspace: Path, *prompt: str) -> tuple[dict[str, Any], Any]:
    """Run a copy of a notebook as CI and people do; its summary and its cells."""
    path = Path(shutil.copy(NOTEBOOKS / f"{name}.ipynb", workspace))
    script = NOTEBOOKS / f"{name}.script.json"
    with contextlib.chdir(workspace):
        code, out, err = call("run", path, *prompt, "--model", f"scripted:{script}", "--json")
    assert code == 0, out + err
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return json.loads(out), notebook.cells


def text_of(cell: Any) -> str:
    """What a code cell shows, as text."""
    return "\n".join(
        str(output.get("text") or output.get("data", {}).get("text/plain") or "") for output in cell.outputs
    )


def cell_with(cells: Any, source: str) -> Any:
    return next(cell for cell in cells if source in cell.source and cell.cell_type == "code")


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_clean_and_says_what_why_and_what_next(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    first = notebook.cells[0].source
    assert first.startswith("# ")
    assert "**What to expect.**" in first
    assert re.search(r"\*\*How long\.\*\* (About \d+ s|Ten minutes) ", first)
    assert "Try" in prose or "to try next" in prose
    assert all(
        not cell.outputs and cell.execution_count is None
        for cell in notebook.cells
        if cell.cell_type == "code"
    )


def test_there_are_no_others() -> None:
    found = {path.stem for path in NOTEBOOKS.glob("*.ipynb") if not path.stem.endswith(".result")}
    assert found == set(NAMES)


@pytest.mark.kernel
def test_quickstart(workspace: Path) -> None:
    summary, cells = run("quickstart", workspace, "Plot the spike raster and tell me the mean firing rate.")
    assert (summary["end"], summary["cells_executed"], summary["cells_added"]) == ("complete", 2, 5)
    assert "image/png" in str(
        [
            output.get("data", {}).keys()
            for cell in cells
            if cell.cell_type == "code"
            for output in cell.outputs
        ]
    )


@pytest.mark.kernel
def test_create_node(workspace: Path) -> None:
    _, cells = run("create_node", workspace)
    asked = text_of(cell_with(cells, "%%chat"))
    assert "Write nodes/BurstIndexNode.py" in asked
    assert asked.endswith("checked: 0 errors")
    assert "(0.75, nan)" in asked
    checked = text_of(cell_with(cells, "print(check_paths"))
    assert checked.startswith("1 file, 1 node: 0 errors, 0 warnings\nburst_index\n")
    assert "NW205" in text_of(cell_with(cells, "copy ="))


@pytest.mark.kernel
@pytest.mark.usefixtures("library")
def test_node_that_was_created_runs(workspace: Path) -> None:
    run("create_node", workspace)
    command = [sys.executable, "-m", "neuroworkflow_agent", "check-node", "--run", "nodes"]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=60, env=os.environ)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.kernel
def test_connect_nodes(workspace: Path) -> None:
    _, cells = run("connect_nodes", workspace)
    fits = text_of(cell_with(cells, "check_ports(output")).splitlines()
    assert [line.split(": ")[1].split(" (")[0] for line in fits if line] == [
        "fits",
        "fits by type",
        "fits by type only",
    ]
    assert text_of(cell_with(cells, "%chat Connect")).endswith("checked: 0 errors")
    drawn = cell_with(cells, "workflow = check_workflow")
    assert drawn.outputs[-1].data["image/svg+xml"].startswith("<svg")
    assert "not installed here" in text_of(cell_with(cells, "has_library"))


@pytest.mark.kernel
@pytest.mark.usefixtures("library")
def test_connect_nodes_with_the_library(workspace: Path) -> None:
    _, cells = run("connect_nodes", workspace)
    assert "neuron_9: " in text_of(cell_with(cells, "has_library"))


@pytest.mark.kernel
def test_brain_viewer(workspace: Path) -> None:
    _, cells = run("brain_viewer", workspace)
    assert (
        len(json.loads((workspace / "results" / "viewer" / "connectivity_data.json").read_text())["regions"])
        == 16
    )
    asked = text_of(cell_with(cells, "%%chat"))
    assert "2 of 12 connections of L_V1 are on screen" in asked
    assert "complete · " in asked


@pytest.mark.kernel
def test_panel(workspace: Path) -> None:
    _, cells = run("panel", workspace)
    widget, saved = (output.data for output in cell_with(cells, "ChatPanel()").outputs)
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert "nwa-saved-" in saved["text/html"]
    assert cell_with(cells, "len(spike_times)").outputs[-1].ename == "NameError"


@pytest.mark.kernel
def test_hub(workspace: Path) -> None:
    _, cells = run("hub", workspace)
    asked = text_of(cell_with(cells, "%chat Look"))
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in asked
    assert "complete · " in asked
