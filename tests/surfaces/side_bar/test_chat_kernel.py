"""What passes through a chat kernel, in the page: a widget, a debugger."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.side_bar.conftest import ContextMaker, errors

SLIDER = "import ipywidgets\nslider = ipywidgets.IntSlider(value=3, description='n')\nslider"
SUM = "total = 0\nfor number in range(3):\n    total += number\nprint('total', total)"


def open_talk(lab: Lab, new_context: ContextMaker, *sources: str) -> Page:
    lab.write_notebook("talk.ipynb", *sources, kernel="talk")
    return lab.visit(new_context(), "talk.ipynb", app="lab/tree")


@pytest.mark.thorough
def test_a_slider_is_moved(lab: Lab, new_context: ContextMaker) -> None:
    page = open_talk(lab, new_context, "")
    page.run(SLIDER)
    handle = page.tab.get_by_role("slider")
    handle.focus()
    handle.press("ArrowRight")
    expect(page.tab.locator(".widget-readout")).to_have_text("4")
    page.tab.evaluate("() => { window.jupyterapp.commands.execute('notebook:insert-cell-below'); }")
    assert page.value("slider.value") == "4"
    page.run("slider.value = 9")
    expect(page.tab.locator(".widget-readout")).to_have_text("9")
    assert errors(page) == []


@pytest.mark.thorough
def test_a_breakpoint_is_reached_and_left(lab: Lab, new_context: ContextMaker) -> None:
    page = open_talk(lab, new_context, SUM)
    page.tab.get_by_role("button", name="Enable Debugger").click()
    expect(page.tab.locator(".jp-DebuggerBugButton[aria-pressed='true']").first).to_be_visible()
    cell = page.tab.locator(".jp-Notebook .jp-Cell").first
    gutter = cell.locator(".cm-breakpoint-gutter .cm-gutterElement")
    expect(gutter.first).to_be_attached()
    line = cell.locator(".cm-line").nth(2).bounding_box()
    place = cell.locator("div.cm-breakpoint-gutter").bounding_box()
    assert line is not None
    assert place is not None
    page.tab.mouse.click(place["x"] + place["width"] / 2, line["y"] + line["height"] / 2)
    page.tab.evaluate(
        "() => { window.ran = false; window.jupyterapp.commands.execute('notebook:run-cell').then(() => { window.ran = true; }); }"
    )
    stack = page.tab.locator(".jp-DebuggerCallstack-body li")
    expect(stack.first).to_contain_text("<module>")
    assert not page.tab.evaluate("() => window.ran")
    for _ in range(3):
        expect(stack.first).to_be_visible()
        page.tab.evaluate("() => window.jupyterapp.commands.execute('debugger:continue')")
        page.tab.wait_for_timeout(500)
    page.tab.wait_for_function("() => window.ran")
    expect(page.tab.locator(".jp-OutputArea-output")).to_have_text("total 3\n")
