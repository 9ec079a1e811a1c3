"""The panel as a person uses it: JupyterLab in Chromium, with only the model scripted."""

from __future__ import annotations

import json
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import BrowserContext, expect

from neuroworkflow_agent.testing import Reply, Text, Thinking, ToolCall
from neuroworkflow_agent.testing.lab import OPEN, Lab, Page
from tests.surfaces.panel.browser.shared import SharedPage

RUN_CODE = "mcp__neuroworkflow__run_code"
PLOT = "import matplotlib.pyplot as plt\nprint('drawing')\nplt.plot([1, 3, 2]);"
SLOW = Reply.text("word " * 2000, delay_s=0.02)
WAIT_FOR_GO = "import time\nfrom pathlib import Path\nwhile not Path('go').exists(): time.sleep(0.02)"
"""Source that goes on when the test says so, however slow the machine is."""


def expect_a_picture(page: Page) -> None:
    """One picture, and its bytes are here."""
    picture = page.panel.locator(".nwa-picture img")
    expect(picture).to_have_count(1)
    page.wait_until(lambda: picture.evaluate("image => image.naturalWidth") > 100)


def test_the_tour(page: Page, lab: Lab) -> None:
    """Ask, plot, fix an error, edit a file, approve, refuse, stop, reload, resume, fork."""
    notes = lab.root / "notes.md"
    notes.write_text("one\ntwo\n", encoding="utf-8")
    panel = page.panel
    # ask
    page.ask("What is **this**?", Reply.text("A `notebook`."))
    page.wait_for_end("complete", 1)
    expect(panel.locator(".nwa-answer code").last).to_have_text("notebook")
    expect(panel.locator(".nwa-user").last).to_have_text("What is **this**?")
    # plot
    page.ask("Plot.", Reply.code(PLOT), Reply.text("There."))
    page.wait_for_end("complete", 2)
    expect_a_picture(page)
    images = [b for r in lab.model.requests[-1].tool_results for b in r["content"] if b["type"] == "image"]
    assert len(images) == 1
    # fix an error of the user's
    page.run("rate = spkies / 2")
    fix = panel.get_by_role("button", name="Fix this: NameError")
    expect(fix).to_be_visible()
    lab.model.extend(Reply.code("spikes = 8\nrate = spikes / 2"), Reply.text("A typo."))
    fix.click()
    page.wait_for_end("complete", 3)
    assert "name 'spkies' is not defined" in "\n".join(lab.model.requests[-1].user_texts)
    assert page.value("rate") == "4.0"
    expect(fix).to_be_hidden()
    # edit a file
    page.ask("Translate.", Reply.tool("Read", file_path=str(notes)), Reply.tool("Edit", file_path=str(notes), old_string="two", new_string="zwei"), Reply.text("Done."))  # fmt: skip
    page.wait_for_end("complete", 4)
    assert notes.read_text(encoding="utf-8") == "one\nzwei\n"
    card = panel.locator(".nwa-tool", has_text="Edit notes.md")
    assert [card.locator(f".{kind}").inner_text() for kind in ("gd", "gi")] == ["-two", "+zwei"]
    # approve, and refuse with a reason
    panel.get_by_label("Mode", exact=True).select_option("ask")
    page.ask("Set a.", Reply.code("a = 1"), Reply.code("b = 2"), Reply.text("As you like."))
    panel.get_by_role("button", name="Allow once").click()
    panel.get_by_label("Reason for denying").fill("b is mine")
    panel.get_by_role("button", name="Deny").click()
    page.wait_for_end("complete", 5)
    assert "b is mine" in json.dumps(lab.model.requests[-1].tool_results)
    assert page.value("(a, 'b' in globals())") == "(1, False)"
    expect(panel.locator(".nwa-tool").last.locator(".nwa-state")).to_contain_text("refused")
    # stop
    page.ask("Talk.", SLOW)
    expect(panel.locator(".nwa-answer").last).to_contain_text("word word")
    panel.get_by_role("button", name="Stop").click()
    page.wait_for_end("interrupted", 6)
    # reload
    before = page.transcript
    page.reload()
    expect(page.panel.locator(".nwa-end")).to_have_count(6)
    assert page.transcript == before
    expect_a_picture(page)
    # resume
    page.panel.get_by_role("button", name="New session").click()
    expect(page.panel.locator(".nwa-empty")).to_be_visible()
    page.ask("Something else.", Reply.text("Sure."))
    page.wait_for_end("complete", 1)
    page.panel.get_by_role("button", name="Sessions", exact=True).click()
    page.panel.locator(".nwa-session", has_text="What is **this**?").click()
    page.wait_for_end("interrupted", 6)
    expect_a_picture(page)
    # fork
    page.panel.locator(".nwa-end").nth(1).get_by_role("button", name="Fork from here").click()
    page.wait_for_end("complete", 2)
    page.ask("And now?", Reply.text("A new way."))
    page.wait_for_end("complete", 3)
    said = "\n".join(lab.model.requests[-1].user_texts)
    assert "Plot." in said
    assert "Translate." not in said
    assert page.errors == []


