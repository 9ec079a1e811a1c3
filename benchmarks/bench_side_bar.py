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
_PAIRS = 15
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
_TO_PIXELS = """(items) => new Promise((resolve) => {
    const began = performance.now();
    window.jupyterapp.commands.execute("neuroworkflow-agent:open");
    const look = () => {
        const isThere = document.querySelectorAll(".nwa-panel .nwa-item").length >= items;
        if (isThere) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
        else requestAnimationFrame(look);
    };
    look();
})"""


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
        lab = Lab(Path(home), model)
        try:
            lab.write_notebook("notebook.ipynb", "")
            page = lab.visit(browser.new_context(viewport={"width": 1200, "height": 800}))
            page.tab.add_init_script(_WATCH)
            return [_opening(page, lab), _long_session(page)]
        finally:
            lab.end_kernels()
            lab.close()


def _opening(page: Page, lab: Lab) -> Row:
    """JupyterLab until its page is restored, with the extension and with it disabled, in turn."""
    file = lab.home / "config" / "labconfig" / "page_config.json"
    file.parent.mkdir(parents=True)
    ratios = []
    for _ in range(_PAIRS):
        file.write_text(json.dumps({"disabledExtensions": {"neuroworkflow-agent": True}}))
        without_ms = _opened_ms(page)
        file.unlink()
        ratios.append(_opened_ms(page) / without_ms)
    ratio = median(ratios)
    return Row("side bar: opening JupyterLab, with it / without", f"{ratio:.3f}", "<= 1.02", ratio <= 1.02)


def _opened_ms(page: Page) -> float:
    page.tab.reload()
    page.wait_for_kernel()
    ms: float = page.tab.evaluate("() => window.restoredAtMs")
    return ms


def _long_session(page: Page) -> Row:
    """From the opening of the side bar, in a page that was just loaded, to the frame with all of a long session."""
    page.tab.evaluate(_OPEN)
    page.panel.wait_for()
    page.run(_LENGTHEN)
    page.tab.evaluate("() => window.jupyterapp.shell.collapseRight()")
    taken_ms = []
    for _ in range(_OPENINGS):
        page.tab.wait_for_timeout(1500)  # until JupyterLab has kept its layout
        page.tab.reload()
        page.wait_for_kernel()
        taken_ms.append(page.tab.evaluate(_TO_PIXELS, _ITEMS))
        page.tab.evaluate("() => window.jupyterapp.shell.collapseRight()")
    ms = median(taken_ms)
    return Row(f"side bar: a session of {_ITEMS:,} items, to pixels", f"{ms:.0f} ms", "<= 300 ms", ms <= 300)
