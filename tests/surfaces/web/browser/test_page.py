"""The web chat as a person uses it: Chromium on a computer's and on a phone's screen, with only the model scripted."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, Thinking, ToolCall
from neuroworkflow_agent.testing.web import WebChatServer
from tests.surfaces.mcp.server import TOKEN, Server

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.claude]
RUN_CODE = "mcp__neuroworkflow__run_code"
DRAW = "from PIL import Image\nprint('drawing')\nImage.new('RGB', (200, 120), 'red')"
STEPS = """
import time
from pathlib import Path
step = 0
while not Path("go").exists():
    print("step", step, flush=True)
    time.sleep(0.1)
    step += 1
"""
"""Source that goes on when the test says so, however slow the machine is."""
HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>[x](javascript:alert(1)) \u202egnp.exe"
expect.set_options(timeout=30_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebChatServer]:
    """One for each test: what a page has begun ends with it."""
    with ScriptedModel() as model:
        server = WebChatServer(tmp_path, model)
        yield server
        server.close()


@pytest.fixture
def scripted_jupyter(server: WebChatServer, tmp_path: Path) -> Iterator[Server]:
    """A Jupyter server of the same user, whose root is the workspace, with a notebook that runs."""
    (tmp_path / "root").symlink_to(server.root)
    jupyter = Server(tmp_path, environ=server.env)
    nbformat.write(nbformat.v4.new_notebook(), server.root / "rates.ipynb")
    wanted = {"path": "rates.ipynb", "name": "rates.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    headers = {"Authorization": f"token {TOKEN}"}
    httpx.post(f"{jupyter.url}/api/sessions", json=wanted, headers=headers, timeout=60).raise_for_status()
    yield jupyter
    jupyter.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


class Tab:
    """A tab with the page, and what went wrong in it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        self.page.goto(url)
        self.ready()

    def ready(self) -> None:
        """Until the chat is shown."""
        self.page.wait_for_function("() => document.querySelector('.nwa-status')?.textContent === ''")

    @property
    def field(self) -> Locator:
        return self.page.get_by_label("Message to the agent")

    @property
    def list(self) -> Locator:
        return self.page.locator(".nwa-chats")

    def ask(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")

    def wait_for_end(self, word: str = "", count: int = 1) -> None:
        ends = self.page.locator(".nwa-end")
        expect(ends).to_have_count(count, timeout=90_000)  # with the kernel's start
        expect(ends.last).to_contain_text(word)


def test_a_token_is_typed_on_the_page_of_a_chat(server: WebChatServer, context: BrowserContext) -> None:
    address, _, token = server.url.partition("?token=")
    page = context.new_page()
    page.goto(f"{address}c/one")
    field = page.get_by_label("Token")
    for typed in ("wrong", token):
        field.fill(typed)
        field.press("Enter")
        if typed == "wrong":
            expect(page.get_by_role("alert")).to_contain_text("This is not the token of this server")
    expect(page.get_by_label("Message to the agent")).to_be_visible()


def test_a_conversation(server: WebChatServer, context: BrowserContext) -> None:
    """Streamed text, thinking, code with live output, a picture, files; loaded anew in mid-stream; stopped; in a second tab."""
    tab = Tab(context, server.url)
    page = tab.page
    assert "token" not in page.url
    expect(page).to_have_title("NeuroWorkflow agent")
    server.model.extend(
        Reply((Thinking("Let me see."), Text("I **look** first."), ToolCall(RUN_CODE, {"code": DRAW}))),
        Reply((Text("Now a file."), ToolCall("Write", {"file_path": "notes.md", "content": "one\ntwo\n"}))),
        Reply((ToolCall("Edit", {"file_path": "notes.md", "old_string": "two", "new_string": "2"}),)),
        Reply.text("Done: $x^2$.\n\n```python\nprint(1)\n```"),
    )
    tab.ask("Draw")
    tab.wait_for_end()
    answers = page.locator(".nwa-answer .nwa-parts")
    assert [text.strip().split("\n")[0] for text in answers.all_inner_texts()][:2] == [
        "I look first.",
        "Now a file.",
    ]
    expect(answers.last.locator("math")).to_have_count(1)
    cards = page.locator(".nwa-tool")
    assert [card.get_attribute("data-state") for card in cards.all()] == ["ok", "ok", "ok"]
    expect(cards.nth(0)).to_contain_text("drawing")
    expect(cards.nth(1)).to_contain_text("notes.md")
    expect(cards.nth(2).locator(".gi")).to_contain_text("2")
    cards.nth(0).locator("summary").first.click()
    expect(cards.nth(0).locator("details")).not_to_have_attribute("open", "")
    cards.nth(0).locator("summary").first.click()
    page.locator(".nwa-thinking summary").click()
    expect(page.locator(".nwa-thought")).to_have_text("Let me see.")
    page.locator(".nwa-picture").click()
    large = page.locator("dialog.nwa-large img")
    expect(large).to_be_visible()
    assert large.evaluate("image => image.naturalWidth") > 100
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    page.locator(".nwa-answer").last.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()").strip() == "print(1)"
    # loaded anew while code runs, and in a second tab
    expect(page).to_have_title(re.compile("Draw"))
    server.model.extend(Reply((Text("Slowly."), ToolCall(RUN_CODE, {"code": STEPS}))))
    tab.ask("Count")
    expect(page.locator(".nwa-tool").last).to_contain_text("step 2", timeout=90_000)
    page.reload()
    expect(page.locator(".nwa-tool").last).to_contain_text("step 5", timeout=90_000)
    second = context.new_page()
    second.goto(page.url)
    expect(second.locator(".nwa-tool").last).to_contain_text("step 8")
    second.get_by_role("button", name="Stop").click()
    tab.wait_for_end("interrupted", 2)
    expect(page.locator(".nwa-tool").last).to_have_attribute("data-state", "stopped")
    assert tab.errors == []
    assert {url.split("/")[2] for url in tab.requests if not url.startswith("blob:")} == {
        server.base.split("/")[2]
    }


@pytest.mark.thorough
def test_many_chats(server: WebChatServer, context: BrowserContext) -> None:
    """Begun, gone to, searched, pinned, renamed, deleted; a message changed; while one is at work, another is asked."""
    tab = Tab(context, server.url)
    page = tab.page
    server.model.extend(Reply((ToolCall(RUN_CODE, {"code": STEPS}),)))
    tab.ask("Count cells")
    expect(tab.list.locator("li").first).to_contain_text("at work")
    expect(page.locator(".nwa-tool")).to_contain_text("step 1", timeout=90_000)  # it has had its answer
    page.get_by_role("button", name="New chat").click()
    tab.ready()
    expect(tab.field).to_be_focused()
    server.model.extend(Reply.text("An axolotl."), Reply.text("Counted."))
    tab.ask("Name an animal")
    expect(page.locator(".nwa-log")).to_contain_text("axolotl")
    assert page.url.startswith(f"{server.base}/c/")
    (server.root / "go").touch()
    tab.list.get_by_role("link", name="Count cells").click()
    expect(page.locator(".nwa-log")).to_contain_text("Counted.")
    tab.wait_for_end()
    page.go_back()
    expect(page.locator(".nwa-log")).to_contain_text("axolotl")
    # found by what was said
    page.get_by_label("Search in chats").fill("axolotl")
    expect(tab.list.locator("li")).to_have_count(1)
    expect(tab.list).to_contain_text("An axolotl.")
    page.get_by_label("Search in chats").fill("")
    # pinned, renamed, deleted
    first = tab.list.locator("li").first
    tab.list.get_by_role("button", name="Actions for Count cells").click()
    tab.list.get_by_role("button", name="Pin").click()
    expect(first).to_contain_text("Count cells")
    tab.list.get_by_role("button", name="Actions for Count cells").click()
    tab.list.get_by_role("button", name="Rename").click()
    page.keyboard.type("Cells <b>counted</b>")
    page.keyboard.press("Enter")
    expect(first).to_contain_text("Cells <b>counted</b>")
    # a message is changed, and answered again
    server.model.extend(Reply.text("A newt."), Reply.text("An olm."))
    page.locator(".nwa-user").hover()
    page.locator(".nwa-edit").click()
    tab.ask("Name another animal")
    expect(page.locator(".nwa-log")).to_contain_text("A newt.")
    tab.wait_for_end()
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".nwa-log")).to_contain_text("An olm.")
    tab.wait_for_end()
    expect(page.locator(".nwa-user")).to_have_text(re.compile("Name another animal"))
    rows = tab.list.locator("li[data-id]")
    for left in range(rows.count() - 1, -1, -1):
        first.locator(".nwa-more").click()
        first.get_by_role("button", name="Delete").click()
        first.get_by_role("button", name="Delete for good").click()
        expect(rows).to_have_count(left)
    expect(tab.list).to_have_text("No chats yet.")
    assert tab.errors == []