def test_outputs_are_shown_live_with_tables_and_pictures_and_cards_fold(page: Page, lab: Lab) -> None:
    code = (
        f"import pandas as pd\nfrom IPython.display import display\nprint('first', flush=True)\n{WAIT_FOR_GO}\n"
        "display(pd.DataFrame({'rate': [1.5, 2.5]}))\nimport matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()\n"
        "print('\\x1b[31mred\\x1b[0m 10%\\r100%')\n1/0"
    )
    page.ask("Go.", Reply((Thinking("Let me\nthink."), Text("Now."), ToolCall(RUN_CODE, {"code": code}))), Reply.text("It failed."))  # fmt: skip
    card = page.panel.locator(".nwa-tool")
    expect(card.locator(".nwa-parts")).to_contain_text("first")
    expect(card.locator(".nwa-state")).to_have_text("running")
    (lab.root / "go").touch()
    page.wait_for_end("complete")
    expect(card.locator(".nwa-state")).to_contain_text("failed · ")
    assert [text for text in card.locator("td").all_inner_texts() if text] == ["1.5", "2.5"]
    expect(card.locator(".nwa-error")).to_contain_text("ZeroDivisionError: division by zero")
    expect(card.locator(".nwa-stdout").last).to_have_text("100%\n")
    picture = card.get_by_role("button", name="Figure")
    narrow = picture.bounding_box()
    picture.click()
    wide = picture.bounding_box()
    assert narrow is not None
    assert wide is not None
    assert wide["width"] > narrow["width"] + 100
    card.locator("summary").click()
    expect(card.locator("td").first).to_be_hidden()
    thought = page.panel.locator(".nwa-thinking")
    expect(thought.locator(".nwa-thought")).to_be_hidden()
    thought.locator("summary").click()
    expect(thought.locator(".nwa-thought")).to_have_text("Let me\nthink.")
    line = page.panel.locator(".nwa-end span").inner_text()
    assert line.startswith("complete · ")
    assert " s · 20 in / 10 out · $" in line


def test_code_and_answers_can_be_copied(page: Page) -> None:
    answer = "Use *this*:\n\n```python\nx = 1\n```"
    page.ask("How?", Reply.text(answer))
    page.wait_for_end("complete")
    page.panel.get_by_role("button", name="Copy answer").click()
    assert page.tab.evaluate("navigator.clipboard.readText()") == answer
    page.panel.locator(".nwa-answer .nwa-code").hover()
    page.panel.get_by_role("button", name="Copy", exact=True).click()
    assert page.tab.evaluate("navigator.clipboard.readText()") == "x = 1\n"


def test_sessions_are_listed_renamed_and_deleted_after_a_second_question(page: Page) -> None:
    page.ask("First one", Reply.text("1"))
    page.wait_for_end("complete")
    page.panel.get_by_role("button", name="New session").click()
    expect(page.panel.locator("h2").first).to_have_text("New session")
    page.ask("Second one", Reply.text("2"))
    page.wait_for_end("complete")
    expect(page.panel.locator("h2").first).to_have_text("Second one")
    page.panel.get_by_role("button", name="Sessions", exact=True).click()
    rows = page.panel.locator(".nwa-sessions li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Second one")
    expect(rows.first).to_contain_text("2026" if "2026" in rows.first.inner_text() else "20")
    rows.first.get_by_role("button", name="Rename").click()
    page.panel.get_by_label("Title").fill("Rates of V1")
    page.tab.keyboard.press("Enter")
    expect(rows.first).to_contain_text("Rates of V1")
    expect(page.panel.locator("h2").first).to_have_text("Rates of V1")
    old = page.panel.locator(".nwa-sessions li", has_text="First one")
    old.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(2)
    rows.last.get_by_role("button", name="Keep").click()
    expect(rows).to_have_count(2)
    rows.last.get_by_role("button", name="Delete").click()
    rows.last.get_by_role("button", name="Delete for good").click()
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button", name="Delete").click()
    page.panel.get_by_role("button", name="Delete for good").click()
    expect(rows).to_have_text(["No sessions in this workspace yet."])
    page.tab.keyboard.press("Escape")
    expect(page.panel.locator(".nwa-end")).to_have_count(0)


