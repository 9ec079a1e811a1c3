"""Keyboard, screen reader, themes, small widths, languages."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply, Text, Thinking, ToolCall
from neuroworkflow_agent.testing.lab import Lab, Page
from tests import tiers

RUN_CODE = "mcp__neuroworkflow__run_code"
WAIT_FOR_GO = "import time\nfrom pathlib import Path\nwhile not Path('go').exists(): time.sleep(0.02)"
ANSWER = """\
# Rates

| neuron | rate |
|---|---|
| 0 | 22 |

See [docs](https://example.org). The rate is $\\frac{n}{T}$, `x`, **bold**.

```python
import numpy as np

@decorator
class Neuron(Base):
    \"\"\"Doc.\"\"\"
    def rate(self, n=1, *, kind="a"):  # comment
        return np.sum(self.x) / 2.5 if n else None
```

> quoted

- 発火率は 24 Hz です。
- معدل الإطلاق هو 24 هرتز
"""
CODE = (
    "import pandas as pd, sys, matplotlib.pyplot as plt\nprint('out'); print('err', file=sys.stderr)\n"
    "plt.plot([1, 2]); plt.show()\ndisplay(pd.DataFrame({'rate': [1.5, 2.5]}))\n1/0"
)
MANY = """
from neuroworkflow_agent.events import TextDelta, TurnStart
def add(number=0):
    panel._chat._view._on_event(TurnStart(f"t{number}", f"Question {number}"))
    panel._chat._view._on_event(TextDelta("Answer. " * 50))
    if number < 120:
        panel._chat._portal.post(add, number + 1)
panel._chat._portal.post(add)
"""
LOOKS = [("JupyterLab Dark", 470), ("JupyterLab Light", 1000)]
LOOKS += [("JupyterLab Dark", 1000), ("JupyterLab Light", 470)] * tiers.THOROUGH
QUESTIONS = [{"question": "Which area?", "header": "Area", "multiSelect": False, "options": [{"label": "V1", "description": "primary"}, {"label": "MT", "description": ""}]}]  # fmt: skip


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core finds in the panel."""
    found: Any = Axe().run(page.tab, context=".nwa-panel").response
    return [
        (v["id"], [f"{n['html'][:200]} {n['failureSummary'][:300]}" for n in v["nodes"][:4]])
        for v in found["violations"]
    ]


def fill(page: Page, lab: Lab) -> None:
    """Show one of everything, the last two waiting for the user."""
    (lab.root / "notes.md").write_text("one\ntwo\n", encoding="utf-8")
    edit = ToolCall(
        "Edit", {"file_path": str(lab.root / "notes.md"), "old_string": "two", "new_string": "zwei"}
    )
    read = ToolCall("Read", {"file_path": str(lab.root / "notes.md")})
    cell = ToolCall("mcp__neuroworkflow__cell_get", {"cell": "any"})
    page.ask("日本語で。 Show me.", Reply((Thinking("Hm."), Text("So:"), ToolCall(RUN_CODE, {"code": CODE}))), Reply((read, cell)), Reply((edit,)), Reply.text(ANSWER))  # fmt: skip
    page.wait_for_end("complete", 1)
    page.panel.locator(".nwa-thinking summary").click()
    page.run("undefined_name")
    expect(page.panel.get_by_role("button", name="Fix this")).to_be_visible()
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    page.ask(
        "More.", Reply.code("a = 1"), Reply.tool("AskUserQuestion", questions=QUESTIONS), Reply.text("Good.")
    )
    expect(page.panel.get_by_role("button", name="Allow once")).to_be_visible()


def see_all(page: Page) -> None:
    """Have every item drawn: what is out of sight is not."""
    # The style goes with the panel.
    page.panel.evaluate(
        """(panel) => {
            const style = document.createElement("style");
            style.textContent = ".nwa-panel .nwa-item { content-visibility: visible !important; }";
            panel.append(style);
            panel.style.cssText = "height: 3000px; max-height: none";
        }"""
    )


def look_everywhere(page: Page) -> None:
    """Have axe look at what is shown in each theme and on a narrow screen."""
    for theme, width in LOOKS:
        page.tab.set_viewport_size({"width": width, "height": 900})
        page.tab.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)  # fmt: skip
        page.tab.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        assert violations(page) == [], (theme, width)


