"""The panel as a person uses it."""

from __future__ import annotations

from neuroworkflow_agent.testing import Reply
from tests.surfaces.panel.lab import Page


def test_ask(page: Page) -> None:
    page.ask("Hello?", Reply.text("Hello **you**."))
    page.wait_for_end("complete")
    assert page.panel.locator(".nwa-answer strong").inner_text() == "you"
