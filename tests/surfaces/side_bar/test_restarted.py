"""A Jupyter server that is started anew in the middle of a turn."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.lab import Lab
from tests.surfaces.side_bar.conftest import EXTENSION, ContextMaker, check_that_it_goes_on, open_side_bar


@pytest.mark.thorough
def test_nothing_is_lost_where_the_server_is_restarted_in_mid_turn(
    tmp_path: Path, new_context: ContextMaker
) -> None:
    extensions = tmp_path / "labextensions"
    extensions.mkdir()
    (extensions / "neuroworkflow-agent").symlink_to(EXTENSION)
    never = threading.Event()
    with ScriptedModel() as model:
        lab = Lab(tmp_path / "lab", model, f"--LabServerApp.extra_labextensions_path={extensions}")
        try:
            page = lab.open(new_context(), "a = 1", "")
            open_side_bar(page)
            page.ask("First.", Reply.text("Answer one."))
            page.wait_for_end("complete")
            page.save()
            page.ask("Second.", Reply.text("Never seen.", until=never))
            expect(page.panel.get_by_role("button", name="Stop")).to_be_visible()
            lab.restart()
            never.set()
            # The page that was open says nothing that is not so any more.
            expect(page.panel.get_by_role("button", name="Stop")).to_be_hidden(timeout=60_000)
            page.tab.reload()
            page.wait_for_kernel()
            check_that_it_goes_on(page)
        finally:
            never.set()
            lab.end_kernels()
            lab.close()
