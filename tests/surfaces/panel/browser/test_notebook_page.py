"""The agent at the cells of an open notebook: a real page in Chromium, with only the model scripted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from neuroworkflow_agent.notebooks.cells import digest
from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import OPEN, TOKEN, Lab, Page
from tests import tiers
from tests.surfaces.panel.browser.shared import SharedPage

LOAD = "%load_ext neuroworkflow_agent"
WAIT_FOR_GO = "import time\nfrom pathlib import Path\nPath('here').touch()\nwhile not Path('go').exists(): time.sleep(0.02)"
"""Source that says that it runs, and goes on when the test says so."""
DONE = Reply.text("Done.")


def tool(name: str, **arguments: Any) -> Reply:
    return Reply.tool(f"mcp__neuroworkflow__{name}", **arguments)


def cells(page: Page) -> list[dict[str, Any]]:
    """The notebook's cells as the page has them now."""
    found: list[dict[str, Any]] = page.tab.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.model.sharedModel.toJSON().cells"
    )
    return found


def sources(page: Page) -> list[str]:
    return [cell["source"] for cell in cells(page)]


def ids(page: Page) -> list[str]:
    return [cell["id"] for cell in cells(page)]


def answers(lab: Lab) -> list[str]:
    """What the model was answered in the turn so far."""
    return [
        result["content"]
        if isinstance(result["content"], str)
        else "\n".join(block.get("text", "") for block in result["content"])
        for result in lab.model.requests[-1].tool_results
    ]


def refused(lab: Lab) -> list[str]:
    return [
        str(result["content"]) for result in lab.model.requests[-1].tool_results if result.get("is_error")
    ]


def numbers(page: Page) -> list[int | None]:
    return [cell.get("execution_count") for cell in cells(page)]


def shown(cell: dict[str, Any]) -> str:
    return "".join(
        output.get("text") or output.get("ename") or output["data"]["text/plain"]
        for output in cell["outputs"]
    )


def activate(page: Page, index: int, *, edit: bool = False) -> None:
    """Click into a cell, or beside its text for command mode."""
    place = ".cm-content" if edit else ".jp-InputPrompt"
    page.tab.locator(".jp-Notebook .jp-Cell").nth(index).locator(place).first.click()


def wait_here(page: Page, lab: Lab) -> None:
    """Until code of `WAIT_FOR_GO` runs."""
    here = lab.root / "here"
    page.wait_until(here.exists)
    here.unlink()


def go(lab: Lab) -> None:
    (lab.root / "go").touch()


@pytest.fixture
def chat(shared_page: SharedPage) -> Iterator[SharedPage]:
    """The shared tab on a notebook whose last cell is there to ask in; `%chat` is loaded."""
    shared_page.show("a = 1", "b = 2", "c = 3", LOAD)
    shared_page.run(LOAD)
    yield shared_page
    shared_page.run("%unload_ext neuroworkflow_agent")


def test_what_a_person_has_locked_is_left_alone(chat: SharedPage, lab: Lab) -> None:
    page = chat
    first, second, *_ = ids(page)
    document = "window.jupyterapp.shell.currentWidget.context.model"
    page.tab.evaluate(
        f"() => ['editable', 'deletable'].forEach(name => {document}.sharedModel.cells[0].setMetadata(name, false))"
    )
    lab.model.extend(
        tool("cell_get", cell=first),
        tool("cell_edit", cell=first, old="1", new="2"),
        tool("cell_delete", cell=first),
        DONE,
    )
    page.run("%chat go")
    assert [("locked by its metadata" in each) for each in refused(lab)] == [True, True]
    page.tab.evaluate(f"() => ({document}.readOnly = true)")
    lab.model.extend(tool("cell_edit", cell=second, old="2", new="3"), DONE)
    try:
        page.run("%chat go")
        assert "The notebook is read-only in its page" in refused(lab)[-1]
    finally:
        page.tab.evaluate(f"() => ({document}.readOnly = false)")
    assert sources(page)[:2] == ["a = 1", "b = 2"]


