"""The agent's chats in a browser, on a user's server behind the Hub's login."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.jupyterhub import Hub
from tests.hub.conftest import PASSWORD, OnAHub

pytestmark = [pytest.mark.hub, pytest.mark.browser, pytest.mark.claude, pytest.mark.thorough]
SHIPPED = Path(__file__).parents[2] / "etc" / "jupyter" / "jupyter_server_config.d"


def log_in(context: BrowserContext, user: str, url: str) -> tuple[Page, list[str]]:
    """Go there and through the Hub's form; gives the page, and what goes wrong in it."""
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    return page, errors


@pytest.mark.timeout(300)
def test_chats_of_a_users_server_are_for_that_user(on_a_hub: OnAHub, browser: Browser) -> None:
    hub: Hub = on_a_hub.hub
    config = hub.users / "ada" / ".jupyter" / "jupyter_server_config.d"
    shutil.copytree(SHIPPED, config)
    hub.start_server("ada")
    on_a_hub.model.extend(
        Reply.code("import os\nprint('JUPYTERHUB_API_TOKEN' in os.environ)"), Reply.text("I am here.")
    )
    url = f"{hub.url}/user/ada/neuroworkflow/"
    context, other = browser.new_context(), browser.new_context()
    try:
        page, errors = log_in(context, "ada", url)
        page.get_by_label("Message to the agent").fill("Are you there?")
        page.get_by_label("Message to the agent").press("Enter")
        expect(page.locator(".nwa-end")).to_have_count(1, timeout=90_000)
        expect(page.locator(".nwa-log")).to_contain_text("I am here.")
        expect(page.locator(".nwa-tool")).to_contain_text("False")
        page.reload()
        expect(page.locator(".nwa-log")).to_contain_text("I am here.")
        assert errors == []
        assert page.url.startswith(f"{url}c/")
        refused, _ = log_in(other, "bob", url)
        expect(refused.locator("body")).to_contain_text(
            "You do not have permission to access Server at /user/ada/"
        )
    finally:
        context.close()
        other.close()
        hub.stop_server("ada")
