"""The side bar's table of variables, in a real JupyterLab."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.side_bar.conftest import errors, open_side_bar
from tests.surfaces.side_bar.looks import findings
from tests.surfaces.side_bar.shared import LabTab

SOURCE = """\
import numpy as np
rates_hz = np.zeros((1000, 3))
notes = ["a", "b"]
class Slow:
    def __repr__(self): raise SystemExit
slow = Slow()
globals()["<b>x</b>"] = 1"""


def open_variables(page: Page) -> Locator:
    """Open the tab; gives the rows."""
    open_side_bar(page)
    page.tab.get_by_role("tab", name="Variables").click()
    return page.tab.locator(".nwa-variables tbody tr")


def names(rows: Locator) -> list[str]:
    return rows.get_by_role("button").all_inner_texts()


def test_the_variables_are_listed_filtered_sorted_and_pointed_at(lab: Lab, page: LabTab) -> None:
    page.open("", "", has_own_kernel=True)
    page.run(SOURCE)
    rows = open_variables(page)
    expect(rows).to_have_count(5)
    rates = rows.filter(has_text="rates_hz")
    assert rates.get_by_role("cell").all_inner_texts() == ["ndarray float64", "(1000, 3)", "24 kB"]
    # What the user runs, and what the agent runs, is there at once; the latest first.
    page.run("extra = 5.0")
    expect(rows.first).to_contain_text("extra")
    memory = page.tab.get_by_role("button", name="Memory")
    memory.click()
    memory.click()
    assert names(rows)[0] == "rates_hz"
    expect(page.tab.get_by_role("columnheader", name="Memory")).to_have_attribute("aria-sort", "descending")
    page.tab.get_by_label("Filter variables").fill("NDARRAY")
    assert names(rows) == ["rates_hz"]
    page.tab.get_by_label("Filter variables").fill("nothing")
    expect(page.tab.get_by_text("No variable fits.")).to_be_visible()
    page.tab.get_by_label("Filter variables").fill("")
    assert findings(page, "#neuroworkflow-agent") == []
    # Points at one: a chip in the composer, and what the model is told of it.
    rows.get_by_role("button", name="rates_hz").click()
    expect(page.panel.get_by_role("list", name="Attached")).to_contain_text("rates_hz")
    page.ask("What is it?", Reply.code("made = 3"), Reply.text("Zeros."))
    page.wait_for_end("complete")
    told = str(lab.model.requests[-1].body)
    assert "ndarray (1000, 3) float64" in told
    assert "slow: Slow" in told
    page.tab.get_by_role("tab", name="Chat").press("ArrowRight")
    expect(page.tab.get_by_role("tab", name="Variables")).to_be_focused()
    expect(rows.filter(has_text="made")).to_be_visible()
    # Another kernel has other variables.
    page.restart_kernel()
    expect(page.tab.get_by_text("No variables yet.")).to_be_visible(timeout=40_000)
    assert errors(page) == []