def test_cells_are_edited_run_and_taken_back(chat: SharedPage, lab: Lab) -> None:
    page = chat
    first, second, third, last = ids(page)
    activate(page, 2, edit=True)
    page.tab.keyboard.press("End")
    page.tab.keyboard.type("0  # typed, not saved")
    lab.model.extend(
        tool("notebook_get"),
        tool("cell_insert", source="print('hi')\na + 41", after=first),
        tool("cell_edit", cell=third, old="c =", new="d ="),
        tool("cell_move", cell=second, index=-1),
        tool("cell_get", cell=last),
        tool("cell_update", cell=last, source="lost = 1"),
        tool("cell_execute", cell=first, last=third),
        DONE,
    )
    page.run("%chat go")
    assert "Cell 3 · " + third in answers(lab)[0]
    assert [f"The cell '{last}' is running" in text for text in refused(lab)] == [True]
    assert sources(page) == [
        "a = 1",
        "print('hi')\na + 41",
        "d = 30  # typed, not saved",
        "%chat go",
        "b = 2",
    ]
    assert ids(page)[0::2] == [first, third, second]
    # The code ran in order, in the user's namespace, with outputs and numbers in its cells and in no other.
    assert [shown(cell) for cell in cells(page)[:3]] == ["", "hi\n42", ""]
    assert not any(output["output_type"] == "stream" for output in cells(page)[3]["outputs"])
    assert numbers(page) == [3, 4, 5, 2, None]
    assert cells(page)[1]["outputs"][1]["execution_count"] == 4
    page.run("(In[4], Out[4], d)")
    assert shown(cells(page)[-1]) == "(\"print('hi')\\na + 41\", 42, 30)"
    assert numbers(page)[-1] == 6
    # Ctrl+Z in a cell takes back the edit of its text alone; Z in command mode what was done to cells.
    activate(page, 2, edit=True)
    page.tab.keyboard.press("Control+z")
    assert sources(page)[2] == "c = 30  # typed, not saved"
    activate(page, 0)
    page.tab.keyboard.press("z")
    assert ids(page)[2] == second
    page.tab.keyboard.press("z")
    assert ids(page) == [first, second, third, last]
    assert page.errors == []


def test_what_a_person_types_meanwhile_is_never_overwritten(chat: SharedPage, lab: Lab) -> None:
    page = chat
    first, second, third, _ = ids(page)
    lab.model.extend(
        tool("cell_get", cell=first, last=third),
        Reply.code(WAIT_FOR_GO),
        tool("cell_update", cell=first, source="a = 'the agent'"),
        tool("cell_delete", cell=first),
        tool("cell_edit", cell=second, old="b", new="agent_and_b"),
        tool("cell_update", cell=third, source="c = 'the agent'"),
        Reply.code("Path('go').unlink()\n" + WAIT_FOR_GO),
        DONE,
    )
    page.run("%chat go", wait=False)
    wait_here(page, lab)
    activate(page, 0, edit=True)
    page.tab.keyboard.press("End")
    page.tab.keyboard.type("00")
    activate(page, 1, edit=True)
    page.tab.keyboard.press("End")
    page.tab.keyboard.type("1")
    go(lab)
    wait_here(page, lab)
    # The caret is where it was, behind what the agent has put before it.
    page.tab.keyboard.type("2")
    go(lab)
    page.tab.wait_for_function("() => window.ran")
    assert sources(page)[:3] == ["a = 100", "agent_and_b = 212", "c = 'the agent'"]
    assert [("changed since it was read" in text, "a = 100" in text) for text in refused(lab)] == [
        (True, True)
    ] * 2
    page.tab.keyboard.press("Control+z")
    page.tab.keyboard.press("Control+z")
    page.tab.keyboard.press("Control+z")
    assert sources(page)[1] == "b = 2"


