"""Earlier turns in a panel, as a person handles them with the keyboard: edited, pinned, dropped, summarized."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab, Page


def test_turns_are_pinned_summarized_edited_and_dropped_by_keys(page: Page, lab: Lab) -> None:
    panel = page.panel
    for number in (1, 2, 3):
        page.ask(f"Question {number}.", Reply.text(f"Answer {number}."))
        page.wait_for_end("complete", number)
    # Pin the first turn.
    pin = panel.locator(".nwa-end").first.get_by_role("button", name="Pin", exact=True)
    pin.focus()
    page.tab.keyboard.press("Enter")
    expect(panel.locator(".nwa-end").first.get_by_role("button", name="Unpin")).to_be_visible()
    # What fills the context, and a summary in its place.
    panel.get_by_role("button", name="This session: turns, context, cost").focus()
    page.tab.keyboard.press("Enter")
    dialog = panel.get_by_role("dialog", name="This session")
    expect(dialog).to_contain_text("3 turns")
    expect(dialog.get_by_role("listitem").filter(has_text="Question 1.").get_by_role("button")).to_have_text(
        "Unpin"
    )
    expect(dialog.get_by_role("region", name="What fills the context")).to_contain_text("what you said")
    lab.model.extend(Reply.text("<summary>They asked thrice.</summary>"))
    dialog.get_by_role("button", name="Summarize now").focus()
    page.tab.keyboard.press("Enter")
    page.wait_for_end("complete", 4)
    expect(panel.locator(".nwa-notice").last).to_contain_text(
        "The session so far was summarized for the agent: "
    )
    page.ask("Question 4.", Reply.text("Answer 4."))
    page.wait_for_end("complete", 5)
    asked = str(lab.model.requests[-1].body["messages"])
    assert "They asked thrice." in asked
    assert "You answered: Answer 1." in asked
    assert "Question 2." not in asked
    # Drop the second turn: the summary goes, too, since it comes later.
    panel.locator(".nwa-end").nth(1).get_by_role("button", name="Drop").focus()
    page.tab.keyboard.press("Enter")
    expect(panel.locator(".nwa-user")).to_have_text(["Question 1."])
    expect(panel.locator(".nwa-notice").last).to_contain_text("a copy of the session without that turn")
    page.ask("Question 5.", Reply.text("Answer 5."))
    page.wait_for_end("complete", 2)
    assert "User: Question 3.\nYou answered: Answer 3." in "\n".join(lab.model.requests[-1].user_texts)
    # Edit it; what was being written comes back.
    panel.get_by_label("Message to the agent").fill("half a thought")
    panel.locator(".nwa-user").last.get_by_role("button", name="Edit").focus()
    page.tab.keyboard.press("Enter")
    field = panel.get_by_label("Message to the agent")
    expect(field).to_be_focused()
    expect(field).to_have_value("Question 5.")
    expect(panel.locator(".nwa-editing")).to_contain_text("You edit an earlier message.")
    page.tab.keyboard.press("Escape")
    expect(field).to_have_value("half a thought")
    panel.locator(".nwa-user").last.get_by_role("button", name="Edit").click()
    lab.model.extend(Reply.text("Answer 6."))
    field.fill("Question 6.")
    page.tab.keyboard.press("Enter")
    expect(panel.locator(".nwa-answer").last).to_contain_text("Answer 6.")
    page.wait_for_end("complete", 2)
    expect(panel.locator(".nwa-user")).to_have_text(["Question 1.", "Question 6."])
    expect(field).to_have_value("half a thought")
    assert "Question 5." not in "\n".join(lab.model.requests[-1].user_texts)
    assert page.errors == []


@pytest.mark.thorough
def test_a_turn_ends_before_its_code_which_goes_on_to_show_what_it_does(page: Page, lab: Lab) -> None:
    page.run("import os; os.environ['NEUROWORKFLOW_DETACH_AFTER_S'] = '0.5'; from neuroworkflow_agent import ChatPanel; ChatPanel()")  # fmt: skip
    panel = page.tab.locator(".nwa-panel").last
    field = panel.get_by_label("Message to the agent")

    def ask(text: str, *replies: Reply) -> None:
        lab.model.extend(*replies)
        field.fill(text)
        field.press("Enter")

    slow = "import time, pathlib\nfor n in range(600):\n    print('step', n); time.sleep(0.1)\n    if pathlib.Path('enough').exists(): break"
    ask("Fit it.", Reply.code(slow), Reply.text("It runs; I say when it is done."))
    expect(panel.locator(".nwa-end").first).to_contain_text("complete", timeout=120_000)
    expect(panel.locator(".nwa-end").first).to_contain_text("its code runs on")
    card = panel.locator(".nwa-tool").first
    expect(card.locator(".nwa-state")).to_have_text("running")
    expect(panel.locator(".nwa-status")).to_have_text(
        re.compile(r"Code of the agent.s still runs · \d+ s · Escape stops it")
    )
    steps = card.locator(".nwa-parts").inner_text().count("step")
    # One may write meanwhile; not so go to another session, nor undo.
    ask("How far is it?", Reply.text("I do not know."))
    expect(panel.locator(".nwa-end")).to_have_count(2, timeout=120_000)
    page.wait_until(lambda: card.locator(".nwa-parts").inner_text().count("step") > steps)
    panel.get_by_role("button", name="New session").click()
    expect(panel.get_by_role("alert")).to_contain_text("Code of the agent's still runs.")
    panel.locator(".nwa-end").last.get_by_role("button", name="Undo").click()
    expect(panel.get_by_role("alert")).to_contain_text("Undo the turn when it has ended, or stop it.")
    (lab.root / "enough").touch()
    expect(panel.locator(".nwa-notice").last).to_contain_text(
        "The code that ran on has ended, after", timeout=120_000
    )
    (lab.root / "enough").unlink()
    expect(card.locator(".nwa-state")).to_contain_text("done")
    # Once more, stopped by a key while no turn runs.
    ask("Again.", Reply.code(slow), Reply.text("It runs."))
    expect(panel.locator(".nwa-end")).to_have_count(3, timeout=120_000)
    field.press("Escape")
    expect(panel.locator(".nwa-notice").last).to_contain_text(
        "The code that ran on was stopped", timeout=120_000
    )
    expect(panel.get_by_role("button", name="Stop")).to_be_hidden()
    assert page.errors == []