def test_mode_and_model_are_chosen_in_the_panel(page: Page, lab: Lab) -> None:
    page.panel.get_by_label("Model", exact=True).select_option("haiku")
    page.panel.get_by_label("Mode", exact=True).select_option("read-only")
    page.ask("Who?", Reply.text("Me."))
    page.wait_for_end("complete", 1)
    assert "haiku" in lab.model.requests[-1].body["model"]
    assert RUN_CODE not in lab.model.requests[-1].tool_names
    page.panel.get_by_label("Model", exact=True).select_option("Other …")
    page.panel.get_by_label("Model name").fill("my-own-model")
    page.tab.keyboard.press("Enter")
    page.ask("And now?", Reply.text("Me again."))
    page.wait_for_end("complete", 2)
    assert lab.model.requests[-1].body["model"] == "my-own-model"
    assert "Who?" in "\n".join(lab.model.requests[-1].user_texts)
    page.panel.get_by_label("Model", exact=True).select_option("Other …")
    page.panel.get_by_label("Model name").fill("ollama:nothing")
    page.tab.keyboard.press("Enter")
    expect(page.panel.get_by_role("alert")).to_contain_text("Ollama does not answer")
    expect(page.panel.get_by_label("Model", exact=True)).to_have_value("my-own-model")
    page.ask("And still?", Reply.text("Still me."))
    page.wait_for_end("complete", 3)
    assert lab.model.requests[-1].body["model"] == "my-own-model"


def test_the_status_says_what_is_being_waited_for(page: Page, lab: Lab) -> None:
    status = page.panel.locator(".nwa-status")
    page.ask("Wait.", Reply.code(WAIT_FOR_GO), Reply.text("word " * 2000, delay_s=0.02))
    expect(status).to_have_text(re.compile(r"^Running · [1-9]\d* s · Escape stops$"))
    (lab.root / "go").touch()
    expect(status).to_contain_text("Writing")
    page.tab.keyboard.press("Escape")
    page.wait_for_end("interrupted")
    expect(status).to_have_text("")


def test_files_and_variables_are_completed_and_go_with_the_message(page: Page, lab: Lab) -> None:
    (lab.root / "data").mkdir()
    (lab.root / "data" / "rates.csv").write_text("neuron,rate\n0,22\n", encoding="utf-8")
    page.run("import numpy as np\nrates = np.arange(6.0).reshape(2, 3)")
    page.field.press_sequentially("Compare @rates")
    options = page.panel.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(options).to_have_count(2)
    assert [option.split("\n")[0] for option in options.all_inner_texts()] == ["rates", "data/rates.csv"]
    page.field.press("Enter")
    page.field.press_sequentially("with @rates.c")
    expect(options).to_have_count(1)
    page.field.press("Tab")
    expect(page.field).to_have_value("Compare @rates with @data/rates.csv ")
    page.ask(page.field.input_value(), Reply.text("Same."))
    page.wait_for_end("complete")
    said = "\n".join(lab.model.requests[-1].user_texts)
    assert "variable 'rates': ndarray (2, 3) float64\nbegins 0.0, 1.0" in said
    assert "file 'data/rates.csv':\nneuron,rate\n0,22\n" in said
    assert page.panel.locator(".nwa-user li").all_inner_texts() == ["rates", "data/rates.csv"]
    expect(page.panel.locator(".nwa-composer .nwa-chips")).to_be_hidden()


