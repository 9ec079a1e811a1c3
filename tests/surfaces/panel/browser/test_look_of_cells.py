"""What a turn looks like in a cell: trusted and not, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import BrowserContext

from neuroworkflow_agent.events import (
    Event,
    FileChange,
    Notice,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.surfaces.cell_view import CellView
from neuroworkflow_agent.testing.lab import Lab

TURN, CODE, EDIT = TurnId("turn"), ToolUseId("code"), ToolUseId("edit")
EVENTS: list[Event] = [
    TurnStart(TURN, "Go"),
    Notice("Model: sonnet", is_introduction=True),
    ToolUse(CODE, "run_code", {"code": "rates = [1, 2]  # Hz\nprint('x')"}),
    ToolResult(CODE, "It could not be run.", True),
    ToolUse(EDIT, "Edit", {"file_path": "a.py"}),
    FileChange(EDIT, "a.py", "@@ -1 +1 @@\n-old = 1\n+new = 2"),
    ToolResult(EDIT, "", False),
    TextDelta("Like this:\n\n```python\nsuggested = 1\n```\n"),
    TurnEnd(TURN, "error", "It failed.", None, 1.5),
]
# The contrast of an element's text with what is behind it, by WCAG 2.
CONTRAST = """(element) => {
    const channels = (color) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
        const context = canvas.getContext("2d");
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
    const behind = layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
    const text = over(channels(getComputedStyle(element).color), behind);
    const light = (color) => {
        const [r, g, b] = color.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [high, low] = [light(text), light(behind)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
}"""


def bundles() -> list[dict[str, str]]:
    shown: dict[str, dict[str, str]] = {}

    def publish(
        data: dict[str, str], _metadata: Any, *, transient: dict[str, str], update: bool = False
    ) -> None:
        assert update is (transient["display_id"] in shown)
        shown[transient["display_id"]] = data

    view = CellView(publish, lambda **_: None)
    for event in EVENTS:
        view.handle(event)
        view.tick()
    return list(shown.values())


def test_a_turn_brings_its_style_once() -> None:
    assert [bundle["text/html"].count("<style>") for bundle in bundles()] == [1] + [0] * (len(bundles()) - 1)


@pytest.fixture
def theme(request: pytest.FixtureRequest, lab: Lab) -> Iterator[str]:
    lab.use_theme(request.param)
    yield request.param
    lab.use_theme("JupyterLab Light")


@pytest.mark.parametrize(
    ("theme", "is_trusted"),
    [
        ("JupyterLab Light", False),
        ("JupyterLab Dark", True),
        pytest.param("JupyterLab Light", True, marks=pytest.mark.thorough),
        pytest.param("JupyterLab Dark", False, marks=pytest.mark.thorough),
    ],
    indirect=["theme"],
)
def test_everything_can_be_read_and_code_that_ran_has_a_frame(
    is_trusted: bool, theme: str, lab: Lab, context: BrowserContext
) -> None:
    cell = new_code_cell("%chat go")
    cell.outputs = [new_output("display_data", data=bundle) for bundle in bundles()]
    cell.metadata["trusted"] = is_trusted
    notebook = new_notebook(cells=[cell])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.root / "look.ipynb")
    page = lab.visit(context, "look.ipynb")
    if is_trusted:
        page.tab.evaluate(
            "() => { window.jupyterapp.shell.currentWidget.content.model.cells.get(0).trusted = true }"
        )
    area = page.tab.locator(".jp-OutputArea").first
    area.locator(".nwa-fail").first.wait_for()
    page.wait_until(lambda: (area.locator("style").count() == 1) is is_trusted)
    code = area.locator("details pre.highlight").first
    assert code.evaluate("pre => parseFloat(getComputedStyle(pre).borderTopWidth)") >= 1
    assert code.evaluate("pre => parseFloat(getComputedStyle(pre).paddingLeft)") >= 6
    for element in [
        ".nwa-note",
        ".nwa-fail",
        "pre.highlight code",
        ".gd",
        ".gi",
        ".c1",
        ".k",
        ".s1",
        ".mi",
        ".nb",
        "p",
    ]:
        if element == ".c1" and not is_trusted:
            continue  # then JupyterLab colours comments as it does in its editor, with 3.5
        for found in area.locator(element).all():
            contrast = found.evaluate(CONTRAST)
            assert contrast >= 4.5, (element, theme, contrast)
