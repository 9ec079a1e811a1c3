"""A `%chat` cell whose kernel ends in mid-turn, in a real JupyterLab."""

from __future__ import annotations

from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab
from tests.surfaces.side_bar.shared import LabTab

LOAD = "%load_ext neuroworkflow_agent"


def test_a_cell_does_not_run_on_when_its_kernel_has_ended(lab: Lab, page: LabTab) -> None:
    page.open(LOAD, "", has_own_kernel=True)
    page.run(LOAD)
    lab.model.extend(Reply.code("import time\ntime.sleep(600)"))
    page.run("%chat Wait.", wait=False)
    heading = page.tab.locator(".jp-Cell").last.locator("summary")
    expect(heading).to_contain_text("Run code · Running …", timeout=40_000)
    page.restart_kernel()
    expect(heading).to_have_text("Run code · The kernel ended here")
    # It is what is saved, too.
    page.save()
    page.wait_until(lambda: "The kernel ended here" in page.path.read_text(encoding="utf-8"))
    saved = page.path.read_text(encoding="utf-8")
    assert ("Running …" in saved, "activity" in saved) == (False, False)