def test_files_and_pictures_are_added_by_button_paste_and_drag(page: Page, lab: Lab, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (30, 20), "red").save(tmp_path / "red.png")
    (tmp_path / "big.bin").write_bytes(b"\1" * (21 * 1024 * 1024))
    (tmp_path / "many.txt").write_text("line\n" * 200_000, encoding="utf-8")
    page.panel.get_by_label("Files to attach").set_input_files([tmp_path / "red.png", tmp_path / "many.txt"])
    chips = page.panel.locator(".nwa-composer .nwa-chips li span")
    expect(chips).to_have_text(["uploads/red.png", "uploads/many.txt"])
    assert (lab.root / "uploads" / "many.txt").read_bytes() == (tmp_path / "many.txt").read_bytes()
    page.panel.get_by_label("Files to attach").set_input_files(tmp_path / "big.bin")
    expect(page.panel.get_by_role("alert")).to_contain_text("big.bin is larger than 20 MB")
    give = """(field, kind) => {
        const data = new DataTransfer();
        data.items.add(new File(["hello"], "../.hidden/no\\u202Etes.txt", {type: "text/plain"}));
        const event = kind === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
          : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
        field.dispatchEvent(event);
    }"""
    page.field.evaluate(give, "paste")
    expect(chips).to_have_count(3)
    page.field.evaluate(give, "drop")
    expect(chips).to_have_text(
        ["uploads/red.png", "uploads/many.txt", "uploads/no_tes.txt", "uploads/no_tes-1.txt"]
    )
    assert sorted(path.name for path in (lab.root / "uploads").iterdir()) == ["many.txt", "no_tes-1.txt", "no_tes.txt", "red.png"]  # fmt: skip
    page.panel.get_by_role("button", name="Remove uploads/no_tes-1.txt").click()
    page.ask("Look.", Reply.text("Red."))
    page.wait_for_end("complete")
    messages = [m["content"] for m in lab.model.requests[-1].body["messages"] if m["role"] == "user"]
    blocks = [block for content in messages if isinstance(content, list) for block in content]
    assert [b["source"]["media_type"] for b in blocks if b["type"] == "image"] == ["image/png"]
    assert any("characters left out" in b.get("text", "") for b in blocks)


def test_escape_stops_the_agents_code_and_nothing_runs_after(page: Page, lab: Lab) -> None:
    page.ask("Wait.", Reply.code("import time\nstep = 1\nwhile True: time.sleep(0.01)\nstep = 2"))
    expect(page.panel.locator(".nwa-tool .nwa-state")).to_have_text("running")
    page.field.press("Escape")
    page.wait_for_end("interrupted")
    # Said of the call and of the turn, each once.
    expect(page.panel.locator(".nwa-tool .nwa-state")).to_have_text("stopped")
    expect(page.panel.locator(".nwa-tool")).not_to_contain_text(re.compile("KeyboardInterrupt|Stopped;"))
    assert page.value("step") == "1"
    page.ask("Still there?", Reply.text("Yes."))
    page.wait_for_end("complete", 2)


def test_the_agents_code_waits_for_the_users_cell_and_stop_leaves_that_alone(page: Page, lab: Lab) -> None:
    page.run(f"{WAIT_FOR_GO}\nmine = 'done'", wait=False)
    page.ask("Run.", Reply.code("theirs = 1"))
    state = page.panel.locator(".nwa-tool .nwa-state")
    expect(state).to_have_text("waits for the kernel")
    page.tab.wait_for_timeout(600)
    expect(state).to_be_visible()
    page.panel.get_by_role("button", name="Stop").click()
    page.wait_for_end("interrupted")
    assert page.tab.evaluate("window.ran") is False
    (lab.root / "go").touch()
    page.tab.wait_for_function("() => window.ran")
    assert page.value("(mine, 'theirs' in globals())") == "('done', False)"
    (lab.root / "go").unlink()
    page.run(WAIT_FOR_GO, wait=False)
    page.ask("Again.", Reply.code("theirs = 2"), Reply.text("Set."))
    expect(state.last).to_have_text("waits for the kernel")
    (lab.root / "go").touch()
    page.wait_for_end("complete", 2)
    assert page.value("theirs") == "2"


def test_stop_where_messages_wait_for_the_running_cell(lab: Lab, context: BrowserContext) -> None:
    """Front ends and settings without subshells: the agent's code is interrupted through the kernel."""
    url = "/lab/api/settings/@jupyterlab/apputils-extension:kernels-settings"
    lab.http.put(url, json={"raw": '{"commsOverSubshells": "disabled"}'}).raise_for_status()
    try:
        page = lab.open(context, OPEN, "", name="own.ipynb")
        page.open_panel()
        page.ask("Wait.", Reply.code("while True: pass"))
        expect(page.panel.locator(".nwa-tool .nwa-state")).to_have_text("running")
        page.panel.get_by_role("button", name="Stop").click()
        page.wait_for_end("interrupted")
    finally:
        lab.http.put(url, json={"raw": "{}"}).raise_for_status()