def test_two_tabs_a_reload_and_a_restart_in_the_middle(lab: Lab, context: BrowserContext) -> None:
    """One test, since each part needs a kernel and tabs of its own, which take seconds to boot."""
    first = lab.open(context, "a = 1", LOAD, name="own.ipynb")
    first.run(LOAD)
    cell = ids(first)[0]
    second = lab.visit(context, "own.ipynb")
    # The tab that asked is edited, and no other.
    for page, other in ((first, second), (second, first)):
        before = sources(other)
        lab.model.extend(tool("cell_insert", source="new = 1", after=cell), DONE)
        page.run("%chat go")
        assert (sources(page)[1], sources(other)) == ("new = 1", before)
    # It is loaded anew, the other is closed: what was saved is there, and is edited once.
    lab.model.extend(Reply.code(WAIT_FOR_GO), tool("cell_edit", cell=cell, old="1", new="2"), DONE)
    first.save()
    first.run("%chat go", wait=False)
    wait_here(first, lab)
    second.tab.close()
    first.tab.reload()
    first.tab.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length")
    go(lab)
    first.wait_until(lambda: sources(first)[0] == "a = 2")
    first.wait_for_kernel()
    (lab.root / "go").unlink()
    # The kernel ends while the agent runs a cell: that does not seem to run any more, and what was edited stays.
    lab.model.extend(
        tool("cell_update", cell=cell, source=WAIT_FOR_GO, hash=digest("a = 2")),
        tool("cell_execute", cell=cell),
    )
    first.run("%chat go", wait=False)
    wait_here(first, lab)
    prompt = first.tab.locator(".jp-InputPrompt").first
    expect(prompt).to_have_text("[*]:")
    first.tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    expect(prompt).not_to_have_text("[*]:")
    first.wait_for_kernel()
    assert sources(first)[:2] == [WAIT_FOR_GO, "new = 1"]
    lab.model.forget()
    lab.model.extend(
        tool("cell_delete", cell=cell), tool("cell_get", cell=cell), tool("cell_delete", cell=cell), DONE
    )
    first.run(LOAD)
    first.run("%chat go")
    assert sources(first)[0] == "new = 1"
    assert ["Read the cell" in text for text in refused(lab)] == [True]


def test_a_panel_runs_cells_in_order_up_to_the_first_error(shared_page: SharedPage, lab: Lab) -> None:
    page = shared_page
    page.show(OPEN, "order = ['a']\nlen(order)", "order.append('b')\n1 / 0", "order.append('c')", "")
    page.run_all()
    page.panel.wait_for()
    _, good, _bad, rest, last = ids(page)
    page.tab.wait_for_function("() => document.querySelector('.nwa-panel .nwa-status')?.textContent === ''")
    page.ask(
        "Run them.",
        tool("cell_execute", cell=good, last=rest),
        tool("cell_execute", cell=last),
        tool("notebook_search", pattern="order"),
        DONE,
    )
    page.wait_for_end("complete")
    assert [cell["execution_count"] for cell in cells(page)[1:4]] == [4, 5, None]
    assert [shown(cell) for cell in cells(page)[1:4]] == ["1", "ZeroDivisionError", ""]
    assert ["The 1 cells after it were not run" in text for text in refused(lab)] == [True]
    assert answers(lab)[-1].count("line 1: order") == 3
    assert page.value("order") == "['a', 'b']"
    assert numbers(page)[-1] == 6
    # Stop: what the cell has shown until then is in it, and nothing behind it runs.
    page.ask(
        "Stay.",
        tool(
            "cell_update",
            cell=good,
            source="print('so far', flush=True)\n" + WAIT_FOR_GO,
            hash=digest("order = ['a']\nlen(order)"),
        ),
        tool("cell_execute", cell=good, last=rest),
    )
    wait_here(page, lab)
    expect(page.tab.locator(".jp-InputPrompt").nth(1)).to_have_text("[*]:")
    page.wait_until(lambda: shown(cells(page)[1]) == "so far\n")
    page.panel.get_by_role("button", name="Stop").click()
    page.wait_for_end("interrupted", 2)
    page.wait_until(lambda: shown(cells(page)[1]) == "so far\nKeyboardInterrupt")
    expect(page.tab.locator(".jp-InputPrompt").nth(1)).not_to_have_text("[*]:")
    # It has run, so it has a number, as its traceback says.
    assert numbers(page)[1:4] == [7, 5, None]
    # Which notebook this is, as its server says.
    page.run(
        "import os\nfrom neuroworkflow_agent.surfaces.open_notebook import belonging\nprint(belonging(get_ipython(), os.environ))"
    )
    assert shown(cells(page)[-1]).startswith(
        f"Belonging(path=PosixPath('{page.path}'), said_by='the Jupyter server at http://127"
    )


