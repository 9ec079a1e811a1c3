"""The agent beside a notebook, in a real JupyterLab and Notebook 7; only the model is scripted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from neuroworkflow_agent.testing import Reply, Thinking
from neuroworkflow_agent.testing import Text as ModelText
from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.panel.browser.hostile import MARKDOWN, MARKUP
from tests.surfaces.panel.browser.test_hostile import check
from tests.surfaces.side_bar.conftest import (
    OPEN,
    ContextMaker,
    check_that_it_goes_on,
    errors,
    open_side_bar,
    wait_for_chat,
)
from tests.surfaces.side_bar.shared import NAME, LabTab

CLOSE = "() => { window.jupyterapp.shell.currentWidget.close(); }"
NAMES = "[n for n in dir() if not n.startswith('_') and n not in ('In', 'Out', 'exit', 'quit', 'open', 'get_ipython')]"


def test_the_agent_works_beside_the_notebook_and_leaves_no_trace_in_it(
    lab: Lab, new_context: ContextMaker
) -> None:
    page = lab.open(new_context(), "a = 41", "")
    page.tab.get_by_role("button", name="Talk with the agent beside the notebook").click()
    # What is typed while it opens does not reach the notebook, where a key is a command.
    expect(page.tab.locator("#neuroworkflow-agent :focus")).to_have_count(1)
    wait_for_chat(page)
    expect(page.field).to_be_focused()
    # As wide as it opens, all of it can be read.
    assert page.field.evaluate("(field) => field.scrollHeight <= field.clientHeight")
    choices = [page.panel.get_by_label(name, exact=True).bounding_box() for name in ("Mode", "Model")]
    assert [choice is not None and choice["width"] > 90 for choice in choices] == [True, True]
    page.run("a = 41")
    page.ask("What is a + 1?", Reply.code("print(a + 1)"), Reply.text("It is **42**."))
    page.wait_for_end("complete")
    assert "42" in page.transcript
    page.run(f"({NAMES}, len(In))")
    assert page.tab.locator(".jp-OutputArea-output").last.inner_text() == "(['a'], 3)"
    assert page.tab.locator(".jp-Notebook .jp-InputPrompt").last.inner_text() == "[2]:"
    assert errors(page) == []
    # Another browser, in Notebook 7, meets the same conversation, and each hears what is said in the other.
    other = lab.visit(new_context(), app="notebooks")
    open_side_bar(other)
    assert "It is 42." in other.transcript
    other.ask("And now?", Reply.text("As before."))
    page.wait_for_end("complete", 2)
    assert "As before." in page.transcript
    # A page that is loaded anew shows it again by itself.
    page.tab.reload()
    page.wait_for_kernel()
    expect(page.panel.locator(".nwa-end")).to_have_count(2)


WAIT_FOR_GO = """\
import time
from pathlib import Path
Path('here').touch()
while not Path('go').exists(): time.sleep(0.02)
Path('go').unlink(), Path('here').unlink()"""
"""Source that says that it runs, and goes on when the test says so."""


def go(lab: Lab) -> None:
    (lab.root / "go").touch()


def use_kernel(lab: Lab, name: str, notebook: str = "notebook.ipynb") -> None:
    """Have a notebook that is there ask for another kernel."""
    file = lab.root / notebook
    found = json.loads(file.read_text(encoding="utf-8"))
    found["metadata"]["kernelspec"].update(name=name, display_name=name)
    file.write_text(json.dumps(found), encoding="utf-8")


def says(page: Page) -> str:
    """What stands in the side bar where there is no chat."""
    return page.tab.locator(".nwa-says:visible").inner_text()


def test_it_waits_for_the_running_cell_and_stops_the_agent_while_one_runs(
    lab: Lab, new_context: ContextMaker
) -> None:
    page = lab.open(new_context(), "")
    page.run(WAIT_FOR_GO, wait=False)
    page.tab.evaluate(OPEN)
    expect(page.tab.locator(".nwa-says")).to_contain_text("Waiting for the running cell")
    go(lab)
    wait_for_chat(page)
    # The agent's code waits for the user's next cell; Stop waits for nothing.
    page.run(WAIT_FOR_GO, wait=False)
    page.wait_until((lab.root / "here").exists)
    page.ask("Go.", Reply.code("lost = 1"))
    expect(page.panel.locator(".nwa-tool .nwa-state")).to_contain_text("wait")
    # Nor does a page that is loaded anew meanwhile.
    page.tab.reload()
    expect(page.panel.locator(".nwa-tool .nwa-state")).to_contain_text("wait", timeout=40_000)
    page.panel.get_by_role("button", name="Stop").click()
    page.wait_for_end("interrupted")
    assert (lab.root / "here").exists()
    go(lab)
    page.wait_for_kernel()
    assert page.value("'lost' in globals()") == "False"


def test_a_killed_kernel_goes_on_with_the_conversation(lab: Lab, page: LabTab) -> None:
    page.open("a = 1", "", has_own_kernel=True)
    open_side_bar(page)
    page.ask("First.", Reply.text("Answer one."))
    page.wait_for_end("complete")
    page.save()
    page.ask("Second.", Reply.code("import os; os.kill(os.getpid(), 9)"))
    # JupyterLab says that the kernel has been restarted; behind that the side bar has its chat again.
    page.tab.get_by_role("button", name="Ok", exact=True).click(timeout=30_000)
    check_that_it_goes_on(page)
    # The notebook closed, its kernel shut down, and opened again: as it was.
    page.tab.evaluate(CLOSE)
    page.end_kernels()
    page.show(NAME)
    open_side_bar(page)
    expect(page.panel.locator(".nwa-said")).to_have_text(["First.", "Second.", "Third."])
    # A new notebook of the same name has a conversation of its own.
    page.tab.evaluate(CLOSE)
    page.end_kernels()
    page.open("other", has_own_kernel=True)
    open_side_bar(page)
    assert page.panel.locator(".nwa-said").count() == 0


def test_a_kernel_without_the_package_says_how_to_install_it(lab: Lab, page: LabTab, bare: Path) -> None:
    lab.write_notebook(NAME, "")
    use_kernel(lab, "bare")
    page.show(NAME)
    page.wait_for_kernel()
    page.tab.evaluate(OPEN)
    page.tab.get_by_role("button", name="Install …").click()
    assert f"{sys.executable} -m pip install neuroworkflow-agent" in says(page)
    assert not (bare / "installed").exists()
    (bare / "full").touch()
    page.tab.get_by_role("button", name="Run it").click()
    expect(page.tab.locator(".nwa-says pre")).to_have_text("No space left on device <b>here</b>")
    (bare / "full").unlink()
    page.tab.get_by_role("button", name="Try again").click()
    page.tab.get_by_role("button", name="Install …").click()
    page.tab.get_by_role("button", name="Run it").click()
    wait_for_chat(page)
    assert (bare / "installed").read_text() == "install neuroworkflow-agent"
    assert errors(page) == []


def test_a_kernel_of_another_language_and_a_page_without_a_notebook_say_so(lab: Lab, page: LabTab) -> None:
    lab.write_notebook(NAME, "")
    use_kernel(lab, "other")
    page.show(NAME)
    page.tab.evaluate(OPEN)
    expect(page.tab.locator(".nwa-says")).to_contain_text("is other <i>1</i>.")
    page.tab.evaluate(CLOSE)
    page.tab.locator(".jp-Dialog").get_by_role("button", name="Discard").click()
    expect(page.tab.get_by_text("Open a notebook to talk with the agent beside it.")).to_be_visible()


def test_it_follows_the_notebook_and_hands_it_to_the_agent(lab: Lab, page: LabTab) -> None:
    lab.write_notebook("two.ipynb", "two = 2")
    page.open("one = 1", name="one.ipynb")
    open_side_bar(page)
    insert = Reply.tool("mcp__neuroworkflow__cell_insert", source="# by the agent", index=-1)
    page.ask("One.", insert, Reply.text("Done."))
    page.wait_for_end("complete")
    shown = page.tab.locator(".jp-NotebookPanel:visible .jp-Cell .cm-content")
    expect(shown).to_have_text(["one = 1", "# by the agent"])
    assert page.value("len(__import__('ipywidgets').widgets.widget._instances)") == "0"
    page.show("two.ipynb")
    panel = page.tab.locator(".nwa-panel:visible")
    expect(panel.locator(".nwa-empty")).to_be_visible()
    lab.model.extend(Reply.text("The second."))
    panel.get_by_label("Message to the agent").fill("Two.")
    panel.get_by_label("Message to the agent").press("Enter")
    expect(panel.locator(".nwa-answer")).to_contain_text("The second.")
    page.tab.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="one.ipynb").click()
    expect(panel.locator(".nwa-said")).to_have_text(["One."])
    # What is closed and opened again is met as it was.
    page.tab.evaluate(CLOSE)
    page.tab.locator(".jp-Dialog").get_by_role("button", name="Save").click()
    expect(panel.locator(".nwa-said")).to_have_text(["Two."])
    page.show("one.ipynb")
    expect(panel.locator(".nwa-said")).to_have_text(["One."])


NARROW = """\
One `x`, **two**.

