"""The notebook beside a panel: code that becomes cells, cards that lead to them, and cells that a message points at."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import OPEN, Lab, Page

ANSWER = "Try this:\n\n```python\nrate = 1\nrate\n```\n\nIt prints:\n\n```\nrate\n```\n"
SECOND = "```py\nsecond = 2\n```"


def sources(page: Page) -> list[str]:
    """The notebook's cells as the page has them."""
    found: list[str] = page.tab.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.model.sharedModel.cells.map((cell) => cell.getSource())"
    )
    return found


def expect_sources(page: Page, *wanted: str) -> None:
    """Wait until the cells are these: a click is answered a moment later."""
    page.wait_until(lambda: sources(page) == list(wanted))


def activate(page: Page, index: int) -> None:
    page.tab.evaluate(
        "(index) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index; }", index
    )


def command(page: Page, name: str) -> None:
    page.tab.evaluate("(name) => window.jupyterapp.commands.execute(name)", name)


def buttons(page: Page, name: str) -> Locator:
    return page.panel.get_by_role("button", name=name, exact=True)


def trouble(page: Page) -> Locator:
    return page.panel.locator(".nwa-trouble")


def test_code_becomes_a_cell_below_the_active_one_or_in_its_place(open_panel: Any) -> None:
    page = open_panel(OPEN, "one = 1", "two = 2")
    page.ask("Go.", Reply.code("three = 3"), Reply.text(ANSWER))
    page.wait_for_end("complete")
    insert, replace = buttons(page, "Insert as cell"), buttons(page, "Replace cell")
    expect(insert).to_have_count(2)  # the card's and the answer's; what is no Python has none
    activate(page, 1)
    insert.first.click()  # a click into the panel makes its own cell the active one, which is not meant
    expect_sources(page, OPEN, "one = 1", "three = 3", "two = 2", "")
    insert.last.click()
    expect_sources(page, OPEN, "one = 1", "three = 3", "rate = 1\nrate", "two = 2", "")
    command(page, "notebook:undo-cell-action")
    expect_sources(page, OPEN, "one = 1", "three = 3", "two = 2", "")

    activate(page, 3)
    replace.last.hover()
    expect(replace.last).to_have_attribute("title", "Replace cell [3] (Ctrl+Z in it takes it back)")
    replace.last.click()
    expect_sources(page, OPEN, "one = 1", "three = 3", "rate = 1\nrate", "")
    command(page, "notebook:undo")
    expect_sources(page, OPEN, "one = 1", "three = 3", "two = 2", "")


def test_cell_that_runs_or_is_text_is_not_replaced(open_panel: Any) -> None:
    page = open_panel(OPEN, "import time", "")
    page.ask("Go.", Reply.text(SECOND))
    page.wait_for_end("complete")
    replace = buttons(page, "Replace cell")
    page.tab.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }")
    page.run("while not globals().get('go'): time.sleep(0.05)", wait=False)
    page.tab.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
    )
    activate(page, 3)
    replace.click()
    expect(trouble(page)).to_contain_text("is running. Replace it when it has ended.")
    command(page, "notebook:interrupt-kernel")
    page.tab.wait_for_function("() => window.ran")
    assert "time.sleep" in sources(page)[3]
    activate(page, 1)
    command(page, "notebook:change-cell-to-markdown")
    replace.click()
    expect(trouble(page)).to_contain_text("Cell 2 from the top is not code.")
    assert sources(page)[1] == "import time"


def test_where_no_notebook_can_be_reached_nothing_is_offered_that_needs_one(page: Page) -> None:
    hide = """() => { Object.defineProperty(window.jupyterapp.shell.currentWidget.context, "model", { value: null, configurable: true }); }"""
    page.tab.evaluate(hide)
    try:
        card = Reply.tool("mcp__neuroworkflow__cell_get", cell="any")
        page.ask("Go.", Reply.code("x = 1"), card, Reply.text(ANSWER))
        page.wait_for_end("complete")
        expect(buttons(page, "Copy").first).to_be_visible()
        for name in ("Insert as cell", "Replace cell", "Show cell"):
            expect(buttons(page, name)).to_have_count(0)
    finally:
        page.tab.evaluate("() => { delete window.jupyterapp.shell.currentWidget.context.model; }")


def test_card_of_a_cell_leads_to_it(open_panel: Any) -> None:
    page = open_panel(OPEN, *[f"x{number} = {number}\n" * 8 for number in range(30)])
    ids: list[str] = page.tab.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.model.sharedModel.cells.map((cell) => cell.getId())"
    )
    tool = "mcp__neuroworkflow__cell_get"
    page.ask("Go.", Reply.tool(tool, cell=ids[25]), Reply.tool(tool, cell="gone"), Reply.text("Done."))
    page.wait_for_end("complete")
    cell = page.tab.locator(".jp-Notebook .jp-Cell").nth(25)
    expect(cell).not_to_be_in_viewport()
    buttons(page, "Show cell").first.click()
    expect(cell).to_be_in_viewport()
    assert page.tab.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex") == 25
    buttons(page, "Show cell").last.evaluate("(button) => button.click()")
    expect(trouble(page)).to_contain_text("no cell gone (any more)")


def test_message_points_at_cells_by_number_id_and_selection(open_panel: Any, lab: Lab) -> None:
    page = open_panel(OPEN, "rate = 5\nprint('rate is', rate)", "other = 1")
    page.save()
    options = page.panel.locator(".nwa-completions").get_by_role("option")
    page.field.press_sequentially("Why @ce")
    expect(options).to_have_text(["cella cell, by its [number] or id"])
    page.field.press("Enter")
    expect(options.first).to_contain_text("cell 1")
    page.field.press_sequentially("rate")
    expect(options).to_have_text(["cell 2rate = 5"])
    page.field.press("Enter")
    expect(page.field).to_have_value("Why @cell 2 ")
    page.tab.evaluate(
        """() => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = 2;
            notebook.activeCell.editor.setSelection({ start: { line: 0, column: 0 }, end: { line: 0, column: 5 } });
        }"""
    )
    page.ask("Why @cell 2 and @selection?", Reply.text("So."))
    page.wait_for_end("complete")
    expect(page.panel.get_by_label("Attached", exact=True)).to_have_text("cell [2]selection")
    told = "\n".join(lab.model.requests[-1].user_texts)
    assert "rate = 5\nprint('rate is', rate)\nOutputs:\nrate is 5" in told
    assert "the user has selected:\nother\nThe whole cell:\nother = 1" in told

    page.field.fill("Why @cell 40?")
    page.field.press("Enter")
    expect(trouble(page)).to_contain_text("No cell has the number [40] beside it. Near it are")
    expect(page.field).to_have_value("Why @cell 40?")