def test_an_approval_survives_a_reload_and_a_second_view(page: Page, lab: Lab) -> None:
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    page.ask("Set a.", Reply.code("a = 1"), Reply.code("b = 2"), Reply.text("Both."))
    expect(page.panel.get_by_role("group", name="Permission: Run code")).to_be_visible()
    page.reload()
    second = lab.visit(page.tab.context)
    second.panel.wait_for()
    expect(second.panel.get_by_role("button", name="Allow for this session")).to_be_visible()
    page.panel.get_by_role("button", name="Allow for this session").click()
    page.wait_for_end("complete")
    second.wait_for_end("complete")
    assert second.transcript == page.transcript
    assert page.value("(a, b)") == "(1, 2)"


def test_a_question_of_the_agents_is_a_form(page: Page, lab: Lab) -> None:
    questions = [
        {"question": "Which area?", "header": "Area", "multiSelect": False, "options": [{"label": "V1", "description": "primary"}, {"label": "MT", "description": ""}]},
        {"question": "Which plots?", "header": "Plots", "multiSelect": True, "options": [{"label": "raster", "description": ""}, {"label": "PSTH", "description": ""}]},
    ]  # fmt: skip
    page.ask("Analyse.", Reply.tool("AskUserQuestion", questions=questions), Reply.text("Good."))
    form = page.panel.locator("form")
    form.get_by_label("MT").check()
    form.get_by_label("raster").check()
    form.get_by_label("Other answer: Which plots?").fill("ISI")
    form.get_by_role("button", name="Answer", exact=True).click()
    page.wait_for_end("complete")
    told = json.dumps(lab.model.requests[-1].tool_results)
    assert "MT" in told
    assert "raster, ISI" in told
    assert page.panel.locator(".nwa-question dd").all_inner_texts() == ["MT", "raster, ISI"]


def test_two_panels_are_two_sessions_and_one_shown_twice_is_one(
    open_panel: Callable[..., Page], lab: Lab
) -> None:
    page = open_panel(OPEN, "other = ChatPanel()\nother", "panel")
    panels = page.tab.locator(".nwa-panel")
    expect(panels).to_have_count(3)
    page.ask("One.", Reply.text("First."))
    page.wait_for_end("complete")
    expect(panels.nth(2).locator(".nwa-answer")).to_have_text("First.")
    expect(panels.nth(1).locator(".nwa-item")).to_have_count(0)
    lab.model.extend(Reply.text("Second."))
    panels.nth(1).get_by_label("Message to the agent").fill("Two.")
    panels.nth(1).get_by_label("Message to the agent").press("Enter")
    expect(panels.nth(1).locator(".nwa-answer")).to_have_text("Second.")
    expect(panels.nth(0).locator(".nwa-answer")).to_have_count(1)
    assert "One." not in "\n".join(lab.model.requests[-1].user_texts)
    assert page.value("panel.session_id != other.session_id") == "True"


def test_a_second_view_follows_the_live_turn(page: Page, lab: Lab) -> None:
    page.save()
    page.ask("Talk.", SLOW)
    expect(page.panel.locator(".nwa-answer")).to_contain_text("word word")
    second = lab.visit(page.tab.context)
    second.panel.wait_for()
    expect(second.panel.locator(".nwa-answer")).to_contain_text("word word")
    second.panel.get_by_role("button", name="Stop").click()
    second.wait_for_end("interrupted")
    page.wait_for_end("interrupted")
    assert second.transcript == page.transcript


def test_a_restart_ends_the_session_with_a_notice_and_resume_brings_it_back(own_page: Page, lab: Lab) -> None:
    page = own_page
    page.ask("Remember 17.", Reply.text("Seventeen."))
    page.wait_for_end("complete")
    page.ask("Talk.", SLOW)
    expect(page.panel.locator(".nwa-answer").last).to_contain_text("word word")
    assert lab.claude_processes()
    page.tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    expect(page.panel.get_by_role("alert").first).to_contain_text("The kernel has ended")
    page.wait_until(lambda: not lab.claude_processes(), 10)
    page.wait_for_kernel()
    page.run("from neuroworkflow_agent import ChatPanel\nChatPanel(resume='')")
    resumed = page.tab.locator(".nwa-panel").last
    expect(resumed.locator(".nwa-answer").first).to_have_text("Seventeen.")
    lab.model.extend(Reply.text("It was 17."))
    resumed.get_by_label("Message to the agent").fill("Which?")
    resumed.get_by_label("Message to the agent").press("Enter")
    expect(resumed.locator(".nwa-answer").last).to_have_text("It was 17.")
    assert "Remember 17." in "\n".join(lab.model.requests[-1].user_texts)


