"""The name of a file that the agent has changed opens it: from a cell, from the panel, from a saved session."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output
from playwright.sync_api import BrowserContext, Locator, expect

from neuroworkflow_agent.events import FileChange, ToolResult, ToolUse, TurnEnd, TurnStart
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.surfaces.cell_view import CellView
from neuroworkflow_agent.surfaces.file_links import FileLinks
from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import OPEN, Lab, Page
from tests import needs

NAME, FILE = "spikes and rates.ipynb", "nodes/a b.py"


def cell_of_a_turn() -> Any:
    """A cell whose agent has changed the file."""
    shown: dict[str, dict[str, str]] = {}

    def publish(
        data: dict[str, str], _metadata: Any, *, transient: dict[str, str], update: bool = False
    ) -> None:
        shown[transient["display_id"]] = data

    view = CellView(publish, lambda **_: None, FileLinks(f"/x/{NAME}", Path("/x")).link_to)
    turn, edit = TurnId("turn"), ToolUseId("edit")
    for event in (
        TurnStart(turn, "double tau"),
        ToolUse(edit, "Edit", {"file_path": FILE}),
        FileChange(edit, FILE, "@@ -41 +41 @@\n-tau = 10\n+tau = 20"),
        ToolResult(edit, "", False),
        TurnEnd(turn, "complete", "", None, 1.5),
    ):
        view.handle(event)
        view.tick()
    outputs = [new_output("display_data", data=data) for data in shown.values()]
    return new_code_cell("", outputs=outputs)


def expect_that_it_opens(page: Page, link: Locator, app: str) -> None:
    """The file: in JupyterLab in an editor beside the notebook, in Notebook as text in a tab of its own."""
    expect(link).to_have_text(FILE)
    if app == "lab":
        link.click()
        editor = page.tab.locator(".jp-FileEditor")
        expect(editor).to_contain_text("tau = 20")
        page.tab.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
        expect(editor).to_have_count(0)
        return
    with page.tab.context.expect_page() as opened:
        link.click()
    expect(opened.value.locator("pre")).to_contain_text("tau = 20")
    opened.value.close()


@pytest.mark.parametrize("app", ["lab", pytest.param("notebook", marks=pytest.mark.thorough)])
def test_a_changed_file_is_opened_by_its_name(app: str, lab: Lab, context: BrowserContext) -> None:
    if app == "notebook" and find_spec("notebook") is None:
        needs.missing("Notebook", install='pip install "notebook>=7.4"')
    file = lab.root / FILE
    file.parent.mkdir()
    file.write_text("".join(f"# {n}\n" for n in range(40)) + "tau = 20\n")
    lab.write_notebook(NAME, OPEN)
    notebook = nbformat.read(lab.root / NAME, 4)
    notebook.cells.append(cell_of_a_turn())
    nbformat.write(notebook, lab.root / NAME)
    page = lab.visit(context, NAME, app="lab/tree" if app == "lab" else "notebooks")
    expect_that_it_opens(page, page.tab.locator(".jp-Cell").nth(1).get_by_role("link"), app)
    page.open_panel()
    edit = Reply.tool("Edit", file_path=str(file), old_string="# 39", new_string="# last")
    page.ask("Change it.", Reply.tool("Read", file_path=str(file)), edit, Reply.text("Done."))
    page.wait_for_end("complete")
    card = page.panel.locator(".nwa-tool").last
    expect(card).to_contain_text("@@ -37,5 +37,5 @@")
    expect_that_it_opens(page, card.get_by_role("link"), app)
    expect(card.locator(".nwa-input")).to_be_visible()
    assert page.panel.get_by_role("dialog").count() == 0
    # Without a kernel the saved session has it, too.
    page.save()
    page.wait_until(lambda: "Change it." in page.path.read_text(encoding="utf-8"))
    lab.end_kernels()
    page.tab.reload()
    page.wait_for_kernel()
    expect_that_it_opens(page, page.tab.locator("[class^=nwa-saved-]").get_by_role("link"), app)
