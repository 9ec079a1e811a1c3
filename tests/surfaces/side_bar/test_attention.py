"""What happens in notebooks that nobody looks at, and how it is answered."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply, ToolCall
from neuroworkflow_agent.testing.lab import TOKEN, Lab
from tests.surfaces.side_bar.conftest import ContextMaker, open_side_bar
from tests.surfaces.side_bar.looks import findings

SHOW = "(path) => { window.jupyterapp.commands.execute('docmanager:open', { path }); }"


@pytest.mark.thorough
def test_a_call_that_waits_in_another_notebook_is_answered_from_the_side_bar(
    lab: Lab, new_context: ContextMaker
) -> None:
    lab.write_notebook("one.ipynb", "one = 1")
    lab.write_notebook("two.ipynb", "two = 2")
    page = lab.visit(new_context(), "one.ipynb")
    page.tab.goto(f"{lab.url}/lab/tree/one.ipynb?token={TOKEN}&reset")
    page.wait_for_kernel()
    open_side_bar(page)
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    go = threading.Event()
    page.ask(
        "Run it.",
        Reply((ToolCall("mcp__neuroworkflow__run_code", {"code": "print(6 * 7)"}),), until=go),
        Reply.text("Done <b>so</b>."),
    )
    page.tab.evaluate(SHOW, "two.ipynb")
    waiting = page.tab.get_by_role("list", name="Notebooks that want you")
    expect(page.tab.locator(".nwa-panel:visible .nwa-empty")).to_be_visible()
    expect(waiting).to_be_hidden()
    go.set()
    expect(waiting).to_contain_text("one.ipynb: the agent asks for permission: Run code")
    icon = page.tab.get_by_role("tab", name="Agent: 1 notebook wants you")
    expect(icon).to_be_visible()
    assert findings(page, "#neuroworkflow-agent") == []
    waiting.get_by_role("button", name="Allow once").click()
    expect(waiting).to_be_hidden()
    expect(icon).to_be_hidden()
    page.tab.evaluate(SHOW, "one.ipynb")
    expect(page.tab.locator(".nwa-panel:visible .nwa-answer")).to_contain_text("Done <b>so</b>.")
    expect(page.tab.locator(".nwa-panel:visible .nwa-tool")).to_contain_text("42")
    # What was said in any notebook of the workspace is found among the sessions.
    page.tab.evaluate(SHOW, "two.ipynb")
    expect(page.tab.locator(".nwa-panel:visible .nwa-empty")).to_be_visible()
    shown = page.tab.locator(".nwa-panel:visible")
    shown.get_by_role("button", name="Sessions").click()
    search = shown.get_by_label("Search in sessions")
    search.fill("DONE <b>")
    expect(shown.locator(".nwa-session:visible")).to_contain_text("Done <b>so</b>.")
    search.fill("nobody said this")
    expect(shown.locator(".nwa-session:visible")).to_have_count(0)
    assert page.errors == []