GIVE = """(node, kind) => {
    const data = new DataTransfer();
    data.items.add(new File(["a,b\\n1,2\\n"], `../${kind}.csv`, {type: "text/csv"}));
    const event = kind === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
      : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
    node.dispatchEvent(event);
}"""


@pytest.mark.thorough
def test_files_are_attached_and_a_turn_is_copied(
    server: WebChatServer, context: BrowserContext, tmp_path: Path
) -> None:
    """By clip, paste, drag into the chat and beside it, with their sizes; then *Fork from here* below the first of two turns."""
    tab = Tab(context, server.url)
    page = tab.page
    Image.effect_noise((900, 900), 90).save(tmp_path / "noise.png")
    size = (tmp_path / "noise.png").stat().st_size
    page.get_by_label("Files to attach").set_input_files(tmp_path / "noise.png")
    chips = page.locator(".nwa-composer .nwa-chips li")
    expect(chips).to_have_count(1)
    tab.field.evaluate(GIVE, "paste")
    expect(chips).to_have_count(2)
    tab.field.evaluate(GIVE, "drop")
    expect(chips).to_have_count(3)
    tab.list.evaluate(GIVE, "beside")
    expect(chips.locator("span")).to_have_text(
        ["uploads/noise.png", "uploads/paste.csv", "uploads/drop.csv", "uploads/beside.csv"]
    )
    expect(chips.locator("small")).to_have_text([f"{-(-size // 1000)} kB", "1 kB", "1 kB", "1 kB"])
    assert (server.root / "uploads" / "noise.png").read_bytes() == (tmp_path / "noise.png").read_bytes()
    server.model.extend(Reply.text("Noise, and three tables."), Reply.text("Yes."), Reply.text("A newt."))
    tab.ask("What are these?")
    tab.wait_for_end()
    said = str(server.model.requests[-1].body["messages"])
    assert said.count("'type': 'image'") == 1
    assert said.count("a,b") == 3
    tab.ask("Are you sure?")
    tab.wait_for_end(count=2)
    first = page.url
    page.get_by_role("button", name="Fork from here").first.click()
    expect(page).not_to_have_url(first)
    tab.wait_for_end()
    expect(page.locator(".nwa-user")).to_have_count(1)
    tab.ask("Name an animal")
    expect(page.locator(".nwa-log")).to_contain_text("A newt.")
    assert "Are you sure?" not in str(server.model.requests[-1].body["messages"])
    page.goto(first)
    expect(page.locator(".nwa-user")).to_have_count(2)
    assert tab.errors == []


