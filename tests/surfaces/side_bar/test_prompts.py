"""Cells of a chat kernel that are made prompts, in the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab, Page
from tests import kernelspecs
from tests.surfaces.side_bar.conftest import ContextMaker, errors
from tests.surfaces.side_bar.looks import findings

QUESTION = "which neuron fires fastest?"
VISIBLE = "() => window.jupyterapp.commands.isVisible('neuroworkflow-agent:toggle-prompt')"
RUN = "() => { window.jupyterapp.commands.execute('notebook:run-cell'); }"
LANGUAGES = "() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.mimeType)"

RESTART = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"


@pytest.fixture
def bash(lab: Lab) -> Iterator[str]:
    """Name of a subkernel that speaks another language."""
    data = Path(lab.env["XDG_DATA_HOME"]) / "jupyter"
    name = kernelspecs.bash(data / "kernels")
    yield name
    shutil.rmtree(data / "kernels" / name)


def kept(page: Page) -> object:
    """What the saved file says of its first cell."""
    page.save()
    return json.loads(page.path.read_text(encoding="utf-8"))["cells"][0]["metadata"].get(
        "neuroworkflow_agent"
    )


def test_a_cell_is_made_a_prompt_and_code_again(lab: Lab, new_context: ContextMaker) -> None:
    lab.write_notebook("talk.ipynb", QUESTION, kernel="talk")
    page = lab.visit(new_context(), "talk.ipynb", app="lab/tree")
    page.tab.wait_for_function(VISIBLE)
    sign = page.tab.locator(".nwa-is-prompt")
    page.tab.locator(".jp-Notebook .jp-InputPrompt").first.click()
    page.tab.keyboard.press("Control+Alt+p")
    expect(sign).to_have_text("For the agent")
    assert findings(page, ".jp-Notebook .nwa-is-prompt") == []
    lab.model.extend(Reply.text("Neuron **7**."))
    page.tab.evaluate(RUN)
    expect(page.tab.locator(".jp-OutputArea-output strong")).to_have_text("7")
    assert lab.model.requests[-1].user_texts[-1].endswith(QUESTION)
    assert kept(page) == {"prompt": True}
    page.tab.reload()
    page.wait_for_kernel()
    expect(sign).to_have_text("For the agent")
    page.tab.locator(".jp-Notebook .jp-InputPrompt").first.click()
    page.tab.keyboard.press("Control+Alt+p")
    expect(sign).to_be_hidden()
    assert kept(page) is None
    page.tab.evaluate(RUN)
    field = page.tab.locator(".jp-Stdin-input")
    expect(page.tab.locator(".jp-Stdin-prompt")).to_contain_text("This is no code of Python. Ask the agent?")
    field.fill("n")
    field.press("Enter")
    expect(page.tab.locator(".jp-OutputArea-output").last).to_contain_text("not found")
    assert errors(page) == []


def test_other_kernels_have_no_prompts(lab: Lab, new_context: ContextMaker) -> None:
    page = lab.open(new_context(), QUESTION, name="plain.ipynb")
    assert not page.tab.evaluate(VISIBLE)


def test_code_is_coloured_as_the_language_that_it_runs_in(
    lab: Lab, new_context: ContextMaker, bash: str
) -> None:
    lab.write_notebook("talk.ipynb", f"%subkernel {bash}", "echo 3", QUESTION, kernel="talk")
    page = lab.visit(new_context(), "talk.ipynb", app="lab/tree")
    page.tab.wait_for_function(VISIBLE)
    page.tab.locator(".jp-Notebook .jp-InputPrompt").last.click()
    page.tab.keyboard.press("Control+Alt+p")
    assert page.tab.evaluate(LANGUAGES) == ["text/x-ipython", "text/x-ipython", "text/x-ipythongfm"]
    page.tab.locator(".jp-Notebook .jp-InputPrompt").first.click()
    page.tab.evaluate(RUN)
    page.tab.wait_for_function(f"() => ({LANGUAGES})()[1] === 'text/x-sh'")
    assert page.tab.evaluate(LANGUAGES) == ["text/x-sh", "text/x-sh", "text/x-ipythongfm"]
    page.tab.evaluate(RESTART)
    page.tab.wait_for_function(f"() => ({LANGUAGES})()[1] === 'text/x-ipython'")
    assert errors(page) == []


def test_the_sign_stands_above_its_cell_in_a_narrow_window(lab: Lab, new_context: ContextMaker) -> None:
    lab.write_notebook("talk.ipynb", QUESTION, "1/0", kernel="talk")
    page = lab.visit(new_context(), "talk.ipynb", app="notebooks")
    page.tab.set_viewport_size({"width": 600, "height": 800})
    page.tab.wait_for_function(VISIBLE)
    page.run("1/0")
    page.tab.locator(".jp-Notebook .jp-InputPrompt").first.click()
    page.tab.keyboard.press("Control+Alt+p")
    editor = page.tab.locator(".jp-Notebook .jp-InputArea-editor").first
    for ours in (page.tab.locator(".nwa-is-prompt"), page.tab.locator(".nwa-on-error")):
        expect(ours).to_be_visible()
        assert left(ours) == left(editor)


def left(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["x"]