def test_nothing_runs_after_the_kernel_is_gone(own_page: Page, lab: Lab) -> None:
    page = own_page
    page.ask("Talk.", SLOW)
    expect(page.panel.locator(".nwa-answer")).to_contain_text("word word")
    (process,) = [p for p in lab.claude_processes() if p.status() != psutil.STATUS_ZOMBIE][:1]
    lab.end_kernels()
    page.wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 10)


def test_closed_as_soon_as_it_was_opened_nothing_is_left(page: Page) -> None:
    page.run(
        "import time\nfor wait in (0, 0.01, 0.05, 0.2):\n    brief = ChatPanel(); time.sleep(wait); brief.close()\ntime.sleep(0.5); print('closed')"
    )
    expect(page.tab.locator(".jp-OutputArea-output").last).to_have_text("closed")
    # That nothing is left in the kernel, and no process, is looked at when the page is released.


def test_a_notebook_that_is_opened_without_its_kernel_shows_what_was_said(own_page: Page, lab: Lab) -> None:
    page = own_page
    page.ask("Which one?", Reply.code(PLOT), Reply.text("Neuron **27** <script>alert(1)</script>."))
    page.wait_for_end("complete")
    saved = page.tab.locator("[class^=nwa-saved-]")
    expect(saved).to_contain_text("Neuron 27 <script>")
    expect(saved).to_be_hidden()
    page.save()
    page.wait_until(lambda: "Which one?" in page.path.read_text(encoding="utf-8"))
    first, second = json.loads(page.path.read_text(encoding="utf-8"))["cells"][0]["outputs"]
    assert "".join(first["data"]["text/plain"]).startswith(f"Chat with the agent in {lab.root}.")
    assert "Neuron **27**" in "".join(second["data"]["text/plain"])
    lab.end_kernels()
    page.tab.reload()
    page.wait_for_kernel()
    expect(saved).to_be_visible()
    expect(saved.locator("blockquote")).to_have_text("Which one?")
    expect(saved.locator("strong")).to_have_text("27")
    expect(saved.locator("pre.highlight")).to_contain_text("plt.plot")
    page.wait_until(lambda: saved.locator("img").evaluate("image => image.naturalWidth") > 100)


def test_a_link_shows_its_target_before_it_opens(page: Page, lab: Lab) -> None:
    page.ask(
        "Link?", Reply.text(f"[bank.example]({lab.url}/api?x=1) and ![picture](https://evil.example/p.png)")
    )
    page.wait_for_end("complete")
    page.panel.get_by_role("link", name="bank.example").click()
    dialog = page.panel.get_by_role("dialog")
    expect(dialog.locator(".nwa-target")).to_have_text(f"{lab.url}/api?x=1")
    with page.tab.context.expect_page() as opened:
        dialog.get_by_role("button", name="Open", exact=True).click()
    assert opened.value.evaluate("window.opener") is None
    page.panel.get_by_role("link", name="picture").click()
    dialog.get_by_role("button", name="Cancel").click()
    assert not [url for url in page.requests if "evil" in url]


def test_without_a_model_the_message_is_kept_and_the_panel_says_what_to_do(
    open_panel: Callable[..., Page],
) -> None:
    page = open_panel("import os\nos.environ.pop('ANTHROPIC_API_KEY'); os.environ.pop('ANTHROPIC_BASE_URL')\nfrom neuroworkflow_agent import ChatPanel\nChatPanel(model='openai:gpt-4.1')")  # fmt: skip
    expect(page.panel.locator(".nwa-notice")).to_contain_text("OPENAI_API_KEY")
    page.field.fill("Precious words")
    page.field.press("Enter")
    expect(page.panel.get_by_role("alert")).to_contain_text("OPENAI_API_KEY")
    expect(page.field).to_have_value("Precious words")
    page.reload()
    expect(page.field).to_have_value("Precious words")


