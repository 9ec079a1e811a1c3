"""Where the user writes: what it offers, and what becomes of it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from neuroworkflow_agent.testing import Reply, Text
from neuroworkflow_agent.testing.lab import Lab, Page

PICTURE = "import base64, pathlib; pathlib.Path('dot.png').write_bytes(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='))"


def options(page: Page) -> Locator:
    return page.panel.locator(".nwa-completions").get_by_role("option")


def test_an_empty_panel_says_which_model_serves_and_how_to_begin(page: Page) -> None:
    empty = page.panel.locator(".nwa-empty")
    expect(empty).to_contain_text("Model: Messages API server, because ANTHROPIC_BASE_URL is set.")
    page.panel.get_by_label("Model", exact=True).select_option("sonnet")
    expect(empty).to_contain_text("Model: Messages API server (sonnet), because ")
    empty.get_by_role("button", name="Explain my last cell.").click()
    expect(page.field).to_have_value("Explain my last cell.")
    expect(page.field).to_be_focused()
    page.ask("Explain it.", Reply.text("Well."))
    page.wait_for_end("complete")
    expect(empty).to_have_count(0)


def test_a_slash_lists_commands_and_skills(page: Page, lab: Lab) -> None:
    page.field.fill("/")
    expect(options(page).filter(has_text="/sessions")).to_contain_text("go to another session")
    page.field.fill("/create-n")
    expect(options(page)).to_have_count(1)
    page.field.press("Enter")
    expect(page.field).to_have_value("Use the skill create-node: ")
    assert lab.model.requests == []
    page.field.fill("/sess")
    expect(options(page)).to_have_count(1)
    page.field.press("Tab")
    expect(page.panel.get_by_role("dialog", name="Sessions")).to_be_visible()
    page.tab.keyboard.press("Escape")
    expect(page.field).to_have_value("")
    page.field.fill("/no/such")
    expect(options(page)).to_have_count(0)


def test_sessions_can_be_searched(page: Page) -> None:
    used = page.panel.get_by_title("How full the model")
    for number, title in enumerate(("about spikes", "about rates"), 1):
        page.ask(title, Reply((Text("Yes."),), input_tokens=120_000 if number == 1 else 10))
        page.wait_for_end("complete")
        cost = page.panel.get_by_title("What this session has cost so far")
        expect(cost).to_have_text(re.compile(r"^\$0\.\d{4}$"))
        expect(used).to_have_text(re.compile(r"^context \d+ %$" if number == 1 else "^$"))
        if number == 1:
            window = re.search(r"120,005 of ([\d,]+) tokens", used.get_attribute("title") or "")
            assert window is not None
            percent = round(100 * 120_005 / int(window[1].replace(",", "")))
            expect(used).to_have_text(f"context {percent} %")
            expect(page.panel.locator(".nwa-end")).to_contain_text(f" · context {percent} %")
        if number == 1:
            page.panel.get_by_role("button", name="New session").click()
            expect(page.panel.locator(".nwa-user")).to_have_count(0)
    page.panel.get_by_role("button", name="Sessions").click()
    listed = page.panel.locator(".nwa-session")
    expect(listed).to_have_count(2)
    page.panel.get_by_label("Search in sessions").fill("SPIKES")
    expect(listed.filter(visible=True)).to_have_count(1)
    expect(listed.filter(visible=True)).to_contain_text("about spikes")


def test_what_is_wrong_is_shown_in_its_own_session(page: Page) -> None:
    page.ask("about spikes", Reply.text("Yes."))
    page.wait_for_end("complete")
    page.panel.get_by_label("Model", exact=True).select_option(label="Other …")
    page.panel.get_by_label("Model name").fill("opnai:gpt-4")
    page.panel.get_by_label("Model name").press("Enter")
    trouble = page.panel.get_by_role("alert").filter(has_text="opnai")
    expect(trouble).to_be_visible()
    page.panel.get_by_role("button", name="New session").click()
    expect(page.panel.locator(".nwa-user")).to_have_count(0)
    expect(trouble).to_have_count(0)

    def go_back() -> None:
        page.panel.get_by_role("button", name="Sessions").click()
        page.panel.locator(".nwa-session").filter(has_text="about spikes").click()
        expect(page.panel.locator(".nwa-user")).to_have_text("about spikes")

    go_back()
    expect(trouble).to_be_visible()
    page.panel.get_by_role("button", name="Dismiss").click()
    expect(trouble).to_have_count(0)
    page.panel.get_by_role("button", name="New session").click()
    expect(page.panel.locator(".nwa-user")).to_have_count(0)
    go_back()
    expect(trouble).to_have_count(0)


def test_an_error_that_was_handed_over_is_not_offered_again(page: Page, lab: Lab) -> None:
    page.run("1 / 0")
    fix = page.panel.get_by_role("button", name="Fix this: ZeroDivisionError")
    lab.model.extend(Reply.text("Do not."))
    fix.click()
    page.wait_for_end("complete")
    expect(fix).to_be_hidden()
    page.run("1 / 0")
    expect(fix).to_be_visible()


def test_another_model_and_another_answer_are_typed_at_once(page: Page) -> None:
    page.panel.get_by_label("Model", exact=True).select_option(label="Other …")
    expect(page.panel.get_by_label("Model name")).to_be_focused()
    page.tab.keyboard.press("Escape")
    asked = [{"question": "Which area?", "header": "Area", "multiSelect": False, "options": [{"label": "V1", "description": ""}, {"label": "MT", "description": ""}]}]  # fmt: skip
    page.ask("Ask me.", Reply.tool("AskUserQuestion", questions=asked), Reply.text("Good."))
    page.panel.get_by_label("V1").check()
    page.panel.get_by_label("Other answer: Which area?").fill("LIP")
    expect(page.panel.get_by_label("V1")).not_to_be_checked()
    page.panel.get_by_role("button", name="Answer", exact=True).click()
    page.wait_for_end("complete")
    expect(page.panel.locator("dd")).to_have_text("LIP")


def test_variables_of_ones_own_come_before_counters_and_none_is_ours(page: Page) -> None:
    page.run("i = 1; a = 2; rates = [3]")
    page.field.fill("@")
    expect(options(page).first).to_contain_text("rates")
    expect(options(page).filter(has_text="panel")).to_have_count(0)
    expect(options(page).filter(has_text="ChatPanel")).to_have_count(0)


def test_a_picture_is_seen_before_it_is_sent(page: Page, lab: Lab) -> None:
    page.run(PICTURE)
    page.panel.get_by_label("Files to attach").set_input_files(lab.root / "dot.png")
    thumbnail = page.panel.locator(".nwa-chips img")
    expect(thumbnail).to_have_count(1)
    page.wait_until(lambda: thumbnail.evaluate("image => image.naturalWidth") == 1)


def test_the_panel_fills_a_view_of_its_own(own_page: Page) -> None:
    page = own_page
    page.tab.locator(".jp-Cell").first.click()
    page.tab.evaluate("() => window.jupyterapp.commands.execute('notebook:create-output-view')")
    view = page.tab.locator(".jp-LinkedOutputView")
    panel = view.locator(".nwa-panel")
    expect(panel).to_be_visible()
    page.wait_until(
        lambda: view.evaluate(
            "view => Math.abs(view.getBoundingClientRect().bottom - view.querySelector('.nwa-composer').getBoundingClientRect().bottom) < 40"
        )
    )
