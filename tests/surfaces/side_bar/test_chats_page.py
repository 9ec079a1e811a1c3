"""The chats without a notebook, from JupyterLab's launcher."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import TOKEN, Lab

pytestmark = [pytest.mark.browser, pytest.mark.claude]


def test_launcher_leads_to_the_chats_with_the_servers_login(lab: Lab, browser: Browser) -> None:
    lab.model.extend(Reply.text("I am here."))
    context = browser.new_context()
    try:
        tab = context.new_page()
        tab.goto(f"{lab.url}/lab?token={TOKEN}")
        with context.expect_page() as opened:
            tab.locator(".jp-LauncherCard", has_text="Agent chats").click()
        page = opened.value
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.get_by_label("Message to the agent").fill("Are you there?")
        page.get_by_label("Message to the agent").press("Enter")
        expect(page.locator(".nwa-log")).to_contain_text("I am here.", timeout=60_000)
        expect(page.locator(".nwa-end")).to_have_count(1)
        expect(page.locator(".nwa-chats")).to_contain_text("Are you there?")
        assert page.url.startswith(f"{lab.url}/neuroworkflow/c/")
        page.reload()
        expect(page.locator(".nwa-log")).to_contain_text("I am here.")
        page.get_by_role("button", name="Actions for Are you there?").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete for good").click()
        expect(page.locator(".nwa-chats")).to_have_text("No chats yet.")
        assert errors == []
        begun = page.url.rpartition("/")[2]
        context.close()
        lab.http.delete(f"/neuroworkflow/chats/{begun}")  # the process that is ready for it
    finally:
        context.close()
