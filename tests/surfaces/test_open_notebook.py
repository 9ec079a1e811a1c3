"""The notebook of a shell where no page answers: a real kernel without a front end, and one without subshells."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import EditRefusedError, NotebookError
from neuroworkflow_agent.notebooks.belonging import Belonging
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Insert, Place, Replace
from neuroworkflow_agent.notebooks.page_holder import PageHolder
from neuroworkflow_agent.notebooks.pages import Asker
from neuroworkflow_agent.surfaces import doctor, open_notebook
from neuroworkflow_agent.surfaces.open_notebook import OpenNotebook
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests.surfaces.conftest import SharedKernel


@pytest.fixture
def scripted_model(shared_kernel: SharedKernel) -> ScriptedModel:
    return shared_kernel.model


@pytest.fixture
def workspace(shared_kernel: SharedKernel) -> Path:
    return shared_kernel.workspace


def tool(name: str, **arguments: Any) -> Reply:
    return Reply.tool(f"mcp__neuroworkflow__{name}", **arguments)


def test_where_no_page_answers_new_code_is_proposed_and_the_rest_refused(
    kernel: RealKernel, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(
        tool("notebook_get"),
        tool("cell_insert", source="a = 1", index=-1),
        tool("cell_insert", source="b = 2", index=-1),
        tool("cell_edit", cell="c", old="a", new="b"),
        Reply.text("Done."),
    )
    ran = kernel.run("%chat go")
    assert ran.end == "complete"
    assert ran.reply["payload"] == [{"source": "set_next_input", "text": "a = 1\n\nb = 2", "replace": False}]
    first, second, third, fourth = (
        str(result["content"]) for result in scripted_model.requests[-1].tool_results
    )
    assert "Open it in JupyterLab or Notebook 7" in first
    assert "proposed as one new cell" in second
    assert "proposed as one new cell" in third
    assert "Only new code cells can be added, with cell_insert." in fourth
    assert (
        kernel.run(
            "[name for name in dir() if not name.startswith('_') and name not in ('In', 'Out', 'exit', 'quit', 'get_ipython', 'open')]"
        ).text
        == "[]"
    )


async def test_without_subshells_a_cell_that_runs_is_told_why_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proposed: list[str] = []
    kernel = SimpleNamespace(_supports_kernel_subshells=False)
    shell = SimpleNamespace(kernel=kernel, user_ns={}, set_next_input=proposed.append)
    monkeypatch.setattr(open_notebook, "belonging", lambda *_: Belonging(None, "nobody"))
    document = NotebookDocument(OpenNotebook(shell, dict, in_cell=True))
    await document.edit(Insert("a = 1", Place(index=-1)))
    with pytest.raises(EditRefusedError, match=r"this kernel has no subshells: use ChatPanel\(\)"):
        await document.edit(Replace("c", "a", "b"))
    assert proposed == ["a = 1"]


async def test_turn_that_begins_while_an_earlier_one_looks_has_its_own_cell_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a stopped turn still asks for ends when the next one has begun."""
    portal: Any = SimpleNamespace()
    shell = SimpleNamespace(kernel=SimpleNamespace())
    notebook = OpenNotebook(shell, dict, in_cell=False, portal=portal)

    async def read(holder: PageHolder) -> Any:
        if "first" in holder.running:
            notebook.begin(Asker(cell="second"))
        return holder

    monkeypatch.setattr(PageHolder, "read", read)
    notebook.begin(Asker(cell="first"))
    await notebook.read()
    assert set(notebook.running) == {"second"}


def test_doctor_says_which_notebook_a_kernel_that_started_it_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ipynb"
    path.touch()
    config = AgentConfig.from_env({"JPY_SESSION_NAME": str(path)}, workspace=tmp_path)
    kernel = "kernel-0a0a0a0a-0000-0000-0000-000000000000.json"
    for command, environ, told in (
        (["python", "-f", f"/run/{kernel}"], config.environ, f"{path}, says the kernel's environment"),
        (["python", "-f", f"/run/{kernel}"], {}, "not known: nothing says"),
        (["bash"], config.environ, None),
    ):
        parent = SimpleNamespace(cmdline=lambda command=command: command)
        monkeypatch.setattr("psutil.Process.parents", lambda _self, parent=parent: [parent])
        found = list(doctor._notebook(dataclasses.replace(config, environ=environ)))
        assert [finding.detail[: len(told or "")] for finding in found] == ([told] if told else [])


async def test_a_terminal_is_not_said_to_belong_to_a_notebook_that_is_not_known() -> None:
    document = NotebookDocument(OpenNotebook(SimpleNamespace(set_next_input=print), dict, in_cell=True))
    with pytest.raises(NotebookError) as refused:
        await document.cells()
    assert str(refused.value) == (
        "This is a terminal, which has no notebook. Put what is meant into the message, or name a file of the workspace."
    )
