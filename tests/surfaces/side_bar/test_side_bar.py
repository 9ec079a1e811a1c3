"""The agent beside a notebook, in a real JupyterLab and Notebook 7; only the model is scripted."""

from __future__ import annotations

from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import TOKEN, Lab
from tests.surfaces.side_bar.conftest import ContextMaker, open_side_bar, wait_for_chat

NAMES = "[n for n in dir() if not n.startswith('_') and n not in ('In', 'Out', 'exit', 'quit', 'open', 'get_ipython')]"


def test_the_agent_works_beside_the_notebook_and_leaves_no_trace_in_it(
    lab: Lab, new_context: ContextMaker
) -> None:
    page = lab.open(new_context(), "a = 41", "")
    page.tab.get_by_role("button", name="Talk with the agent beside the notebook").click()
    wait_for_chat(page)
    page.run("a = 41")
    page.ask("What is a + 1?", Reply.code("print(a + 1)"), Reply.text("It is **42**."))
    page.wait_for_end("complete")
    assert "42" in page.transcript
    page.run(f"({NAMES}, len(In))")
    assert page.tab.locator(".jp-OutputArea-output").last.inner_text() == "(['a'], 3)"
    assert page.tab.locator(".jp-Notebook .jp-InputPrompt").last.inner_text() == "[2]:"
    assert page.errors == []
    # Another browser, in Notebook 7, meets the same conversation, and each hears what is said in the other.
    other = lab.visit(new_context(), "notebook.ipynb")
    other.tab.goto(f"{lab.url}/notebooks/notebook.ipynb?token={TOKEN}")
    other.wait_for_kernel()
    open_side_bar(other)
    assert "It is 42." in other.transcript
    other.ask("And now?", Reply.text("As before."))
    page.wait_for_end("complete", 2)
    assert "As before." in page.transcript
    # A page that is loaded anew shows it again by itself.
    page.tab.reload()
    page.wait_for_kernel()
    expect(page.panel.locator(".nwa-end")).to_have_count(2)
