"""Undo in a panel, as a person uses it: a look, a choice, and the turn shown as undone."""

from __future__ import annotations

from playwright.sync_api import expect

from neuroworkflow_agent.testing import Reply
from neuroworkflow_agent.testing.lab import Lab, Page


def test_a_turn_is_undone_after_a_look(page: Page, lab: Lab) -> None:
    notes = lab.root / "notes.md"
    notes.write_text("old\n", encoding="utf-8")
    panel = page.panel
    page.run("values, total = [1, 2], 3\nclass Model: pass\nmodel = Model()")
    page.ask("Say hello.", Reply.text("Hello."))
    page.wait_for_end("complete", 1)
    code = Reply.code("values.append(3); total = 6; fresh = 1")
    write = Reply.tool("Write", file_path=str(notes), content="new\n")
    page.ask("Change things.", Reply.tool("Read", file_path=str(notes)), write, code, Reply.text("Done."))
    page.wait_for_end("complete", 2)
    expect(panel.locator(".nwa-end").last).to_contain_text("changed: values, total (+1)")

    first = panel.locator(".nwa-end").first
    first.get_by_role("button", name="Undo").click()
    expect(panel.get_by_role("alert")).to_contain_text("Later turns build on this one. Undo them first")

    def look() -> None:
        panel.locator(".nwa-end").nth(1).get_by_role("button", name="Undo").click()

    look()
    dialog = panel.get_by_role("dialog", name="Undo this turn?")
    expect(dialog).to_contain_text("Change things.")
    expect(dialog).to_contain_text("notes.md is restored")
    expect(dialog).to_contain_text("model (kept by reference)")
    # a part of it
    dialog.get_by_label("Variables").uncheck()
    expect(dialog.get_by_label("The agent forgets this turn")).to_be_disabled()
    dialog.get_by_label("values has what it held (by value)").check()
    dialog.get_by_role("button", name="Undo", exact=True).click()
    expect(panel.locator(".nwa-end").nth(1)).to_contain_text("partly undone · complete")
    assert notes.read_text(encoding="utf-8") == "old\n"
    assert page.value("(values, total, fresh)") == "([1, 2], 6, 1)"
    # the rest
    look()
    dialog.get_by_role("button", name="Undo", exact=True).click()
    expect(panel.locator(".nwa-end").nth(1)).to_contain_text("undone · complete")
    expect(panel.locator(".nwa-user.nwa-undone")).to_have_text("Change things.")
    expect(panel.locator(".nwa-end").nth(1).get_by_role("button", name="Undo")).to_be_hidden()
    assert page.value("(values, total, 'fresh' in dir())") == "([1, 2], 3, False)"
    # it stays so, and the agent knows nothing of it
    page.reload()
    expect(page.panel.locator(".nwa-user.nwa-undone")).to_have_text("Change things.")
    page.ask("And now?", Reply.text("Now."))
    page.wait_for_end("complete", 3)
    assert lab.model.requests[-1].user_texts[-1] == "And now?"
    assert "Change things." not in "\n".join(lab.model.requests[-1].user_texts)
    assert page.errors == []