@pytest.mark.thorough
def test_a_chat_begins_where_it_is_wanted(
    server: WebChatServer, context: BrowserContext, scripted_jupyter: Server
) -> None:
    """Beside *New chat*: another kernel, or a notebook's that runs."""
    tab = Tab(context, server.url)
    page = tab.page
    opener = page.get_by_role("button", name="Another kernel, or a notebook")
    opener.click()
    own = page.get_by_role("group", name="With a kernel of its own")
    notebooks = page.get_by_role("group", name="With the kernel of a notebook that runs")
    expect(own.get_by_role("button").first).to_be_focused()
    expect(own.get_by_role("button", name="Python 3 (ipykernel)")).to_be_visible()
    expect(notebooks.get_by_role("button")).to_have_text(["rates.ipynb"])
    assert _wrong(page) == []
    page.keyboard.press("Escape")
    expect(own).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    notebooks.get_by_role("button", name="rates.ipynb").click()
    tab.ready()
    expect(page.locator(".nwa-where")).to_have_text("rates.ipynb")
    expect(page.locator(".nwa-empty")).to_contain_text("its code runs in rates.ipynb")
    server.model.extend(
        Reply((ToolCall(RUN_CODE, {"code": "import os\nprint('in', os.environ['JPY_SESSION_NAME'])"}),)),
        Reply.text("Seen."),
    )
    tab.ask("See the rates")
    tab.wait_for_end()
    expect(page.locator(".nwa-tool")).to_contain_text("rates.ipynb")
    page.reload()
    expect(page.locator(".nwa-where")).to_have_text("rates.ipynb")
    expect(tab.list.locator("li").first).to_contain_text("rates.ipynb")
    assert tab.errors == []


