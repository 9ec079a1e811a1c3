"""Whatever the model, the code, the files or the clipboard bring: nothing runs, nothing is loaded, nothing poses."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, expect

from neuroworkflow_agent.testing import Reply, Text, Thinking, ToolCall
from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.panel.browser.hostile import (
    EVERYTHING,
    MARKDOWN,
    MARKDOWN_KINDS,
    MARKUP,
    chosen,
    portions,
)

RUN_CODE = "mcp__neuroworkflow__run_code"
FOUND = """(root) => {
    const found = [];
    for (const node of root.querySelectorAll("*")) {
        if (["SCRIPT", "STYLE", "IFRAME", "OBJECT", "EMBED", "LINK", "META", "BASE", "FORM", "VIDEO", "AUDIO", "TEMPLATE", "INPUT", "TEXTAREA"].includes(node.tagName)) found.push(node.outerHTML);
        for (const { name, value } of node.attributes) {
            if (name.startsWith("on") || name === "style" || name === "id" || name === "srcset" || name === "ping") found.push(`${node.tagName} ${name}=${value}`);
            if (["href", "src", "action", "formaction", "xlink:href"].includes(name)) {
                const target = new URL(value, location.protocol === "about:" ? "http://here/" : location.href);
                if (!["http:", "https:", "mailto:", "blob:"].includes(target.protocol)) found.push(`${node.tagName} ${name}=${value}`);
                if (name === "src" && target.protocol !== "blob:") found.push(`${node.tagName} ${name}=${value}`);
            }
        }
    }
    return found;
}"""
SHOW = """
import json
from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
first, second, third, mathematics = json.loads({portions!r})
for vector in first:
    display(HTML(vector), Markdown(vector))
"""
SHOW_MORE = """
for vector in second + third:
    print(vector)
for vector in second:
    display({'text/html': vector, 'text/plain': vector}, raw=True)
"""
SHOW_LAST = """
for vector in third:
    display({'text/html': '<table><tr><td>' + vector + '</td></tr></table>'}, raw=True)
display({'image/svg+xml': '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" onload="alert(1)"><script>alert(1)</script><image href="https://evil.example/svg.png"/><rect width="20" height="20"/></svg>'}, raw=True)
display({'image/png': '"><script>alert(1)</script>', 'text/plain': '"><img src=x onerror=alert(1)>'}, raw=True)
display({'application/javascript': 'alert(1)', 'application/x<script>alert(1)</script>': 'x'}, raw=True)
for vector in mathematics:
    display(Latex(vector))
