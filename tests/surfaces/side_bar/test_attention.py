"""What happens in notebooks that nobody looks at, and how it is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from neuroworkflow_agent.testing import Reply, ToolCall
from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.side_bar.conftest import OPEN, ContextMaker, errors, open_side_bar, wait_for_chat
from tests.surfaces.side_bar.looks import findings
from tests.surfaces.side_bar.shared import LabTab

CODE = ToolCall("mcp__neuroworkflow__run_code", {"code": "print(6 * 7)"})
LOOK_AWAY = """(isAway) => {
    Object.defineProperty(document, "hidden", { value: isAway, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Has the page believe that another tab of the browser is shown, which a browser without a screen cannot."""
NOTED = """
window.outside = [];
window.Notification = class extends Notification {
    constructor(title, options) {
        super(title, options);
        window.outside.push(this);
        this.isShown = true;
    }
    close() {
        super.close();
        this.isShown = false;
    }
};
"""
"""Keeps what the browser is asked to show."""


def outside(page: Page) -> list[list[object]]:
    """What the browser was asked to show outside the page, and whether it still does."""
    found: list[list[object]] = page.tab.evaluate("() => window.outside.map((each) => [each.body, each.isShown])")  # fmt: skip
    return found


def noted(context: BrowserContext) -> BrowserContext:
    context.add_init_script(NOTED)
    return context


def test_a_long_turn_tells_of_itself_outside_the_page_once_the_user_has_agreed(
    lab: Lab, lend_kernel: Callable[[str], None], new_context: ContextMaker
) -> None:
    context = noted(new_context())
    lab.write_notebook("long.ipynb", "")
    lend_kernel("long.ipynb")
    context.clock.install()
    # Notebook 7 shows one notebook and no icon of the side bar.
    page = lab.visit(context, "long.ipynb", app="notebooks")
    open_side_bar(page)
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    asks, ends = threading.Event(), threading.Event()
    page.ask("Run it.", Reply((CODE,), until=asks), Reply.text("Done.", until=ends))
    offer = page.tab.get_by_role("button", name="Also tell me outside this page")
    expect(page.panel.get_by_role("button", name="Stop")).to_be_visible()
    expect(offer).to_be_hidden()
    page.tab.clock.fast_forward(21_000)
    context.grant_permissions(["notifications"])
    offer.click()
    expect(offer).to_be_hidden()
    page.tab.evaluate(LOOK_AWAY, True)
    asks.set()
    page.wait_until(lambda: outside(page) == [["long.ipynb: the agent asks for permission: Run code", True]])
    toolbar = page.tab.get_by_role("button", name="Agent: 1 notebook wants you")
    expect(toolbar).to_be_visible()
    # Answered from the list above the chat, it is taken back outside, too.
    page.tab.get_by_role("list", name="Notebooks that want you").get_by_role("button", name="Allow once").click()  # fmt: skip
    page.wait_until(lambda: [is_shown for _, is_shown in outside(page)] == [False])
    expect(toolbar).to_be_hidden()
    page.tab.clock.fast_forward(21_000)
    ends.set()
    page.wait_until(lambda: outside(page)[1:] == [["long.ipynb: the agent is done.", True]])
    expect(toolbar).to_be_visible()
    # Who comes back sees it, and is told no more.
    page.tab.evaluate(LOOK_AWAY, False)
    expect(toolbar).to_be_hidden()
    assert [is_shown for _, is_shown in outside(page)] == [False, False]
    # A click outside leads to the notebook and its chat.
    page.tab.get_by_role("button", name="Collapse right side panel").click()
    expect(page.panel).to_be_hidden()
    page.tab.evaluate("() => window.outside[1].onclick()")
    wait_for_chat(page)
    assert errors(page) == []


@pytest.mark.thorough
def test_a_browser_that_shows_no_notifications_says_so(lab: Lab, new_context: ContextMaker) -> None:
    context = new_context()
    context.add_init_script("Notification.requestPermission = async () => 'denied';")
    lab.write_notebook("long.ipynb", "")
    page = lab.visit(context, "long.ipynb")
    page.tab.clock.install()
    page.tab.evaluate(OPEN)
    wait_for_chat(page)
    goes_on = threading.Event()
    page.ask("Go.", Reply.text("Done.", until=goes_on))
    expect(page.panel.get_by_role("button", name="Stop")).to_be_visible()
    page.tab.clock.fast_forward(21_000)
    page.tab.get_by_role("button", name="Also tell me outside this page").click()
    waiting = page.tab.get_by_role("list", name="Notebooks that want you")
    expect(waiting).to_have_text(
        "This browser does not let the page show notifications; its settings for this site can change that."
    )
    goes_on.set()
    expect(waiting).to_be_hidden()
    assert errors(page) == []


@pytest.mark.thorough
def test_a_call_that_waits_in_another_notebook_is_answered_from_the_side_bar(lab: Lab, page: LabTab) -> None:
    lab.write_notebook("two.ipynb", "two = 2")
    page.open("one = 1", name="one.ipynb")
    open_side_bar(page)
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    go = threading.Event()
    page.ask("Run it.", Reply((CODE,), until=go), Reply.text("Done <b>so</b>."))
    page.show("two.ipynb")
    wait_for_chat(page)
    waiting = page.tab.locator(".nwa-waiting")
    expect(page.tab.locator(".nwa-panel:visible .nwa-empty")).to_be_visible()
    expect(waiting).to_be_hidden()
    go.set()
    expect(waiting).to_have_accessible_name("Notebooks that want you")
    expect(waiting).to_contain_text("one.ipynb: the agent asks for permission: Run code")
    icon = page.tab.get_by_role("tab", name="Agent: 1 notebook wants you")
    expect(icon).to_be_visible()
    assert findings(page, "#neuroworkflow-agent") == []
    waiting.get_by_role("button", name="Allow once").click()
    # Where this is slow, it now says that a long turn has ended.
    expect(waiting).not_to_contain_text("asks for permission")
    page.show("one.ipynb")
    expect(waiting).to_be_hidden()
    expect(icon).to_be_hidden()
    expect(page.tab.locator(".nwa-panel:visible .nwa-answer")).to_contain_text("Done <b>so</b>.")
    expect(page.tab.locator(".nwa-panel:visible .nwa-tool")).to_contain_text("42")
    # What was said in any notebook of the workspace is found among the sessions.
    page.show("two.ipynb")
    expect(page.tab.locator(".nwa-panel:visible .nwa-empty")).to_be_visible()
    shown = page.tab.locator(".nwa-panel:visible")
    shown.get_by_role("button", name="Sessions").click()
    search = shown.get_by_label("Search in sessions")
    search.fill("DONE <b>")
    expect(shown.locator(".nwa-session:visible")).to_contain_text("Done <b>so</b>.")
    search.fill("nobody said this")
    expect(shown.locator(".nwa-session:visible")).to_have_count(0)
    assert errors(page) == []