@pytest.mark.parametrize("scheme", ["dark", pytest.param("light", marks=pytest.mark.thorough)])
def test_on_a_phone(server: WebChatServer, browser: Browser, scheme: str) -> None:
    """360 px: the list is a drawer; axe finds nothing; what is hostile is text; nothing is wider than the screen."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, color_scheme=scheme)  # type: ignore[arg-type]
    tab = Tab(context, server.url)
    page = tab.page
    server.model.extend(
        Reply((Text(HOSTILE), ToolCall(RUN_CODE, {"code": f"print({HOSTILE!r} * 3)"}))),
        Reply.text(HOSTILE),
    )
    tab.ask(HOSTILE)
    tab.wait_for_end()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".nwa-log img[src=x], .nwa-log script, .nwa-log a[href^=javascript]").count() == 0
    assert _wrong(page) == []
    page.get_by_role("button", name="Chats", exact=True).click()
    expect(tab.list.locator("li").first).to_be_visible()
    tab.list.locator(".nwa-more").first.click()
    page.wait_for_timeout(300)
    assert _wrong(page) == []
    page.keyboard.press("Escape")
    expect(tab.list).not_to_be_visible()
    background = page.locator(".nwa-panel").evaluate("node => getComputedStyle(node).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert tab.errors == []
    context.close()


@pytest.mark.thorough
def test_a_turn_ends_before_its_code(tmp_path: Path, context: BrowserContext) -> None:
    """Long code goes on behind the answer, with a clock, also in a page that is loaded anew; its end is said; Stop ends it."""
    with ScriptedModel() as model:
        server = WebChatServer(tmp_path, model, NEUROWORKFLOW_DETACH_AFTER_S="0.5")
        tab = Tab(context, server.url)
        page = tab.page
        card, status = page.locator(".nwa-tool"), page.locator(".nwa-status")
        ticking = re.compile(r"^Code of the agent.s still runs · \d+ s · Escape stops it$")

        def seconds() -> int:
            expect(status).to_have_text(ticking)
            return int(re.findall(r"\d+", status.inner_text())[0])

        model.extend(Reply.code(STEPS), Reply.text("It counts; I say when it is done."))
        tab.ask("Count")
        tab.wait_for_end("its code runs on")
        expect(page.locator(".nwa-answer")).to_contain_text("It counts")
        expect(card.locator(".nwa-state")).to_have_text("running")
        before = seconds()
        page.wait_for_timeout(2_500)
        expect(card).to_contain_text("step 20")
        page.reload()
        assert seconds() >= before + 2  # the code's time, not the page's
        # One may write meanwhile.
        model.extend(Reply.text("I do not know."))
        tab.ask("How far is it?")
        tab.wait_for_end("", 2)
        expect(status).to_have_text(ticking)
        (server.root / "go").touch()
        expect(page.locator(".nwa-notice").last).to_contain_text("The code that ran on has ended, after")
        expect(card.locator(".nwa-state")).to_contain_text("done")
        expect(status).to_have_text("")
        (server.root / "go").unlink()
        # Once more, stopped while no turn runs.
        model.extend(Reply.code(STEPS), Reply.text("It counts."))
        tab.ask("Again")
        tab.wait_for_end("its code runs on", 3)
        expect(status).to_have_text(ticking)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".nwa-notice").last).to_contain_text("The code that ran on was stopped")
        expect(card.last).to_have_attribute("data-state", "stopped")
        model.extend(Reply.code("print('free again')"), Reply.text("Yes."))
        tab.ask("Is the kernel free?")
        tab.wait_for_end("", 4)
        expect(card.last).to_contain_text("free again")
        assert tab.errors == []
        server.close()


@pytest.mark.thorough
def test_server_goes_and_comes_back(server: WebChatServer, context: BrowserContext) -> None:
    """The page says so, and goes on with the same chat by itself; a turn that was cut off is continued."""
    tab = Tab(context, server.url)
    page = tab.page
    server.model.extend(Reply((Text("I count."), ToolCall(RUN_CODE, {"code": STEPS}))))
    tab.ask("Count")
    expect(page.locator(".nwa-tool").last).to_contain_text("step 2", timeout=90_000)
    address = page.url
    server.kill()
    expect(page.locator(".nwa-status")).to_contain_text("does not answer")
    server.model.forget()
    server.model.extend(Reply.text("Goes on."))
    server.start_again()
    tab.wait_for_end("cut off")
    expect(page.locator(".nwa-tool").last).to_contain_text("step 2", timeout=90_000)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".nwa-log")).to_contain_text("Goes on.")
    tab.wait_for_end("", 2)
    expect(page.get_by_role("button", name="Continue")).not_to_be_visible()
    assert page.url == address


@pytest.mark.thorough
def test_enter_is_answered_at_once(server: WebChatServer, context: BrowserContext) -> None:
    """Enter to the first change of the page, within what a busy machine needs."""
    tab = Tab(context, server.url)
    server.model.extend(Reply.text("Yes."))
    tab.field.fill("Hello")
    begun = time.monotonic()
    tab.field.press("Enter")
    expect(tab.page.get_by_role("button", name="Stop")).to_be_visible()
    assert time.monotonic() - begun < 0.5
    tab.wait_for_end()


def _wrong(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]
