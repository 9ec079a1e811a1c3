"""Markdown is rendered; whatever a hostile text holds is shown or gone, never run and never loaded."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroworkflow_agent.events import TurnEnd
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval
from neuroworkflow_agent.render.markdown import _TAGS, page, render_html, render_text
from neuroworkflow_agent.render.stream import MarkdownStream

_ALLOWED = {"href", "title", "class", "start", "open", "display", "target", "rel", "mathvariant", "stretchy", "fence", "form", "accent", "columnalign", "linethickness"}  # fmt: skip


class Inspector(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name not in _ALLOWED:
                self.found.append(f"{tag}@{name}")
            if name == "href" and not re.match(r"(https?://|mailto:|[^:]*$)", value or "", re.IGNORECASE):
                self.found.append(f"href={value}")
            if name == "href" and ("rel", "noopener noreferrer") not in attrs:
                self.found.append("no rel")


def dangers(html: str) -> list[str]:
    return Inspector(html).found


@pytest.mark.parametrize(
    ("markdown", "contains"),
    [
        ("# Title", "<h1>Title</h1>"),
        ("**bold** and `code`", "<strong>bold</strong> and <code>code</code>"),
        ("|a|b|\n|-|-|\n|1|2|", "<td>1</td>"),
        ("```python\ndef f(): pass\n```", '<span class="k">def</span>'),
        ("```nosuchlanguage\n<x>\n```", "&lt;x&gt;"),
        ("$E = mc^2$", '<math display="inline">'),
        ("$$\\frac{a}{b}$$", "<mfrac>"),
        ("\\begin{align}a &= b\\end{align}", "<math"),
        ("$\\nosuchcommand{$", "nosuchcommand"),
        ("costs $5 and $6", "costs $5 and $6"),
        ("~~gone~~", "<s>gone</s>"),
        ("日本語 العربية", "日本語 العربية"),
        ("[paper](https://doi.org/x)", 'href="https://doi.org/x"'),
        ("![alt text](https://evil.example/x.png)", ">alt text</a>"),
    ],
)
def test_markdown_is_rendered(markdown: str, contains: str) -> None:
    html = render_html(markdown)
    assert contains in html
    assert dangers(html) == []


HOSTILE = [
    "<script>alert(1)</script>", "<ScRiPt src=//evil></sCrIpT>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>", "<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<object data=javascript:alert(1)>", "<embed src=//evil>", "<link rel=stylesheet href=//evil>",
    "<style>*{background:url(//evil)}</style>", "<style>@import '//evil';</style>", "<div style=position:fixed>", "<base href=//evil>",
    "<meta http-equiv=refresh content='0;url=//evil'>", "<form action=//evil><input name=x>", "<button formaction=javascript:alert(1)>",
    "<body onload=alert(1)>", "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>", "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>", "<isindex action=javascript:alert(1)>", "<a href=javascript:alert(1)>x</a>", "<math href=javascript:alert(1)>x",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math><annotation-xml encoding=text/html><script>alert(1)</script></annotation-xml></math>", "<math><maction actiontype=statusline xlink:href=javascript:alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "<template><script>alert(1)</script></template>", "<textarea><script>alert(1)</script>",
    "<title><img src=x onerror=alert(1)></title>", "<xmp><img src=x onerror=alert(1)></xmp>", "<plaintext><script>", "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>", "<?xml-stylesheet href=//evil?>", "<!DOCTYPE x [<!ENTITY y SYSTEM '//evil'>]>", "<a\x00href=javascript:alert(1)>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))", "[x]( javascript:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)", "[x](file:///etc/passwd)", "[x](blob:x)", "[x](<javascript:alert(1)>)", "[x](https://a\"onmouseover=alert(1))",
    "[x](https://a 'title\" onclick=alert(1)')", "[x]: javascript:alert(1)\n\n[x]", "[x]: https://a \"t' onclick='alert(1)\"\n\n[x]", "<javascript:alert(1)>",
    "<https://a\" onclick=alert(1)>", "![x](javascript:alert(1))", "![x](https://evil/pixel.png)", "![x](//evil/pixel.png)", "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "![\"onerror=\"alert(1)](x)", "![x](x \"onerror=alert(1)\")", "```<script>alert(1)</script>\nx\n```", "```\"onmouseover=alert(1)\nx\n```",
    "```python\n</code></pre><script>alert(1)</script>\n```", "```html\n<script>alert(1)</script>\n```", "`<img src=x onerror=alert(1)>`", "    <script>alert(1)</script>",
    "|<script>alert(1)</script>|\n|-|\n|<img src=x onerror=alert(1)>|", "# <script>alert(1)</script>", "> <script>alert(1)</script>", "- <script>alert(1)</script>",
    "$<script>alert(1)</script>$", "$\\text{<script>alert(1)</script>}$", "$\\href{javascript:alert(1)}{x}$", "$\\url{javascript:alert(1)}$",
    "$\\unicode{<img src=x onerror=alert(1)>}$", "$\\class{x\" onclick=alert(1)}{y}$", "$\\style{background:url(//evil)}{y}$", "$\\includegraphics{//evil}$",
    "$\\htmlData{onclick=alert(1)}{x}$", "$\\color{red\" onclick=\"alert(1)}{x}$", "$$</math><script>alert(1)</script>$$", "\\begin{align}<script>alert(1)</script>\\end{align}",
    "$\\def\\x{<script>}\\x$", "$\\verb|<script>alert(1)</script>|$", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)\\</script>", "**<script>alert(1)</script>**", "[<img src=x onerror=alert(1)>](https://a)", "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>script>alert(1)<</script>/script>", "<img/src=x/onerror=alert(1)>", "<img src='x' onerror\n=alert(1)>", "<svg/onload=alert(1)//", "<a href=\"&#x6A;avascript:alert(1)\">",
    "\u202e<script>alert(1)</script>", "\ufeff<script>alert(1)</script>", "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07", "<a href=https://a target=_self>x</a>", "<a id=x name=getElementById>",
    "<div class='jp-Toolbar'>", "<input autofocus onfocus=alert(1)>", "<select onfocus=alert(1) autofocus>", "<keygen autofocus onfocus=alert(1)>", "[x](mailto:a@b?body=<script>)",
]  # fmt: skip


def test_there_are_enough_hostile_strings() -> None:
    assert len(set(HOSTILE)) >= 100


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing_through_any_channel(text: str) -> None:
    rendered = [
        render_html(text),
        render_html(f"before\n\n{text}\n\nafter"),
        parts.tool_use("run_code", {"code": text}).html,
        parts.tool_use("Write", {"file_path": text, "content": text}).html,
        parts.tool_use("Edit", {"file_path": text, "old_string": text, "new_string": "x"}).html,
        parts.tool_use("Read", {"file_path": text}).html,
        parts.tool_use(text, {text: text}).html,
        parts.tool_result(text, is_error=True).html,
        approval(text, {"code": text}, text).html,
        parts.question(
            {"questions": [{"question": text, "options": [{"label": text, "description": text}]}]}
        ).html,
        parts.notice(text).html,
        parts.thinking(text).html,
        parts.turn_end(TurnEnd(TurnId("t"), "error", text, None, 1.0)).html,
        parts.session_table([(text, text, text)]).html,
    ]
    assert [dangers(html) for html in rendered] == [[]] * len(rendered)


def test_plain_text_holds_no_escapes() -> None:
    assert render_text("a\x1b[31mb\x00\n") == "ab"


def test_tricks_in_file_names_are_shown() -> None:
    assert "a\\u202eb" in parts.tool_use("Read", {"file_path": "a\u202eb"}).text


def test_lone_surrogates_do_no_harm() -> None:
    assert render_html("a\ud800b") == "<p>ab</p>\n"


@pytest.mark.parametrize(
    "questions", [None, 3, [None], [{"options": None}], [{"question": 1, "options": ["x", {}]}]]
)
def test_malformed_questions_are_shown_as_far_as_they_go(questions: object) -> None:
    assert isinstance(parts.question({"questions": questions}).text, str)


def test_display_is_closed_to_mathjax() -> None:
    assert re.match('<div class="nwa mathjax_ignore tex2jax_ignore">', page("<p>$HOME and $PATH</p>"))


PIECES = ["# Title\n\n", "word " * 120 + "\n\n", "- a\n- b\n\n", "```python\nx = 1\n" + "y = 2\n" * 600 + "```\n\n", "> quote\n\n", "| a | b |\n|---|---|\n| 1 | 2 |\n\n", "$$x^2$$\n\n", "$$\na\n\n= b\n$$\n\n", "1. one\n2. two\n\n", "`code` **bold**\n\n"]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    document=st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join), size=st.integers(1, 400)
)
def test_streaming_shows_the_same_as_rendering_at_once(document: str, size: int) -> None:
    stream = MarkdownStream()
    shown = []
    for start in range(0, len(document), size):
        stream.feed(document[start : start + size])
        shown += [chunk.html for chunk in stream.take_closed()]
    assert len(stream.tail().text) <= 3 * 2000 + 400
    html = "".join([*shown, stream.tail().html])
    assert visible(html) == visible(render_html(document))
    assert dangers(html) == []


def visible(html: str) -> str:
    return "".join(re.sub(r"<[^>]*>", "", html).split())
