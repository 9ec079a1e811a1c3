"""The web page: what a long answer sends, how soon Enter is seen, how soon a long chat is."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from benchmarks.bench_mcp import loading_ms
from benchmarks.bench_panel import long_answer
from benchmarks.rows import Row, percentile
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.lab import chromium, find_chromium
from neuroworkflow_agent.testing.web import WebChatPage, WebChatServer

_TOKENS = 20_000
_ITEMS = 1000
_OPENINGS = 9
_STARTS = 9
_ENTERS = 40
_WRITE_LOG = f"""\
import sys
from pathlib import Path
from neuroworkflow_agent.engine.event_log import add_to_log
from neuroworkflow_agent.events import TextDelta, TurnEnd, TurnStart
from neuroworkflow_agent.surfaces.web.kept import KeptFile
for number in range({_ITEMS // 3 + 1}):
    turn = f"t{{number}}"
    for event in (
        TurnStart(turn, f"Question {{number}}?"),
        TextDelta(f"Answer **{{number}}** with `code`.\\n\\n```python\\nx = {{number}}\\n```\\n"),
        TurnEnd(turn, "complete", "", None, 1.0),
    ):
        add_to_log(sys.argv[1], turn, event, str)
KeptFile(Path.cwd()).begin(sys.argv[1])
"""
_PAUSE_MS = 500
"""Between the end of a turn and the next message."""
_ENTER = """async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const shown = document.querySelectorAll(".nwa-user").length;
    const field = document.querySelector(".nwa-composer textarea");
    field.value = "Hello";
    const began = performance.now();
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    while (field.value) await frame();
    await frame();
    const reactedMs = performance.now() - began;
    while (document.querySelectorAll(".nwa-user").length === shown) await frame();
    await frame();
    return [reactedMs, performance.now() - began];
}"""
"""Times from Enter to the frame in which the field is empty, and to the one in which the message stands in the chat."""
_GO_TO = """async (href) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const shown = () => document.querySelectorAll(".nwa-log > .nwa-item").length;
    const began = performance.now();
    document.querySelector(`.nwa-chats a[href="${href}"]`).click();
    while (shown() < 2) await new Promise(requestAnimationFrame);
    await frame();
    return performance.now() - began;
}"""
"""Time from the click on a chat to the frame in which its end is seen."""


def rows() -> list[Row]:
    """Everything about the web page."""
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home:
        server = WebChatServer(Path(home), model)
        try:
            return [_loading(home), _full_speed(server), *_in_browser(server)]
        finally:
            server.close()


def _loading(home: str) -> Row:
    """What a Jupyter server that starts waits for."""
    ms = median(loading_ms("web", "starlette", home) for _ in range(_STARTS))
    return Row("web: Jupyter Server's start, our extension", f"{ms:.1f} ms", "<= 20 ms", ms <= 20)


def _full_speed(server: WebChatServer) -> Row:
    """A long answer as fast as it can be had."""
    server.model.extend(Reply.text("Warm."), Reply.text(long_answer(_TOKENS), pieces=_TOKENS))
    with server.client() as client, contextlib.closing(WebChatPage(client)) as page:
        page.ask("Warm up.")
        page.wait_for_end()
        page.times.clear()
        page.ask("Go.")
        page.wait_for(lambda: page.kinds.count("end") == 2, timeout_s=300)
        sent = list(page.times)
    a_second = max(sum(1 for at in sent if start <= at < start + 1) for start in sent)
    took = f"{len(sent)} in {sent[-1] - sent[0]:.1f} s"
    return Row(
        "web: messages in the busiest second, 20,000 tokens", f"{a_second} ({took})", "<= 25", a_second <= 25
    )


def _in_browser(server: WebChatServer) -> list[Row]:
    path = find_chromium()
    if path is None:
        return [Row("web: in a browser", "not measured: install Chromium (apt-get install chromium)")]
    long_chat = str(uuid.uuid4())
    subprocess.run([sys.executable, "-c", _WRITE_LOG, long_chat], cwd=server.root, env=server.env, check=True)
    with chromium(path) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.url)
        _until_shown(page)
        return [*_enter(server, page), *_long_chat(page, long_chat)]


def _enter(server: WebChatServer, page: Page) -> list[Row]:
    taken = []
    for number in range(_ENTERS + 1):
        server.model.extend(Reply.text("Yes."))
        taken.append(page.evaluate(_ENTER))
        page.wait_for_function(f"() => document.querySelectorAll('.nwa-end').length === {number + 1}")
        page.wait_for_timeout(_PAUSE_MS)
    what = ("to the first reaction", "to the message in the chat")
    return [
        _enter_row(f"web: Enter {name}", [each[place] for each in taken]) for place, name in enumerate(what)
    ]


def _enter_row(what: str, taken: list[float]) -> Row:
    p95 = percentile(taken[1:], 0.95)
    told = f"median {median(taken[1:]):.0f} ms, p95 {p95:.0f} ms, the first {taken[0]:.0f} ms"
    return Row(what, told, "p95 <= 100 ms", p95 <= 100)


def _long_chat(page: Page, chat: str) -> list[Row]:
    """Gone to from a short one, when it is open at the server already and for the first time."""
    short = page.evaluate("() => 'c/' + location.pathname.split('/').pop()")
    taken = []
    for _ in range(_OPENINGS + 1):
        taken.append(page.evaluate(_GO_TO, f"c/{chat}"))
        page.wait_for_function(f"() => document.querySelectorAll('.nwa-log > .nwa-item').length >= {_ITEMS}")
        page.evaluate(_GO_TO, short)
        _until_shown(page)
    seen_ms = median(taken[1:])
    name = f"web: a chat of {_ITEMS:,} items, its end to pixels"
    return [
        Row(name, f"{seen_ms:.0f} ms", "<= 300 ms", seen_ms <= 300),
        Row(f"{name}, the first time", f"{taken[0]:.0f} ms"),
    ]


def _until_shown(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('.nwa-status')?.textContent === ''")