def test_axe_finds_nothing(page: Page, lab: Lab) -> None:
    try:
        look_everywhere(page)
        fill(page, lab)
        see_all(page)
        look_everywhere(page)
        page.panel.get_by_role("button", name="Allow once").click()
        expect(page.panel.locator("form")).to_be_visible()
        look_everywhere(page)
        page.panel.get_by_label("MT").check()
        page.panel.get_by_role("button", name="Answer", exact=True).click()
        page.wait_for_end("complete", 2)
        page.panel.get_by_role("button", name="Sessions", exact=True).click()
        page.panel.get_by_role("button", name="Delete", exact=True).click()
        look_everywhere(page)
    finally:
        page.tab.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' })")  # fmt: skip


def test_360_pixels_are_enough(page: Page, lab: Lab) -> None:
    fill(page, lab)
    page.tab.evaluate("document.querySelector('.nwa-panel').style.width = '360px'")
    see_all(page)
    wider = page.panel.evaluate(
        """(panel) => {
            const right = panel.getBoundingClientRect().right;
            const scrolls = (node) => node.closest("pre, .nwa-scroll, .nwa-hidden, select, option, math");
            return [...panel.querySelectorAll("*")]
                .filter((node) => !scrolls(node) && node.getBoundingClientRect().right > right + 1 && node.getBoundingClientRect().width > 0)
                .map((node) => node.outerHTML.slice(0, 200));
        }"""
    )
    assert wider == []
    assert page.panel.locator(".nwa-log").evaluate("log => log.scrollWidth <= log.clientWidth")
    # As in a window of 360 pixels: a card's heading keeps room for its words beside what it is at and "Show cell".
    page.tab.evaluate("document.querySelector('.nwa-panel').style.width = '255px'")
    narrowest = page.panel.evaluate(
        """(panel) => Math.min(...[...panel.querySelectorAll(".nwa-tool")].map((card) => {
            card.classList.add("nwa-of-cell");
            card.querySelector(".nwa-state").textContent = "asks for permission";
            return card.querySelector(".nwa-title").getBoundingClientRect().width;
        }))"""
    )
    assert narrowest >= 90


def test_the_keyboard_alone_reaches_everything(page: Page, lab: Lab) -> None:
    fill(page, lab)
    cells = page.tab.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
    page.field.focus()
    reached = set()
    for _ in range(60):
        page.tab.keyboard.press("Shift+Tab")
        name = page.tab.evaluate(
            "(() => { const a = document.activeElement; return a.closest('.nwa-panel') ? (a.getAttribute('aria-label') || a.textContent || a.tagName).trim().slice(0, 60) : ''; })()"
        )
        reached.add(name)
        if not name:
            break
    for wanted in ("Sessions", "New session", "Fork from here", "Allow once", "Allow for this session", "Deny", "Copy answer", "Insert as cell", "Replace cell", "Show cell", "Session", "Table"):  # fmt: skip
        assert wanted in reached, (wanted, reached)
    # Keys on a button are the button's, not the notebook's: Enter would edit the cell, d d delete it.
    allow = page.panel.get_by_role("button", name="Allow once")
    allow.focus()
    page.tab.keyboard.press("d")
    page.tab.keyboard.press("d")
    page.tab.keyboard.press("Enter")
    expect(page.panel.locator("form")).to_be_visible()
    assert page.tab.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length") == cells
    expect(page.field).to_be_focused()
    page.panel.get_by_label("V1").focus()
    page.tab.keyboard.press("Space")
    page.tab.keyboard.press("Enter")
    page.wait_for_end("complete", 2)
    expect(page.field).to_be_focused()
    page.panel.get_by_role("button", name="Sessions", exact=True).focus()
    page.tab.keyboard.press("Enter")
    expect(page.panel.locator(".nwa-session")).to_be_focused()
    page.tab.keyboard.press("Escape")
    expect(page.panel.get_by_role("button", name="Sessions", exact=True)).to_be_focused()