def test_who_has_no_key_signs_in_without_leaving_the_panel(
    open_panel: Callable[..., Page], lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_panel("import os\nos.environ.pop('ANTHROPIC_API_KEY'); os.environ.pop('ANTHROPIC_BASE_URL')\nfrom neuroworkflow_agent import ChatPanel\nChatPanel(model='claude-x')")  # fmt: skip
    form = page.panel.get_by_role("form", name="Sign in")
    expect(page.panel.locator(".nwa-notice")).to_contain_text("neuroworkflow-agent login")
    key = form.get_by_label("Key", exact=True)
    expect(key).to_have_attribute("type", "password")
    form.get_by_label("Who takes the key").select_option(label="A model server")
    form.get_by_label("Base URL").fill(lab.model.base_url)
    key.fill("a-wrong-key-0000")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("refused the key (HTTP 401")
    expect(key).to_have_value("")
    key.fill(lab.model.api_key)
    key.press("Enter")
    expect(form).to_be_hidden()
    expect(page.panel.locator(".nwa-notice").last).to_contain_text(
        f"You are signed in to {lab.model.base_url}."
    )
    page.ask("Hello.", Reply.code("'ANTHROPIC_API_KEY' in os.environ"), Reply.text("Here I am."))
    page.wait_for_end("complete")
    expect(page.panel.locator(".nwa-tool")).to_contain_text("False")
    page.save()
    page.reload()
    page.wait_for_end("complete")
    expect(form).to_be_hidden()
    # It expires.
    monkeypatch.setattr(lab.model, "api_key", "the-next-key-0000")
    page.ask("Still there?", Reply.text("Never."))
    page.wait_for_end("error")
    expect(page.panel.locator(".nwa-end").last).to_contain_text("refused the key you signed in with")
    form.get_by_label("Who takes the key").select_option(label="A model server")
    form.get_by_label("Base URL").fill(lab.model.base_url)
    key.fill(lab.model.api_key)
    key.press("Enter")
    expect(form).to_be_hidden()
    lab.model.forget()
    page.ask("And now?", Reply.text("Here again."))
    page.wait_for_end("complete", 2)
    assert "Hello." in "\n".join(lab.model.requests[-1].user_texts)
    # In no notebook, no saved widget state, no transcript and no page; only where it is kept.
    assert lab.model.api_key not in page.tab.content()
    files = [path for root in (lab.root, lab.home) for path in root.rglob("*") if path.is_file()]
    holding = [path for path in files if lab.model.api_key.encode() in path.read_bytes()]
    assert [path.name for path in holding] == ["sign-in.json"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
    holding[0].unlink()


def test_messages_sent_while_the_agent_works_wait_for_it(page: Page, lab: Lab) -> None:
    go = threading.Event()
    page.ask("First", Reply.text("1", until=go), Reply.text("2"), Reply.text("3"))
    expect(page.panel.locator(".nwa-answer")).to_contain_text("1")
    waiting = page.panel.get_by_role("list", name="Messages that wait").get_by_role("listitem")
    for text in ("Second", "Wrong", "Third"):
        page.field.fill(text)
        page.field.press("Enter")
        expect(waiting.last).to_contain_text(text)
        expect(page.field).to_have_value("")
    waiting.nth(1).get_by_role("button", name="Remove").click()
    expect(waiting).to_have_count(2)
    waiting.last.get_by_role("button", name="Edit").click()
    expect(page.field).to_have_value("Third")
    expect(waiting).to_have_count(1)
    page.field.press_sequentially(" one")
    page.field.press("Enter")
    page.reload()
    expect(waiting).to_have_text([re.compile("Second"), re.compile("Third one")])
    go.set()
    page.wait_for_end("complete", 3)
    expect(waiting).to_have_count(0)
    assert [text for text in lab.model.requests[-1].user_texts if len(text) < 20] == ["First", "Second", "Third one"]  # fmt: skip


def test_a_message_that_waits_is_sent_into_the_running_turn(page: Page, lab: Lab) -> None:
    replies = (Reply.code(WAIT_FOR_GO), Reply.text("Only MT, then."), Reply.text("And V1."))
    page.ask("Compare the areas", *replies)
    expect(page.panel.locator(".nwa-tool")).to_have_attribute("data-state", "running")
    waiting = page.panel.get_by_role("list", name="Messages that wait").get_by_role("listitem")
    for text in ("V1 later", "Only MT", f"No, neither{' of those' * 9}"):
        page.field.fill(text)
        page.field.press("Enter")
        expect(waiting.last).to_contain_text(text)
    for place in (1, 2):
        waiting.nth(place).get_by_role("button", name="Send now").click()
        expect(waiting.nth(place - 1)).to_contain_text("after this step")
    expect(waiting).to_have_text(
        [re.compile("^Only MT"), re.compile("^No, neither"), re.compile("^V1 later")]
    )
    expect(page.field).to_be_focused()
    page.panel.evaluate("panel => (panel.style.width = '330px')")
    ends = waiting.get_by_role("button").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().right)"
    )
    assert max(ends) < page.panel.evaluate("panel => panel.getBoundingClientRect().right")
    waiting.nth(1).get_by_role("button", name="Edit").click()
    expect(page.field).to_have_value(re.compile("^No, neither of"))
    expect(waiting).to_have_count(2)
    page.field.fill("")
    (lab.root / "go").touch()
    page.wait_for_end("complete", 2)
    expect(waiting).to_have_count(0)
    shown = page.panel.locator(".nwa-log > *")
    kinds = shown.evaluate_all(
        "all => all.map((one) => one.className.match(/nwa-(user|tool|answer|end)/)?.[1])"
    )
    assert [kind for kind in kinds if kind] == [
        "user",
        "tool",
        "user",
        "answer",
        "end",
        "user",
        "answer",
        "end",
    ]
    expect(page.panel.locator(".nwa-user")).to_have_text(["Compare the areas", "Only MT", "V1 later"])
    assert len(lab.model.requests) == 3
    page.reload()
    expect(page.panel.locator(".nwa-user")).to_have_text(["Compare the areas", "Only MT", "V1 later"])


