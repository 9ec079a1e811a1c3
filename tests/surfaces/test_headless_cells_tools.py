"""`run` edits and runs the notebook's own cells, with a real kernel and the real CLI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from neuroworkflow_agent.testing import Reply, ScriptedModel, ToolCall
from tests.surfaces.headless_process import call, ours, read, write

TOOLS = "mcp__neuroworkflow__"


@pytest.fixture
def path(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workspace)
    path = workspace / "analysis.ipynb"
    cells = [
        new_markdown_cell("# Rates", id="title"),
        new_code_cell("x = 20", id="data"),
        new_code_cell("print(y)", id="broken"),
        new_code_cell("print('after')", id="after"),
    ]
    write(path, cells)
    return path


def tool(name: str, **arguments: Any) -> Reply:
    return Reply((ToolCall(f"{TOOLS}{name}", arguments),))


def users(notebook: Any) -> list[Any]:
    """Cells that are not the transcript's."""
    return [cell for cell in notebook.cells if "neuroworkflow_agent" not in cell.metadata]


@pytest.mark.kernel
def test_broken_cell_is_mended_in_its_place_and_a_new_one_is_added_and_run(
    path: Path, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(
        tool("notebook_get"),
        tool("cell_edit", cell="broken", old="y", new="x"),
        tool("cell_execute", cell="data", last="after", restart=True),
        Reply.code("scratch = x + 1"),
        tool("cell_insert", source="print(scratch)", index=-1),
        Reply.text("Mended."),
    )
    code, out, err = call("run", path, "mend it", "--json", "--no-scratch")
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["end"], summary["answer"]) == ("complete", "Mended.")
    assert [line for line in err.splitlines() if line.startswith("· ")] == [
        "· Read the notebook",
        "· Edit analysis.ipynb, cell 3 of 4 (broken)",
        "· Run analysis.ipynb, cells 2 to 4 of 4 (data to after), the kernel restarted first",
        "· Run code",
        "· Add to analysis.ipynb, as cell 5 of 5",
    ]
    saved = read(path)
    shown = [
        (cell.source, "".join(output.text for output in cell.get("outputs", ()))) for cell in users(saved)
    ]
    assert shown == [
        ("# Rates", ""),
        ("x = 20", ""),
        ("print(x)", "20\n"),
        ("print('after')", "after\n"),
        ("print(scratch)", ""),
    ]
    assert [cell.get("execution_count") for cell in users(saved)] == [None, 1, 2, 3, None]
    # a new last cell is behind the notebook's own, not behind the transcript
    assert saved.cells[:5] == users(saved)
    assert [cell.cell_type for cell in ours(saved)] == ["markdown", "markdown"]
    outline = str(scripted_model.requests[1].tool_results[0])
    assert "Cell 3 · broken · code · failed" in outline
    assert "scratch" not in ours(saved)[1].source


@pytest.mark.kernel
def test_what_somebody_saved_meanwhile_elsewhere_in_the_notebook_is_kept(
    path: Path, scripted_model: ScriptedModel
) -> None:
    save = (
        "import json, pathlib\nfile = pathlib.Path('analysis.ipynb')\nnotebook = json.loads(file.read_text())\n"
        "notebook['cells'][1]['source'] = 'x = 21'\nfile.write_text(json.dumps(notebook))"
    )
    scripted_model.extend(
        Reply.code(save), tool("cell_edit", cell="after", old="after", new="later"), Reply.text("Done.")
    )
    code, out, err = call("run", path, "go", "--json", "--no-execute")
    assert code == 0, err
    assert json.loads(out)["conflict"] is None
    assert [cell.source for cell in users(read(path))] == ["# Rates", "x = 21", "print(y)", "print('later')"]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("mode", "left"), [("plan", "not allowed in plan mode"), ("read-only", "No such tool")]
)
def test_modes_that_change_nothing_edit_no_cell(
    mode: str, left: str, path: Path, scripted_model: ScriptedModel
) -> None:
    before = nbformat.read(path, as_version=4)
    scripted_model.extend(
        tool("cell_get", cell="data"),
        tool("cell_edit", cell="data", old="20", new="0"),
        Reply.text("I cannot."),
    )
    assert call("run", path, "go", "--no-execute", "--mode", mode)[0] == 0
    assert "x = 20" in str(scripted_model.requests[1].tool_results[0])
    assert left in str(scripted_model.requests[2].tool_results[-1])
    assert users(read(path)) == before.cells


def test_nobody_is_asked_to_allow_what_would_be_refused(path: Path, scripted_model: ScriptedModel) -> None:
    before = nbformat.read(path, as_version=4)
    scripted_model.extend(
        tool("cell_delete", cell="data", hash="of an older text"), Reply.text("It has changed.")
    )
    assert call("run", path, "go", "--no-execute", "--mode", "ask")[0] == 0
    (answer,) = scripted_model.requests[1].tool_results
    assert "was changed since it was read" in str(answer)
    assert "x = 20" in str(answer)
    scripted_model.extend(tool("cell_edit", cell="data", old="20", new="0"))
    assert call("run", path, "go", "--no-execute", "--mode", "ask")[0] == 3
    assert users(read(path)) == before.cells