def test_keys_in_the_field(page: Page, lab: Lab) -> None:
    page.field.focus()
    page.tab.keyboard.type("one")
    page.tab.keyboard.press("Shift+Enter")
    page.tab.keyboard.type("two dd")
    expect(page.field).to_have_value("one\ntwo dd")
    # An input method's Enter chooses a word and sends nothing.
    page.field.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    page.tab.wait_for_timeout(200)
    assert lab.model.requests == []
    lab.model.extend(Reply.text("Yes."))
    page.tab.keyboard.press("Enter")
    page.wait_for_end("complete")
    expect(page.panel.locator(".nwa-said")).to_have_text("one\ntwo dd")
    expect(page.field).to_be_focused()
    page.tab.keyboard.press("ArrowUp")
    expect(page.field).to_have_value("one\ntwo dd")
    # What is not for the panel still is for the notebook.
    before = page.path.stat().st_mtime_ns
    page.tab.keyboard.press("Control+s")
    page.wait_until(lambda: page.path.stat().st_mtime_ns > before)


def test_a_screen_reader_hears_answers_and_requests(page: Page, lab: Lab) -> None:
    live = page.panel.locator("[aria-live=polite]")
    page.ask("Hello.", Reply.text("Good **morning**."))
    expect(live).to_have_text("Good morning.")
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    page.ask("Set.", Reply.code("a = 1"))
    expect(live).to_have_text("The agent asks: Run code")
    page.field.press("Escape")
    expect(live).to_contain_text("interrupted")
    expect(page.panel).to_have_attribute("aria-label", "Chat with the agent")
    expect(page.panel.get_by_role("log")).to_have_attribute("aria-label", "Session")


def test_languages_are_written_in_their_direction(page: Page) -> None:
    page.ask("مرحبا", Reply.text("معدل الإطلاق هو `24 Hz`.\n\n発火率は高い。\n\nPlain."))
    page.wait_for_end("complete")
    assert page.panel.locator(".nwa-said").evaluate("node => getComputedStyle(node).direction") == "rtl"
    paragraphs = page.panel.locator(".nwa-answer p")
    edges = paragraphs.evaluate_all(
        """(all) => all.map((p) => {
            const range = document.createRange();
            range.selectNodeContents(p);
            const text = range.getBoundingClientRect(), box = p.getBoundingClientRect();
            return box.right - text.right < text.left - box.left ? "right" : "left";
        })"""
    )
    assert edges == ["right", "left", "left"]


def test_motion_is_reduced_where_that_is_wished(page: Page) -> None:
    moving = "() => document.getAnimations().filter((a) => a.animationName === 'nwa-pulse').length"
    page.ask("Talk.", Reply.text("word " * 2000, delay_s=0.02))
    expect(page.panel.locator(".nwa-answer")).to_contain_text("word")
    page.tab.emulate_media(reduced_motion="reduce")
    assert page.tab.evaluate(moving) == 0
    page.tab.emulate_media(reduced_motion="no-preference")
    page.wait_until(lambda: page.tab.evaluate(moving) == 1)
    page.field.press("Escape")
    page.wait_for_end("interrupted")


def test_the_reader_is_left_where_they_read(page: Page, lab: Lab) -> None:
    page.ask("Long.", Reply.text("\n\n".join(f"Paragraph {number}." for number in range(80))))
    page.wait_for_end("complete")
    log = page.panel.locator(".nwa-log")
    assert log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 5
    wait = ToolCall(RUN_CODE, {"code": WAIT_FOR_GO})
    page.ask("More.", Reply((Text("word " * 50), wait)), Reply.text("word " * 300, delay_s=0.01))
    expect(page.panel.locator(".nwa-tool .nwa-state")).to_have_text("running")
    log.hover()
    end = log.evaluate("log => log.scrollTop")
    page.tab.mouse.wheel(0, -600)
    page.wait_until(lambda: log.evaluate("log => log.scrollTop") < end - 500)
    page.tab.wait_for_timeout(200)
    before = log.evaluate("log => log.scrollTop")
    (lab.root / "go").touch()
    page.wait_for_end("complete", 2)
    assert log.evaluate("log => log.scrollTop") == before
    page.panel.get_by_role("button", name="Newest").click()
    assert log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 5
    # Much at once is followed as well.
    page.run(MANY)
    page.wait_until(lambda: page.panel.locator(".nwa-user").count() >= 120)
    page.tab.wait_for_timeout(300)
    assert log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 5