| neuron | rate_in_Hz | CV | p_value | spikes | comment |
|---|---|---|---|---|---|
| 27 | 66.25 | 0.071 | 0.0001 | 1324 | fastest |

```python
result = scipy.optimize.curve_fit(model, x, y)
```
"""
LINES = """(cells) => cells.map((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].map(({ top }) => top)).size;
})"""
FROM_END = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight"


def edge(shown: Locator, *sides: str) -> float:
    """One of its edges: where it begins, or that and how large it is."""
    box: Any = shown.bounding_box()
    return float(sum(box[side] for side in sides))


def test_axe_finds_nothing_and_hostile_text_stays_text(lab: Lab, page: LabTab) -> None:
    page.open("a = 1")
    open_side_bar(page)
    page.ask("Hello.", Reply.code("print(1)"), Reply.text(NARROW))
    page.wait_for_end("complete")
    # In a narrow side bar words and numbers stay whole, no button covers code, and the end stays in sight.
    assert page.panel.locator("th, td").evaluate_all(LINES) == [1] * 12
    buttons, code = (
        page.panel.locator(".nwa-answer .nwa-tools"),
        page.panel.locator(".nwa-answer pre > *").first,
    )
    assert edge(buttons, "y", "height") <= edge(code, "y") + 1
    page.field.fill("line\n" * 8)
    page.wait_until(lambda: page.panel.get_by_role("log").evaluate(FROM_END) < 2)
    page.field.fill("")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        change = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        page.tab.evaluate(change, theme)
        page.tab.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=theme)
        found = Axe().run(page.tab, context="#neuroworkflow-agent").response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    hostile = MARKUP + MARKDOWN
    said = "\n\n".join(hostile)
    shown = f"from IPython.display import HTML\nfor v in {hostile!r}: display(HTML(v))"
    page.ask(said, Reply.code(shown), Reply((Thinking(said), ModelText(said))))
    page.wait_for_end("complete", 2)
    check(page, lab)


TURNS = 60
LENGTHEN = f"""\
from neuroworkflow_agent.events import TextDelta, TurnEnd, TurnStart
side_bar = get_ipython().kernel.comm_manager.targets["neuroworkflow_agent.side_bar"].__self__
(chat,) = (each._chat for each in side_bar._chats.values())
def lengthen():
    for n in range({TURNS}):
        for event in TurnStart(f"t{{n}}", f"Question {{n}}?"), TextDelta(f"Answer **{{n}}**."), TurnEnd(f"t{{n}}", "complete", "", None, 1.0):
            chat._view._transcript.handle(event)
    chat._outbox.touch()
