"""The side bar where two people have a notebook open with jupyter-collaboration, of both majors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.mcp.server import collaboration_environ
from tests.surfaces.side_bar.conftest import EXTENSION, ContextMaker, open_side_bar

TO_END = """() => {
    const cell = window.jupyterapp.shell.currentWidget.content.widgets[0];
    cell.editor.setCursorPosition(cell.editor.getPositionAt(cell.model.sharedModel.getSource().length));
    cell.editor.focus();
}"""
ONE = "a = 1\nb = 2"


@pytest.fixture(params=["4", "5"])
def shared_lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """A JupyterLab with collaboration."""
    extensions = tmp_path / "labextensions"
    extensions.mkdir()
    (extensions / "neuroworkflow-agent").symlink_to(EXTENSION)
    options = (
        f"--LabServerApp.extra_labextensions_path={extensions}",
        "--ServerApp.jpserver_extensions={'jupyter_server_ydoc': True, 'jupyter_server_fileid': True}",
    )
    with ScriptedModel() as model:
        lab = Lab(tmp_path / "lab", model, *options, environ=collaboration_environ(request.param))
        yield lab
        lab.end_kernels()
        lab.close()


def tool(name: str, **arguments: Any) -> Reply:
    return Reply.tool(f"mcp__neuroworkflow__{name}", **arguments)


def sources(page: Page) -> list[str]:
    """The notebook's cells as a page has them."""
    found: list[str] = page.tab.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.model.sharedModel.cells.map((cell) => cell.getSource())"
    )
    return found


@pytest.mark.thorough
@pytest.mark.timeout(240)
def test_two_people_and_the_agent_work_in_one_document(shared_lab: Lab, new_context: ContextMaker) -> None:
    lab = shared_lab
    lab.write_notebook("shared.ipynb", ONE, "print('out')")
    notebook = nbformat.read(lab.root / "shared.ipynb", 4)
    first, second = (cell.id for cell in notebook.cells)
    one = lab.visit(new_context(), "shared.ipynb", app="lab/tree")
    other = lab.visit(new_context(), "shared.ipynb", app="notebooks")
    open_side_bar(one)
    open_side_bar(other)
    # Somebody types in one browser, and has not saved; the agent, asked in the other, sees that, and writes beside it.
    other.tab.evaluate(TO_END)
    other.tab.keyboard.type("  # typed")
    one.wait_until(lambda: sources(one)[0] == f"{ONE}  # typed")
    one.ask(
        "Work.",
        tool("cell_get", cell=first),
        tool("cell_edit", cell=first, old="a = 1", new="a = 10"),
        tool("cell_insert", source="new = 3", index=-1),
        tool("cell_execute", cell=second),
        Reply.text("Done."),
    )
    one.wait_for_end("complete")
    assert "# typed" in str(lab.model.requests[-1].body)
    wanted = ["a = 10\nb = 2  # typed", "print('out')", "new = 3"]
    for page in (one, other):
        page.wait_until(lambda page=page: sources(page) == wanted)  # type: ignore[misc]
        expect(page.tab.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")).to_have_text("out\n")
        expect(page.panel.locator(".nwa-answer")).to_contain_text("Done.")
    # Typing goes on while the agent edits the same cell; nothing of either is lost.
    other.ask("More.", tool("cell_edit", cell=first, old="b = 2", new="b = 20"), Reply.text("So."))
    other.tab.evaluate(TO_END)
    other.tab.keyboard.type(" and more")
    one.wait_for_end("complete", 2)
    for page in (one, other):
        page.wait_until(lambda page=page: sources(page)[0] == "a = 10\nb = 20  # typed and more")  # type: ignore[misc]
    one.panel.get_by_role("button", name="Undo").last.click()
    one.panel.get_by_role("dialog").get_by_role("button", name="Undo").click()
    for page in (one, other):
        page.wait_until(lambda page=page: sources(page)[0] == "a = 10\nb = 2  # typed and more")  # type: ignore[misc]
    one.save()
    one.wait_until(lambda: "b = 2  # typed and more" in one.path.read_text(encoding="utf-8"))