def test_after_a_stop_the_user_decides_about_what_waits(page: Page, lab: Lab) -> None:
    page.ask("Talk.", SLOW)
    expect(page.panel.locator(".nwa-answer")).to_contain_text("word")
    for text in ("One", "Two"):
        page.field.fill(text)
        page.field.press("Enter")
        expect(page.field).to_have_value("")
    waiting = page.panel.get_by_role("list", name="Messages that wait").get_by_role("listitem")
    expect(waiting).to_have_count(2)
    page.field.press("Escape")
    page.wait_for_end("interrupted")
    expect(waiting.first).not_to_contain_text("waits")
    assert len(lab.model.requests) == 1
    lab.model.extend(Reply.text("2"), Reply.text("1"))
    waiting.last.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_end("complete", 3)
    expect(waiting).to_have_count(0)
    assert lab.model.requests[-1].user_texts[-2:] == ["Two", "One"]


def test_the_panel_closes_from_code_and_its_process_with_it(page: Page, lab: Lab) -> None:
    page.ask("Hello.", Reply.text("Hi."))
    page.wait_for_end("complete")
    page.run("panel.close()")
    expect(page.tab.locator(".nwa-panel")).to_have_count(0)
    page.tab.wait_for_timeout(100)
    for _ in range(100):
        if not lab.claude_processes():
            break
        page.tab.wait_for_timeout(100)
    assert not lab.claude_processes()


def test_the_notebook_that_shows_it(shared_page: SharedPage) -> None:
    page = shared_page
    page.show_file((Path(__file__).parents[4] / "notebooks" / "panel.ipynb").read_text(encoding="utf-8"))
    page.open_panel()
    expect(page.panel.get_by_role("button", name="Fix this: NameError")).to_be_visible()
    page.ask("Plot the spike raster.", Reply.code("import matplotlib.pyplot as plt\nplt.plot(spike_times_ms, spike_neurons, '|')"), Reply.text("There."))  # fmt: skip
    page.wait_for_end("complete")
    expect_a_picture(page)


def test_resume_of_a_session_that_is_not_there_is_told(open_panel: Callable[..., Page]) -> None:
    page = open_panel("from neuroworkflow_agent import ChatPanel\nChatPanel(resume='0000')")
    expect(page.panel.locator(".nwa-notice")).to_contain_text("0000")
    page.ask("Hello?", Reply.text("Hello."))
    page.wait_for_end("complete")


def test_a_resumed_session_is_gone_on_with_once_there_is_a_model(page: Page, lab: Lab) -> None:
    page.ask("Remember 17.", Reply.text("Seventeen."))
    page.wait_for_end("complete")
    page.run("ChatPanel(resume=panel.session_id, model='openai:gpt-4.1')")
    second = page.tab.locator(".nwa-panel").last
    expect(second.locator(".nwa-notice").last).to_contain_text("OPENAI_API_KEY")
    second.get_by_label("Model", exact=True).select_option("sonnet")
    lab.model.extend(Reply.text("It was 17."))
    second.get_by_label("Message to the agent").fill("Which?")
    second.get_by_label("Message to the agent").press("Enter")
    expect(second.locator(".nwa-answer").last).to_have_text("It was 17.")
    assert "Remember 17." in "\n".join(lab.model.requests[-1].user_texts)