raise ValueError(''.join(first + second + third))
"""


def check(page: Page, lab: Lab, where: Locator | None = None) -> None:
    """Nothing ran, nothing was asked of anybody else, nothing is in the page that could."""
    for item in page.panel.locator(".nwa-log .nwa-item").all():
        item.scroll_into_view_if_needed()  # what is out of sight is not drawn
    page.tab.wait_for_timeout(500)
    assert page.tab.evaluate("window.alarms") == []
    host = urlsplit(lab.url).netloc
    elsewhere = [
        url
        for url in page.requests
        if urlsplit(url).scheme in ("http", "https", "ws") and urlsplit(url).netloc != host
    ]
    assert elsewhere == []
    assert (where or page.panel.locator(".nwa-log")).evaluate(FOUND) == []
    box = page.panel.bounding_box()
    assert box is not None
    assert box["height"] > 300
    assert page.tab.evaluate("Boolean(window.jupyterapp.commands.execute)")


def test_there_are_enough_of_them() -> None:
    assert len(set(EVERYTHING)) >= 150


def test_the_search_finds_what_must_not_be_there(context: BrowserContext) -> None:
    tab = context.new_page()
    for vector in (
        "<img src=x>",
        "<b onclick=alert(1)>x</b>",
        "<a href=javascript:alert(1)>a</a>",
        "<p style=color:red>x</p>",
        "<iframe></iframe>",
    ):
        assert tab.evaluate(f"html => {{ const d = document.createElement('div'); d.innerHTML = html; return ({FOUND})(d); }}", vector), vector  # fmt: skip


def test_text_of_the_model_and_of_the_user(page: Page, lab: Lab) -> None:
    everything = "\n\n".join(MARKUP + MARKDOWN)
    page.ask(everything, Reply((Thinking(everything), Text(everything))), *[])
    page.wait_for_end("complete")
    expect(page.panel.locator(".nwa-said")).to_contain_text("<script>alert(1)</script>")
    page.panel.locator(".nwa-thinking summary").click()
    check(page, lab)


def test_outputs_of_code(page: Page, lab: Lab) -> None:
    vectors = MARKUP + MARKDOWN
    mathematics = chosen({"mathematics": MARKDOWN_KINDS["mathematics"]})
    show = SHOW.format(portions=json.dumps([*portions(vectors, 45, 50, 73), mathematics]))
    page.ask("Show.", Reply.code(show), Reply.code(SHOW_MORE), Reply.code(SHOW_LAST), Reply.text("Shown."))
    page.wait_for_end("complete")
    assert page.panel.locator(".nwa-tool .nwa-parts > div").count() > 0.6 * len(vectors)
    check(page, lab)


def test_inputs_of_tools_names_of_files_and_questions(page: Page, lab: Lab) -> None:
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    read, written, edited, called, asked, coded = portions(MARKUP, 40, 4, 4, 12, 4, 74)
    calls = [ToolCall("Read", {"file_path": vector}) for vector in read]
    calls += [ToolCall("Write", {"file_path": f"{vector}.md", "content": vector}) for vector in written]
    calls += [ToolCall("Edit", {"file_path": "x.md", "old_string": v, "new_string": v[::-1]}) for v in edited]
    calls += [ToolCall(f"mcp__{vector}", {vector: vector}) for vector in called]
    questions = [
        {
            "question": vector,
            "header": vector,
            "multiSelect": False,
            "options": [{"label": vector, "description": vector}] * 2,
        }
        for vector in asked
    ]
    page.ask("Go.", Reply((*calls, ToolCall("AskUserQuestion", {"questions": questions}))), Reply.code("x = '''" + "\n".join(coded) + "'''"), Reply.text("."))  # fmt: skip
    form = page.panel.locator("form")
    denies = page.panel.get_by_role("button", name="Deny")
    page.wait_until(lambda: form.count() + denies.count() > 0)
    while page.panel.locator(".nwa-end").count() == 0:
        # Forms and approvals are ours; everything in them is looked at before they go.
        page.tab.wait_for_timeout(100)
        assert page.tab.evaluate("window.alarms") == []
        if denies.count():
            denies.first.click()
        elif form.count():
            assert form.locator("legend").count() == len(questions)
            form.get_by_role("button", name="Do not answer").click()
    check(page, lab)


def test_file_names_completions_titles_and_pasted_html(page: Page, lab: Lab) -> None:
    names = [v.replace("/", "\N{DIVISION SLASH}").replace("\0", "") for v in MARKUP]
    for name in names:
        if len(name.encode()) < 250:
            (lab.root / name).write_text("x", encoding="utf-8")
    page.field.press_sequentially("@<s")
    expect(page.panel.get_by_role("option").first).to_be_visible()
    assert page.panel.locator(".nwa-completions").evaluate(FOUND.replace('name === "id"', "false")) == []
    page.field.press("Enter")
    page.field.evaluate(
        """(field, html) => {
            field.focus();
            const data = new DataTransfer();
            data.setData("text/html", html);
            data.setData("text/plain", html);
            for (const [index, name] of html.split("\\n").slice(0, 12).entries()) data.items.add(new File(["x"], `${index}${name}`));
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
            document.execCommand("insertText", false, html);
        }""",
        "\n".join(MARKUP),
    )
    expect(page.panel.locator(".nwa-composer .nwa-chips li")).to_have_count(13)
    lab.model.extend(Reply.text("Fine."))
    page.field.press("Enter")
    page.wait_for_end("complete")
    page.panel.get_by_role("button", name="Sessions", exact=True).click()
    expect(page.panel.locator(".nwa-session")).to_have_count(1)
    check(page, lab, page.panel.locator(".nwa-sessions"))
    page.tab.keyboard.press("Escape")
    page.run("raise ValueError('<img src=x onerror=alert(1)>')")
    expect(page.panel.get_by_role("button", name="Fix this")).to_be_visible()
    check(page, lab)
