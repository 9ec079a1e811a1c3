"""What can be asked of the agent at a cell, in a real JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.side_bar.conftest import errors, open_side_bar
from tests.surfaces.side_bar.looks import findings
from tests.surfaces.side_bar.shared import LabTab

FIXED = "Divide by one:\n\n```python\nrates = [1, 2]\n1 / 1  # <img src=x>\n```\n"


def command(page: Page, name: str) -> None:
    page.tab.evaluate(
        "(name) => { window.jupyterapp.commands.execute(`neuroworkflow-agent:${name}`); }", name
    )


def source(page: Page) -> str:
    """Text of the active cell."""
    found: str = page.tab.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
    )
    return found


def test_an_error_is_explained_and_its_fix_compared_in_the_cell(lab: Lab, page: LabTab) -> None:
    page.open("x = 1", "")
    page.run("rates = [1, 2]\n1 / 0", wait=False)
    at_error = page.tab.get_by_role("group", name="Ask the agent about this error")
    expect(at_error).to_be_visible(timeout=40_000)
    lab.model.extend(Reply.text(FIXED))
    # Nothing was open yet: the button opens the side bar, brings the agent into the kernel, and asks.
    at_error.get_by_role("button", name="Fix with the agent").click()
    expect(page.panel.locator(".nwa-said")).to_have_text("Fix the error of @cell 1.")
    expect(page.panel.locator(".nwa-answer")).to_contain_text("Divide by one")
    assert "ZeroDivisionError" in str(lab.model.requests[-1].body)
    page.panel.get_by_role("button", name="Compare").click()
    change = page.tab.get_by_role("region", name="Change of this cell")
    assert change.locator("pre > div").all_text_contents() == [
        "\xa0rates = [1, 2]",
        "-removed: 1 / 0",
        "+added: 1 / 1  # <img src=x>",
    ]
    assert findings(page, ".nwa-in-cell", ".nwa-on-error", "#neuroworkflow-agent") == []
    change.get_by_role("button", name="Refuse").press("Escape")
    expect(change).to_be_hidden()
    assert source(page) == "rates = [1, 2]\n1 / 0"
    page.panel.get_by_role("button", name="Compare").click()
    change.get_by_role("button", name="Accept").press("Enter")
    assert source(page) == "rates = [1, 2]\n1 / 1  # <img src=x>"
    # A cell that runs through has nothing to fix.
    command(page, "use-cell")
    expect(page.field).to_have_value("@cell 1 ")
    page.tab.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
    expect(at_error).to_be_hidden()
    toolbar = page.tab.locator(".jp-cell-toolbar:visible")
    expect(toolbar.get_by_role("button", name="Explain this cell")).to_be_visible()
    expect(toolbar.get_by_role("button", name="Fix this cell")).to_be_hidden()
    assert errors(page) == []


@pytest.mark.thorough
def test_a_cell_is_changed_by_a_request_in_it(lab: Lab, page: LabTab) -> None:
    page.open("x = 1", "rates = [1, 2]")
    open_side_bar(page)
    page.tab.locator(".jp-Cell").last.locator(".cm-content").click()
    page.tab.keyboard.press("Control+Alt+k")
    request = page.tab.get_by_role("form", name="Request about this cell")
    lab.model.extend(Reply.text("Summed.\n\n```python\nrates = [1, 2]\nsum(rates)\n```"))
    assert findings(page, ".nwa-in-cell") == []
    request.get_by_role("textbox").fill("also sum them")
    request.get_by_role("textbox").press("Enter")
    change = page.tab.get_by_role("region", name="Change of this cell")
    expect(change).to_be_visible()
    # Somebody goes on typing: nothing of theirs is written over.
    page.tab.locator(".jp-Cell").last.locator(".cm-content").click()
    page.tab.keyboard.type("# mine\n")
    change.get_by_role("button", name="Accept").click()
    expect(page.panel.get_by_role("alert")).to_contain_text(
        "The cell has changed meanwhile; nothing was written."
    )
    assert "# mine" in source(page)
    assert "sum(rates)" not in source(page)
    # An answer without code says so, in the field.
    page.tab.keyboard.press("Control+Alt+k")
    lab.model.extend(Reply.text("No."))
    request.get_by_role("textbox").fill("do it")
    request.get_by_role("button", name="Send").click()
    expect(request.get_by_role("status")).to_have_text("The answer has no code; see the chat.")
    request.get_by_role("textbox").press("Escape")
    expect(request).to_be_hidden()
    assert errors(page) == []
