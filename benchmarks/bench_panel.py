"""The panel in a real JupyterLab and Chromium: what is sent, how soon it is seen, and who is held up."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.bench_kernel import WATCH
from benchmarks.rows import Row, percentile
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.lab import OPEN, Lab, Page, find_chromium

_SECTION = """\
## Part {number}

The population fires at **24 Hz**, see `rates_hz` and the table; the sum is $\\sum_i r_i$ over all neurons of the layer.

| neuron | rate (Hz) | CV |
|---|---|---|
| {number} | 22.4 | 0.81 |
| {number}1 | 25.1 | 0.93 |

```python
def rate_{number}(spikes_ms, window_ms):
    return 1000 * len(spikes_ms) / (window_ms[1] - window_ms[0])  # Hz
```

- a point about adaptation, with an *aside*
- another one, with a [link](https://example.org/{number})

"""
_TOKENS = 20_000
_CHARS_A_TOKEN = 4
_STAMP = """\
import re, time
stamps = {}
handle = panel._chat._view._on_event
def stamped(event):
    for mark in re.findall(r"m(\\d+)m", getattr(event, "text", "") or ""):
        stamps.setdefault(mark, time.time())
    handle(event)
panel._chat._view._on_event = stamped
"""
_LOOK = """() => {
    window.seen = {};
    let newest = 0;
    new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
        const found = document.querySelector(".nwa-answer:last-of-type")?.textContent.match(/m\\d+m/g) ?? [];
        for (const mark of found.slice(newest)) window.seen[mark.slice(1, -1)] ??= Date.now() / 1000;
        newest = found.length;
    }))).observe(document.querySelector(".nwa-log"), { childList: true, subtree: true, characterData: true });
}"""
_FRAMES = """() => {
    window.frames_ms = [];
    let last = performance.now();
    const next = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(next); };
    requestAnimationFrame(next);
}"""
_LONG = """\
from neuroworkflow_agent.events import TextDelta, TurnEnd, TurnStart
def lengthen():
    for number in range(250):
        panel._chat._view._on_event(TurnStart(f"t{number}", f"Question {number}?"))
        panel._chat._view._on_event(TextDelta(f"Answer **{number}** with `code`.\\n\\n```python\\nx = {number}\\n```\\n"))
        panel._chat._view._transcript.handle(TurnEnd(f"t{number}", "complete", "", None, 1.0))
panel._chat._portal.post(lengthen)
"""


def rows() -> list[Row]:
    """Everything about the panel."""
    path = find_chromium()
    if path is None:
        return [Row("panel", "not measured: install Chromium (apt-get install chromium)")]
    with (
        ScriptedModel() as model,
        tempfile.TemporaryDirectory() as home,
        _lab(Path(home), model, path) as page,
    ):
        return [*_full_speed(page), *_latency(page), *_frames(page)]


def long_answer(tokens: int) -> str:
    """A text of about so many tokens, with headings, tables, code, lists, links and maths."""
    return "".join(_SECTION.format(number=number) for number in range(tokens))[: tokens * _CHARS_A_TOKEN]


@contextmanager
def _lab(home: Path, model: ScriptedModel, path: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        lab = Lab(home, model)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            page = lab.open(browser.new_context(viewport={"width": 1000, "height": 900}), OPEN, "")
            page.open_panel()
            page.ask("Warm up.", Reply.text("`warm` $x$\n\n```python\nx\n```"))
            page.wait_for_end("complete", 1)
            yield page
        finally:
            browser.close()
            lab.end_kernels()
            lab.close()


def _full_speed(page: Page) -> list[Row]:
    """A long answer as fast as it can be had: messages, bytes, and the kernel's own loop meanwhile."""
    frames: list[tuple[float, int]] = []
    client = page.tab.context.new_cdp_session(page.tab)
    client.send("Network.enable")
    client.on("Network.webSocketFrameReceived", lambda event: _count(frames, event))
    text = long_answer(_TOKENS)
    page.run(WATCH)
    page.tab.wait_for_timeout(1500)
    page.run("gaps.clear()")
    frames.clear()
    page.ask("Go.", Reply.text(text, pieces=_TOKENS))
    page.wait_for_end("complete", 2)
    page.tab.wait_for_timeout(300)
    sent = list(frames)
    gaps = json.loads(page.value("gaps").replace("'", ""))
    page.run("watching.cancel()")
    html = page.panel.locator(".nwa-answer .nwa-parts").last.evaluate(
        "node => new Blob([node.innerHTML]).size"
    )
    a_second = max(sum(1 for at, _ in sent if start <= at < start + 1) for start, _ in sent)
    size = sum(bytes_ for _, bytes_ in sent)
    stall_ms = percentile(gaps, 0.99) * 1000
    took = sent[-1][0] - sent[0][0]
    return [
        Row("panel: messages in the busiest second", str(a_second), "<= 25", a_second <= 25),
        Row("panel: bytes sent / final HTML", f"{size:,} / {html:,} = {size / html:.2f} ({took:.1f} s)", "<= 4", size <= 4 * html),
        Row("panel: kernel loop's stall, 20,000 tokens", f"p99 {stall_ms:.1f} ms, longest {max(gaps) * 1000:.1f} ms", "p99 <= 20 ms", stall_ms <= 20),
    ]  # fmt: skip