def test_notebook_7_is_edited_as_jupyterlab_is(lab: Lab, context: BrowserContext) -> None:
    lab.write_notebook("seven.ipynb", "a = 1", "%load_ext neuroworkflow_agent\n%chat go")
    tab = context.new_page()
    tab.goto(f"{lab.url}/notebooks/seven.ipynb?token={TOKEN}")
    tab.wait_for_function(
        "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=60_000,
    )
    lab.model.extend(tool("cell_insert", source="a + 41", index=0), tool("notebook_get"), DONE)
    tab.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content").click()
    tab.keyboard.press("Control+Enter")
    expect(tab.locator(".jp-Notebook .jp-Cell")).to_have_count(3)
    expect(tab.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content")).to_have_text("a + 41")
    expect(tab.locator(".jp-Notebook .jp-Cell").last).to_contain_text("Done.")


def test_500_cells_are_outlined_in_100_ms_and_an_undo_brings_a_deleted_one_back_whole(
    shared_page: SharedPage, lab: Lab
) -> None:
    page = shared_page
    page.show(
        "a = 41\nprint('kept')\na + 1",
        *(f"x{number} = {number}\nprint('a line')" for number in range(498)),
        "",
    )
    activate(page, 0)
    page.tab.keyboard.press("Control+Enter")
    page.wait_until(lambda: numbers(page)[0] == 1)
    page.tab.evaluate("() => new Promise((done) => requestIdleCallback(done))")
    before = cells(page)[:-1]
    page.run(MEASURE, wait=False)
    wait_here(page, lab)
    # Between what was read and the edit; it is the page that sees it then.
    page.tab.evaluate(
        "() => jupyterapp.shell.currentWidget.context.model.sharedModel.cells[1].setSource('typed')"
    )
    before[1]["source"] = "typed"
    go(lab)
    page.tab.wait_for_function("() => window.ran")
    took_ms, first_ms, lines = (float(each) for each in shown(cells(page)[-1]).split())
    print(f"first {first_ms:.0f} ms, then {took_ms:.0f} ms")
    assert lines == 500
    assert took_ms < (100 if tiers.THOROUGH else 1_000)  # alone, and beside other tests
    assert cells(page)[:-1] == before
    assert shown(before[0]) == "kept\n42"


MEASURE = """
import asyncio, time
from pathlib import Path
from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Delete, SetSource
from neuroworkflow_agent.surfaces.notebook_page import asker_of
from neuroworkflow_agent.surfaces.open_notebook import OpenNotebook
holder = OpenNotebook(get_ipython(), dict, in_cell=True)
holder.begin(asker_of(get_ipython()))
async def measure():
    document, took = NotebookDocument(holder), []
    for _ in range(6):
        started = time.perf_counter()
        lines = await document.outline()
        took.append(1000 * (time.perf_counter() - started))
    await document.edit(Delete(lines[0].address, lines[0].digest))
    assert len(await document.outline()) == 499
    await document.undo()
    Path("here").touch()
    while not Path("go").exists():
        await asyncio.sleep(0.02)
    try:
        await document.edit(SetSource(lines[1].address, "lost", lines[1].digest))
    except EditRefusedError as refused:
        assert refused.current == "typed"
    else:
        raise AssertionError("It was overwritten.")
    return min(took[1:]), took[0], len(lines)
print(*shared_portal().call(measure()))
"""
