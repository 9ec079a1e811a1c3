"""Notebooks of a chat kernel without a browser: run, as `run` and nbclient do it, and verified; saved so that they read well without us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from neuroworkflow_agent.surfaces.chat_kernel.install import install
from neuroworkflow_agent.testing import Failure, Reply, ScriptedModel
from tests.surfaces.headless_process import call, read

pytestmark = [pytest.mark.kernel, pytest.mark.claude]
MARKED = {"neuroworkflow_agent": {"prompt": True}}


@pytest.fixture
def notebook(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Code, a prompt, and a cell that is one by its metadata."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    install(name="talk", prefix=str(tmp_path))
    cells = [
        new_code_cell("x = 41"),
        new_code_cell("%%chat\nadd one,\nplease"),
        new_code_cell("which neuron fires fastest?", metadata=MARKED),
        new_code_cell("print(y)"),
    ]
    kernelspec = {"name": "talk", "display_name": "Talk", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), workspace / "a.ipynb")
    return workspace / "a.ipynb"


ADDED = (Reply.code("y = x + 1\ny"), Reply.text("It is **42**."))
FASTEST = Reply.text("Neuron 7.")


def texts(cell: Any) -> str:
    """What stands below a cell, as a viewer without HTML shows it."""
    found = (output.get("text") or output["data"]["text/plain"] for output in cell.outputs)
    return "\n".join(found)


def test_run_serves_its_prompts_then_a_turn_and_saves_what_reads_well(
    notebook: Path, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(*ADDED, FASTEST, Reply.code("print(y * 2)"), Reply.text("Twice that is 84."))
    code, out, err = call("run", notebook, "and twice that?")
    assert (code, out.splitlines()[-1]) == (0, "Twice that is 84."), err
    said = [request.user_texts[-1] for request in scripted_model.requests]
    assert [any(each.endswith(text) for each in said) for text in ("add one,\nplease", "which neuron fires fastest?")] == [True, True]  # fmt: skip
    saved = read(notebook)
    assert [cell.source for cell in saved.cells[:4]] == [
        "x = 41",
        "%%chat\nadd one,\nplease",
        "which neuron fires fastest?",
        "print(y)",
    ]
    assert "It is **42**." in texts(saved.cells[1])
    assert "Neuron 7." in texts(saved.cells[2])
    assert texts(saved.cells[3]) == "42\n"
    assert [cell.execution_count for cell in saved.cells[:4]] == [1, 2, 3, 4]
    assert any("84" in texts(cell) for cell in saved.cells[4:] if cell.cell_type == "code")
    code, out, err = call("run", notebook, "--verify")
    assert code == 6
    assert "cell 2 was not run: asks the agent; no model is called here" in out
    assert "cell 3 was not run: asks the agent; no model is called here" in out
    assert "name 'y' is not defined" in out


def test_nbclient_runs_them_too(notebook: Path, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(*ADDED)
    read_in = nbformat.read(notebook, as_version=4)
    del read_in.cells[2]  # nbclient sends no metadata
    NotebookClient(read_in, kernel_name="talk", timeout=60, resources={"metadata": {"path": str(notebook.parent)}}).execute()  # fmt: skip
    assert "It is **42**." in texts(read_in.cells[1])
    assert texts(read_in.cells[2]) == "42\n"


def test_prompt_that_fails_ends_the_run(notebook: Path, scripted_model: ScriptedModel) -> None:
    cells = [new_code_cell("%chat add one"), new_code_cell("late = 1")]
    read_in = nbformat.read(notebook, as_version=4)
    nbformat.write(new_notebook(cells=cells, metadata=read_in.metadata), notebook)
    scripted_model.extend(*[Failure(400, "gone")] * 4)
    code, _out, err = call("run", notebook)
    assert code in (1, 4), err
    assert read(notebook).cells[1].execution_count is None


def test_context_runs_its_code_in_a_run_only_where_that_is_allowed(
    notebook: Path, scripted_model: ScriptedModel
) -> None:
    context = notebook.parent / ".claude" / "contexts" / "rig" / "context.yaml"
    context.parent.mkdir(parents=True)
    context.write_text("title: Our rig\nsetup:\n  python: rig = 7\n")
    cells = [new_code_cell("%context rig"), new_code_cell("print(rig)")]
    read_in = nbformat.read(notebook, as_version=4)
    nbformat.write(new_notebook(cells=cells, metadata=read_in.metadata), notebook)
    code, _out, err = call("run", notebook)
    assert code == 1
    assert "its code is not approved, and nobody can be asked here" in err
    assert texts(read(notebook).cells[1]) == ""
    code, _out, err = call("run", notebook, "--allow-context")
    assert (code, texts(read(notebook).cells[1])) == (0, "7\n"), err
    assert scripted_model.requests == []
