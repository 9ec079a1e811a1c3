"""The side bar in another language than English."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.side_bar.conftest import OPEN, ContextMaker, errors
from tests.surfaces.side_bar.language import LOCALE, UNTRANSLATED

ROOT = Path(__file__).parents[3]
MODULES = [*ROOT.glob("labextension/src/*.js"), *ROOT.glob("neuroworkflow_agent/surfaces/panel/js/*.js")]
SETTING = "/lab/api/settings/@jupyterlab/translation-extension:plugin"
SHOWN = re.compile(
    r"""
    (?: \b(?:text|title|placeholder|label|caption):\s | "aria-label":\s | textContent\s=\s | title\s=\s
      | button\( | problem\( | \.say\( | "aria-label",\s | checkbox\( )
    ["`](?:\$\{[\w.]+\}\s)?[A-Z]
    """,
    re.VERBOSE,
)
"""Where a text is given to be shown, as a literal that begins as a sentence does."""


def test_every_text_of_the_page_can_be_translated() -> None:
    lines = [
        (path.name, line.strip())
        for path in MODULES
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert [each for each in lines if SHOWN.search(each[1])] == []


@pytest.fixture
def in_another_language(lab: Lab) -> Iterator[None]:
    """The user's choice of the language, gone with the test."""
    lab.http.put(SETTING, json={"raw": json.dumps({"locale": LOCALE})}).raise_for_status()
    yield
    lab.http.put(SETTING, json={"raw": "{}"}).raise_for_status()


def untranslated(page: Page) -> list[str]:
    found: list[str] = page.tab.evaluate(UNTRANSLATED)
    return found


QUESTION = {
    "questions": [
        {
            "question": "Which one?",
            "header": "One",
            "multiSelect": False,
            "options": [{"label": "A", "description": "a"}, {"label": "B", "description": "b"}],
        }
    ]
}


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("in_another_language")
def test_it_speaks_the_language_that_jupyterlab_speaks(lab: Lab, new_context: ContextMaker) -> None:
    found: list[str] = []
    page = lab.open(new_context(), "x = 1", "")
    page.tab.evaluate(OPEN)
    field: Locator = page.panel.locator("textarea")
    expect(page.panel.locator(".nwa-starters")).to_be_visible()
    page.run("1 / 0")
    expect(page.panel.locator(".nwa-fix")).to_have_text(re.compile("^«Fix this: "))
    found += untranslated(page)
    page.panel.locator("select").first.select_option("ask")

    def ask(text: str, *replies: Reply) -> None:
        lab.model.extend(*replies)
        field.fill(text)
        field.press("Enter")

    ask("Run it.", Reply.code("x = 2"), Reply.tool("AskUserQuestion", **QUESTION), Reply.text("Done:\n\n```python\nx = 3\n```"))  # fmt: skip
    allow = page.panel.get_by_role("button", name="«Allow once»")
    expect(allow).to_be_visible()
    expect(page.panel.locator(".nwa-status")).to_have_text(re.compile("^«.* · [0-9]+ s · Escape stops»$"))
    field.fill("Then this.")
    field.press("Enter")
    expect(page.panel.get_by_role("button", name="«Send now»")).to_be_visible()
    found += untranslated(page)
    page.panel.get_by_role("button", name="«Remove»").click()
    allow.click()
    answer = page.panel.get_by_role("button", name="«Do not answer»")
    expect(answer).to_be_visible()
    found += untranslated(page)
    answer.click()
    page.wait_for_end("complete")
    page.panel.get_by_role("button", name="«Compare»").last.click()
    expect(page.tab.get_by_role("button", name="«Accept»")).to_be_visible()
    found += untranslated(page)
    page.panel.get_by_role("button", name="«Undo»").click()
    expect(page.panel.get_by_role("dialog")).to_be_visible()
    found += untranslated(page)
    page.tab.keyboard.press("Escape")
    page.panel.get_by_role("button", name="«Sessions»").click()
    page.panel.get_by_role("button", name="«Delete»").click()
    found += untranslated(page)
    page.tab.keyboard.press("Escape")
    page.tab.get_by_role("tab", name="«Variables»").click()
    expect(page.tab.locator(".nwa-variables tbody tr")).not_to_have_count(0)
    found += untranslated(page)
    page.tab.evaluate("() => { window.jupyterapp.commands.execute('neuroworkflow-agent:change-cell'); }")
    expect(page.tab.get_by_role("form", name="«Request about this cell»")).to_be_visible()
    found += untranslated(page)
    # What the settings editor shows comes from the server.
    schema = lab.http.get("/lab/api/settings/neuroworkflow-agent:side-bar").json()["schema"]
    titles = [
        schema["title"],
        schema["description"],
        *(each["title"] for each in schema["properties"].values()),
    ]
    assert [title for title in titles if not title.startswith("«")] == []
    assert (found, errors(page)) == ([], [])
