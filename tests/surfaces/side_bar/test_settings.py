"""The side bar's settings in JupyterLab, and what an administrator locks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab
from tests.surfaces.side_bar.conftest import ContextMaker, errors, open_side_bar

ID = "neuroworkflow-agent:side-bar"


@pytest.fixture
def settings(lab: Lab) -> Iterator[Any]:
    """Sets the user's settings; they are gone with the test."""

    def change(**values: Any) -> None:
        lab.http.put(f"/lab/api/settings/{ID}", json={"raw": json.dumps(values)}).raise_for_status()

    yield change
    change()


@pytest.fixture
def overrides(lab: Lab) -> Iterator[Path]:
    """A file that JupyterLab reads as its `overrides.json`, and that belongs to this server alone."""
    file = lab.home / "config" / "labconfig" / "default_setting_overrides.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    yield file
    file.unlink()


@pytest.mark.thorough
def test_conversations_follow_the_settings(
    lab: Lab, new_context: ContextMaker, settings: Any, overrides: Path
) -> None:
    overrides.write_text(json.dumps({ID: {"mode": "ask", "locked": ["mode"]}}))
    settings(mode="edit", variables=False, cells=False, insert="end", locked=[])
    page = lab.open(new_context(), "rates = [1.5]", "# below", "")
    open_side_bar(page)
    mode = page.panel.get_by_label("Mode", exact=True)
    expect(mode).to_have_value("ask")
    expect(mode).to_be_disabled()
    expect(page.panel.get_by_label("Model", exact=True)).to_be_enabled()
    page.run("secretive = 77.25")
    page.ask("Hello.", Reply.text("Look:\n\n```python\nnew = 1\n```"))
    page.wait_for_end("complete")
    assert "secretive" not in str(lab.model.requests[-1].body)
    page.tab.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }")
    page.panel.get_by_role("button", name="Insert as cell").click()
    expect(page.tab.locator(".jp-Cell .cm-content").last).to_have_text("new = 1")
    page.ask("Run it.", Reply.code("print(1)"), Reply.text("Done."))
    page.panel.get_by_role("button", name="Allow once").click()
    page.wait_for_end("complete", 2)
    # What is changed meanwhile counts for the next message.
    overrides.write_text(json.dumps({ID: {"mode": "plan", "locked": ["mode"]}}))
    settings(mode="edit", variables=True)
    page.ask("And now?", Reply.text("So."))
    page.wait_for_end("complete", 3)
    expect(mode).to_have_value("plan")
    assert "secretive" in str(lab.model.requests[-1].body)
    assert errors(page) == []
