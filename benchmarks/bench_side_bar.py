"""The side bar in a real JupyterLab and Chromium: what it adds to the opening of a page, its size, how soon a long session is seen."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from statistics import median

import neuroworkflow_agent
from benchmarks.rows import Row
from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.lab import Lab, Page, chromium, find_chromium

_BUILT = Path(neuroworkflow_agent.__file__).parent / "labextension" / "static"
_OPEN = "() => { window.jupyterapp.commands.execute('neuroworkflow-agent:open'); }"
_PAIRS = 30
_ITEMS = 1000
_OPENINGS = 5
_LENGTHEN = f"""\
import gc
from neuroworkflow_agent.events import TextDelta, TurnEnd, TurnStart
from neuroworkflow_agent.surfaces.panel.chat import PanelChat
(chat,) = (each for each in gc.get_objects() if isinstance(each, PanelChat))
def lengthen():
    for number in range({_ITEMS // 3 + 1}):
        chat._view._transcript.handle(TurnStart(f"t{{number}}", f"Question {{number}}?"))
        chat._view._transcript.handle(TextDelta(f"Answer **{{number}}** with `code`.\\n\\n```python\\nx = {{number}}\\n```\\n"))
        chat._view._transcript.handle(TurnEnd(f"t{{number}}", "complete", "", None, 1.0))
    chat._outbox.touch()
chat._portal.post(lengthen)
"""
_OPEN_IT = """async (items) => {
    const began = performance.now();
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const shown = () => document.querySelectorAll(".nwa-panel .nwa-log > .nwa-item").length;
    window.jupyterapp.commands.execute("neuroworkflow-agent:open");
    while (shown() === 0) await new Promise(requestAnimationFrame);
    await frame();
    const seenMs = performance.now() - began;
    while (shown() < items) await frame();
    return [seenMs, performance.now() - began];
}"""
"""Time to the frame in which the end of the session is seen, and to the one in which all of it is in the page."""


_WATCH = """
    const look = () => window.jupyterapp ? window.jupyterapp.restored.then(() => { window.restoredAtMs = performance.now(); }) : setTimeout(look, 5);
    look();
"""


def rows() -> list[Row]:
    """Everything about the side bar."""
    return [_size(), *_in_lab()]


def _size() -> Row:
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in _BUILT.rglob("*.js"))
    return Row("side bar: its files, gzip", f"{size:,} bytes", "<= 150,000", size <= 150_000)


def _in_lab() -> list[Row]:
    path = find_chromium()
    if path is None:
        return [Row("side bar", "not measured: install Chromium (apt-get install chromium)")]
    with ScriptedModel() as model, tempfile.TemporaryDirectory() as home, chromium(path) as browser:
        extensions = Path(home) / "labextensions"
        extensions.mkdir()
        (extensions / "neuroworkflow-agent").symlink_to(_BUILT.parent)
        lab = Lab(Path(home), model, f"--LabServerApp.extra_labextensions_path={extensions}")
        try:
            lab.write_notebook("notebook.ipynb", "")
            page = lab.visit(browser.new_context(viewport={"width": 1200, "height": 800}))
            page.tab.add_init_script(_WATCH)
            return [_opening(page, lab), *_long_session(page)]
        finally:
            lab.end_kernels()
            lab.close()


def _opening(page: Page, lab: Lab) -> Row:
    """JupyterLab until its page is restored, with the extension and with it disabled, in turn; which comes first alternates."""
    file = lab.home / "config" / "labconfig" / "page_config.json"
    file.parent.mkdir(parents=True)

    ratios = []
    for pair in range(_PAIRS):
        taken = {}
        for is_disabled in (False, True) if pair % 2 else (True, False):
            file.write_text(json.dumps({"disabledExtensions": {"neuroworkflow-agent": is_disabled}}))
            taken[is_disabled] = _opened_ms(page)
        ratios.append(taken[False] / taken[True])
    file.unlink()
    _opened_ms(page)  # what is measured next needs the extension
    ratio = median(ratios)
    return Row("side bar: opening JupyterLab, with it / without", f"{ratio:.3f}", "<= 1.02", ratio <= 1.02)


def _opened_ms(page: Page) -> float:
    page.tab.reload()
    page.wait_for_kernel()
    ms: float = page.tab.evaluate("() => window.restoredAtMs")
    return ms


def _long_session(page: Page) -> list[Row]:
    """From the opening of the side bar, in a page that was just loaded, to a long session on the screen."""
    page.tab.evaluate(_OPEN)
    page.panel.get_by_label("Mode", exact=True).locator("option").first.wait_for(
        state="attached"
    )  # the chat in the kernel is there
    page.run(_LENGTHEN)
    page.tab.evaluate("() => window.jupyterapp.shell.collapseRight()")
    taken = []
    for _ in range(_OPENINGS):
        page.tab.wait_for_timeout(1500)  # until JupyterLab has kept its layout
        page.tab.reload()
        page.wait_for_kernel()
        taken.append(page.tab.evaluate(_OPEN_IT, _ITEMS))
        page.tab.evaluate("() => window.jupyterapp.shell.collapseRight()")
    seen_ms, whole_ms = (median(each) for each in zip(*taken, strict=True))
    name = f"side bar: a session of {_ITEMS:,} items"
    return [
        Row(f"{name}, its end to pixels", f"{seen_ms:.0f} ms", "<= 300 ms", seen_ms <= 300),
        Row(f"{name}, all of it in the page", f"{whole_ms:.0f} ms"),
    ]