def _count(frames: list[tuple[float, int]], event: dict[str, Any]) -> None:
    payload = event["response"]["payloadData"]
    is_binary = event["response"]["opcode"] == 2
    raw = base64.b64decode(payload) if is_binary else payload.encode()
    if b"comm_msg" in raw:
        frames.append((float(event["timestamp"]), len(raw)))


def _latency(page: Page) -> list[Row]:
    """From the event in the kernel to the frame that shows it."""
    page.run(_STAMP)
    page.tab.evaluate(_LOOK)
    page.ask("Mark.", Reply.text(" ".join(f"word m{number}m" for number in range(300)), delay_s=0.015))
    page.wait_for_end("complete", 3)
    page.tab.wait_for_timeout(200)
    stamps = json.loads(page.value("__import__('json').dumps(stamps)"))
    seen = page.tab.evaluate("window.seen")
    took = [(seen[mark] - at) * 1000 for mark, at in stamps.items() if mark in seen]
    p95 = percentile(took, 0.95)
    return [
        Row(
            "panel: event to pixels",
            f"median {percentile(took, 0.5):.0f} ms, p95 {p95:.0f} ms ({len(took)} of 300)",
            "p95 <= 100 ms",
            p95 <= 100 and len(took) > 250,
        )
    ]


def _frames(page: Page) -> list[Row]:
    """The browser's frames while text streams into a short transcript, then into one of 500 messages."""
    page.panel.get_by_role("button", name="New session").click()
    page.wait_until(lambda: page.panel.locator(".nwa-item").count() == 0)
    page.tab.evaluate(_FRAMES)
    page.tab.wait_for_timeout(2000)
    idle: list[float] = page.tab.evaluate("window.frames_ms.splice(0)")
    short = _stream(page)
    page.run(_LONG)
    page.wait_until(lambda: page.panel.locator(".nwa-user").count() >= 250)
    page.tab.wait_for_timeout(1000)
    long = _stream(page)
    count = page.panel.locator(".nwa-user, .nwa-answer").count()
    shown = ", ".join(
        f"{name} {percentile(ms, 0.95):.0f}"
        for name, ms in [("idle", idle), ("short", short), (f"{count} messages", long)]
    )
    ratio = percentile(long, 0.95) / percentile(short, 0.95)
    return [Row("panel: frame time while streaming", f"p95 in ms: {shown}; long / short {ratio:.2f}")]


def _stream(page: Page) -> list[float]:
    """Frame times, in ms, while an answer comes in at the speed of a fast model."""
    page.tab.evaluate("window.frames_ms.splice(0)")
    page.lab.model.extend(Reply.text("".join(_SECTION.format(number=n) for n in range(10)), delay_s=0.01))
    page.field.fill("More.")
    page.field.press("Enter")
    busy = page.panel.get_by_role("button", name="Stop")
    page.wait_until(busy.is_visible)
    page.wait_until(lambda: not busy.is_visible(), 120)
    streaming: list[float] = page.tab.evaluate("window.frames_ms.splice(0)")
    return streaming