chat._portal.post(lengthen)"""
"""A session of many turns, without the time that they would take."""
HOLD = "() => { window.held = []; window.requestIdleCallback = (draw) => window.held.push(draw); }"
GO_ON = (
    "() => { while (window.held.length) window.held.shift()({ didTimeout: true, timeRemaining: () => 0 }); }"
)
TO_MIDDLE = "(log) => { log.scrollTop = log.scrollHeight / 2; }"


def test_a_long_session_is_seen_from_its_end_before_all_of_it_is_drawn(lab: Lab, page: LabTab) -> None:
    page.open("")
    open_side_bar(page)
    page.run(LENGTHEN)
    said = page.panel.locator(".nwa-said")
    expect(said).to_have_count(TURNS)
    page.save()
    page.tab.evaluate(CLOSE)
    page.tab.evaluate(HOLD)
    page.show(NAME)
    expect(said.last).to_have_text(f"Question {TURNS - 1}?")
    log = page.panel.get_by_role("log")
    assert said.count() < TURNS / 2
    assert log.evaluate(FROM_END) < 2
    # Who reads on meanwhile keeps the place.
    log.evaluate(TO_MIDDLE)
    read = said.nth(said.count() // 2)
    text, place = read.inner_text(), read.bounding_box()
    page.tab.evaluate(GO_ON)
    assert said.all_inner_texts() == [f"Question {n}?" for n in range(TURNS)]
    now = page.panel.get_by_text(text, exact=True).bounding_box()
    assert place is not None
    assert now is not None
    assert abs(now["y"] - place["y"]) < 2
    assert errors(page) == []
