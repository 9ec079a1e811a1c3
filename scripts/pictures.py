"""Make the pictures of the documentation from the real thing; only the model is scripted.

`PICTURES` says which there are; each is a file in docs/images. The terminal is JupyterLab's own, with a shell,
IPython and the command line in it. What the model says of numbers it reads from what its code has printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from neuroworkflow_agent.testing import RecordedRequest, Reply
    from neuroworkflow_agent.testing.lab import Lab, Page

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
MAX_BYTES = 150_000
THEMES = ("light", "dark")

DATA = """\
import numpy as np

rng = np.random.default_rng(1)
n_neurons, duration_s = 40, 2.0
rates_hz = rng.gamma(4.0, 4.0, n_neurons)
spike_neurons = np.repeat(np.arange(n_neurons), rng.poisson(rates_hz * duration_s))
spike_times_s = rng.uniform(0, duration_s, spike_neurons.size)"""
RATES = """\
measured_hz = np.bincount(spike_neurons, minlength=n_neurons) / duration_s
fastest = measured_hz.argmax()
print(f"neuron {fastest}: {measured_hz.max()} Hz; mean {measured_hz.mean():.1f} Hz")"""
RASTER = f"""\
import matplotlib.pyplot as plt

{RATES}
plt.figure(figsize=(7, 2.4))
plt.plot(spike_times_s, spike_neurons, "|", color="0.6")
is_fastest = spike_neurons == fastest
plt.plot(spike_times_s[is_fastest], spike_neurons[is_fastest], "r|")
plt.xlabel("time (s)"), plt.ylabel("neuron")
plt.show()"""
ANALYSIS = '''\
"""Rates of a recording."""

import numpy as np


def mean_rate(spike_times, n_neurons, duration):
    """Mean firing rate in Hz."""
    return len(spike_times) / n_neurons / duration * 1000
'''
QUESTION = "which of these neurons fires fastest? plot the raster, too"


@dataclass(frozen=True)
class Picture:
    """One scene, in one theme."""

    name: str
    take: Callable[[Stage], bytes]
    """Plays the scene, and photographs what is to be seen of it."""
    theme: str = "light"
    size: tuple[int, int] = (900, 800)
    needs: str = ""
    """A module without which the picture is left as it is."""

    @property
    def path(self) -> Path:
        return IMAGES / f"{self.name}-{self.theme}.png"


@dataclass
class Stage:
    """A JupyterLab and a browser, for one picture."""

    lab: Lab
    browser: Browser
    picture: Picture

    def photograph(self) -> bytes:
        """Play the scene; the picture, small."""
        try:
            return smaller(self.picture.take(self))
        finally:
            self.context.close()

    def open(self, *sources: str, scale: int = 2) -> Page:
        """A notebook with these cells, in the picture's theme and size, with `scale` pixels for one of the page."""
        self.lab.use_theme(f"JupyterLab {self.picture.theme.title()}")
        return self.lab.open(self.new_context(scale), *sources, name="spikes.ipynb")

    def new_context(self, scale: int = 2) -> BrowserContext:
        """The browser's, in the picture's size."""
        width, height = self.picture.size
        self.context = self.browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            reduced_motion="reduce",
            color_scheme="dark" if self.picture.theme == "dark" else "light",
        )
        return self.context


def cell(stage: Stage) -> bytes:
    """`%chat` in a cell of JupyterLab: code, figure, answer."""
    page = stage.open(*_CELLS)
    _ask_in_cell(stage, page)
    return page.tab.locator(".jp-NotebookPanel").screenshot()


def notebook_7(stage: Stage) -> bytes:
    """The same in Notebook 7."""
    page = stage.open(*_CELLS)
    page.tab.goto(f"{stage.lab.url}/notebooks/spikes.ipynb")
    page.wait_for_kernel()
    _ask_in_cell(stage, page)
    return page.tab.screenshot()


_CELLS = (
    f"%config InlineBackend.figure_format = 'retina'\n%load_ext neuroworkflow_agent\n{DATA}",
    "%chat hello",
    "",
)


def _ask_in_cell(stage: Stage, page: Page) -> None:
    # The first answer of a session says which model serves; it stays above what is shown.
    stage.lab.model.extend(_reply("Hello."), _code("I count each neuron's spikes.", RASTER), _fastest)
    page.run_all()
    ends = page.tab.get_by_text("complete ·")
    page.wait_until(lambda: ends.count() == 1)
    page.run(f"%chat {QUESTION}")
    page.wait_until(lambda: ends.count() == 2)
    page.tab.evaluate("document.activeElement?.blur()")
    page.tab.locator(".jp-Cell").last.evaluate("cell => cell.scrollIntoView({ block: 'start' })")
    page.tab.wait_for_timeout(1500)


def panel(stage: Stage) -> bytes:
    """The panel: a figure, then an edit that waits for permission."""
    (stage.lab.root / "rates.py").write_text(ANALYSIS, encoding="utf-8")
    page = stage.open(DATA, "from neuroworkflow_agent import ChatPanel\n\nChatPanel()")
    page.open_panel()
    page.ask(QUESTION, _code("I count each neuron's spikes.", RASTER), _fastest)
    page.wait_for_end("complete")
    page.panel.get_by_label("Mode", exact=True).select_option("ask")
    edit = {
        "file_path": str(stage.lab.root / "rates.py"),
        "old_string": "def mean_rate(spike_times, n_neurons, duration):\n"
        '    """Mean firing rate in Hz."""\n'
        "    return len(spike_times) / n_neurons / duration * 1000",
        "new_string": "def mean_rate(spike_times_s, n_neurons, duration_s):\n"
        '    """Mean firing rate in Hz."""\n'
        "    return len(spike_times_s) / n_neurons / duration_s",
    }
    read = _reply(("Read", {"file_path": edit["file_path"]}))
    page.ask("let rates.py take seconds", read, _reply("It takes milliseconds today.", ("Edit", edit)))
    page.panel.get_by_role("button", name="Allow once").wait_for()
    page.tab.wait_for_timeout(1000)
    # As high as a person draws it at its corner, to see all from the figure on.
    page.panel.evaluate(
        """panel => {
            const log = panel.querySelector(".nwa-log");
            const top = (element) => element.getBoundingClientRect().top;
            panel.style.height = `${panel.offsetHeight + top(log) - top(panel.querySelector(".nwa-picture")) + 8}px`;
            log.scrollTop = log.scrollHeight;
        }"""
    )
    page.tab.wait_for_timeout(500)
    return page.panel.screenshot()


def side_bar(stage: Stage) -> bytes:
    """The side bar: a figure and an answer beside the notebook."""
    page = stage.open(DATA, "")
    page.run_all()
    page.tab.evaluate("() => { window.jupyterapp.commands.execute('neuroworkflow-agent:open'); }")
    page.panel.get_by_label("Mode", exact=True).locator("option").first.wait_for(state="attached")
    # As wide as a person draws it.
    edge = page.tab.locator("#jp-right-stack").bounding_box()
    assert edge is not None
    page.tab.mouse.move(edge["x"] - 1, 400)
    page.tab.mouse.down()
    page.tab.mouse.move(edge["x"] - 220, 400, steps=5)
    page.tab.mouse.up()
    page.ask(QUESTION, _code("I count each neuron's spikes.", RASTER), _fastest)
    page.wait_for_end("complete")
    page.tab.evaluate("document.activeElement?.blur()")
    page.tab.wait_for_timeout(1000)
    return page.tab.screenshot()


def web(stage: Stage) -> bytes:
    """The web page: other chats at the left, a figure and an answer."""
    from neuroworkflow_agent.testing.web import WebChatPage, WebChatServer

    (stage.lab.root / "spikes.py").write_text(DATA, encoding="utf-8")
    server = WebChatServer(stage.lab.home, stage.lab.model)
    try:
        with server.client() as client:
            for text in _EARLIER:
                stage.lab.model.extend(_reply("Done."))
                with contextlib.closing(WebChatPage(client)) as chat:
                    chat.ask(text)
                    chat.wait_for_end()
            client.post(f"/chats/{chat.id}/pin", json={"pinned": True})
        tab = stage.new_context().new_page()
        tab.goto(server.url)
        stage.lab.model.extend(_code("I count each neuron's spikes.", f"%run spikes.py\n{RASTER}"), _fastest)
        field = tab.get_by_label("Message to the agent")
        field.fill(f"{QUESTION} (spikes.py has them)")
        field.press("Enter")
        tab.locator(".nwa-end").wait_for(timeout=90_000)
        tab.evaluate("document.activeElement?.blur()")
        tab.wait_for_timeout(1000)
        return tab.screenshot()
    finally:
        server.close()


_EARLIER = (
    "fit an exponential to the membrane's decay",
    "why is trial 17 so short?",
    "rename the channels as in the protocol",
)


def ipython(stage: Stage) -> bytes:
    """`%chat` in IPython in a terminal."""
    (stage.lab.root / "spikes.py").write_text(DATA, encoding="utf-8")
    terminal = Terminal(stage)
    terminal.type("ipython --no-banner", until="In [1]:")
    terminal.type("%load_ext neuroworkflow_agent", until="In [2]:")
    terminal.type("%run spikes.py", until="In [3]:")
    stage.lab.model.extend(_code("I count each neuron's spikes.", RATES), _fastest)
    terminal.type("%chat which of these neurons fires fastest?", until="In [4]:")
    terminal.type("int(fastest)", until="In [5]:")
    return terminal.screen.screenshot()


def headless(stage: Stage) -> bytes:
    """A headless run in a terminal."""
    terminal = Terminal(stage)
    stage.lab.write_notebook("spikes.ipynb", DATA)
    stage.lab.model.extend(_code("I count each neuron's spikes.", RASTER), _fastest)
    terminal.type(f'neuroworkflow-agent run spikes.ipynb "{QUESTION}"', until="$ ")
    return terminal.screen.screenshot()


class Terminal:
    """JupyterLab's terminal with a shell in it."""

    def __init__(self, stage: Stage) -> None:
        (stage.lab.home / "bashrc").write_text(
            f"PS1='$ '\nexport PATH='{Path(sys.executable).parent}':$PATH\n", encoding="utf-8"
        )
        # At two pixels for one, Chromium without a screen draws the terminal too large for its frame.
        stage.lab.http.put(
            "/lab/api/settings/@jupyterlab/terminal-extension:plugin",
            json={"raw": json.dumps({"fontSize": 26})},
        ).raise_for_status()
        self.tab = stage.open("", scale=1).tab
        self.tab.evaluate("() => window.jupyterapp.commands.execute('terminal:create-new')")
        self.screen = self.tab.locator(".jp-Terminal-body")
        self.screen.click()
        self.tab.wait_for_timeout(1000)
        self.type(f"exec bash --rcfile {stage.lab.home / 'bashrc'}", until="$ ")
        self.type("clear", until="$ ")

    def type(self, line: str, *, until: str) -> None:
        """Type a line, and wait until a new last line begins with `until`."""
        before = self.lines()
        self.tab.keyboard.type(line)
        self.tab.keyboard.press("Enter")
        for _ in range(600):
            self.tab.wait_for_timeout(100)
            now = self.lines()
            if now != before and now and now[-1].startswith(until.rstrip()) and line not in now[-1]:
                break
        else:
            raise AssertionError(f"No {until!r} after {line!r}: {now!r}")

    def lines(self) -> list[str]:
        """What stands on the screen."""
        lines: list[str] = self.tab.evaluate(
            """() => {
                const { active } = window.jupyterapp.shell.currentWidget.content._term.buffer;
                return [...Array(active.length).keys()].map((n) => active.getLine(n).translateToString(true));
            }"""
        )
        return [stripped for line in lines if (stripped := line.strip())]


def _reply(*blocks: str | tuple[str, dict[str, Any]]) -> Reply:
    """A message of the model: texts, and tool uses as (name, input)."""
    from neuroworkflow_agent.testing import Reply, Text, ToolCall

    made = (Text(block) if isinstance(block, str) else ToolCall(*block) for block in blocks)
    return Reply(tuple(made), input_tokens=1432, output_tokens=96)


def _code(text: str, code: str) -> Reply:
    return _reply(text, ("mcp__neuroworkflow__run_code", {"code": code}))


def _fastest(request: RecordedRequest) -> Reply:
    """The answer, with the numbers that the code has printed."""
    printed = re.search(r"neuron (\d+): ([\d.]+) Hz; mean ([\d.]+) Hz", str(request.tool_results[-1]))
    assert printed is not None, request.tool_results
    neuron, rate, mean = printed.groups()
    return _reply(f"Neuron **{neuron}** fires fastest, at {rate} Hz; the mean of all 40 is {mean} Hz.")


PICTURES = [
    Picture(name, take, theme, size, needs)
    for name, take, size, needs in (
        ("cell", cell, (900, 800), ""),
        ("panel", panel, (820, 1200), ""),
        ("side-bar", side_bar, (1200, 780), ""),
        ("web", web, (1200, 800), ""),
        ("web-phone", web, (360, 740), ""),
        ("notebook", notebook_7, (900, 860), "notebook"),
        ("ipython", ipython, (1700, 900), ""),
        ("headless", headless, (1700, 700), ""),
    )
    for theme in THEMES
]


def smaller(png: bytes) -> bytes:
    """The same picture with at most 128 colours, and no more than a margin of empty rows at its end."""
    from PIL import Image, ImageChops

    with Image.open(io.BytesIO(png)) as opened:
        image = opened.convert("RGB")
    ground = Image.new("RGB", image.size, image.getpixel((image.width // 2, image.height - 1)))
    _, _, _, end = ImageChops.difference(image, ground).getbbox() or (0, 0, 0, image.height)
    image = image.crop((0, 0, image.width, min(end + 24, image.height)))
    out = io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def make(picture: Picture, browser: Browser) -> None:
    """Play the scene on a server of its own, and write the picture's file."""
    from neuroworkflow_agent.testing import ScriptedModel
    from neuroworkflow_agent.testing.lab import Lab

    with tempfile.TemporaryDirectory() as home, ScriptedModel() as model:
        lab = Lab(Path(home), model)
        try:
            data = Stage(lab, browser, picture).photograph()
            lab.end_kernels()
        finally:
            lab.close()
    if len(data) > MAX_BYTES:
        raise AssertionError(f"{picture.path.name} has {len(data):,} bytes, more than {MAX_BYTES:,}.")
    picture.path.parent.mkdir(exist_ok=True)
    picture.path.write_bytes(data)
    print(f"{picture.path.name}: {len(data) / 1000:.0f} kB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    names = sorted({picture.name for picture in PICTURES})
    parser.add_argument("names", nargs="*", choices=[[], *names], help="scenes; all without one")
    wanted = parser.parse_args().names or names
    from neuroworkflow_agent.testing.lab import chromium, find_chromium

    if (path := find_chromium()) is None:
        print("No Chromium here. Install it with: sudo apt install chromium", file=sys.stderr)
        return 1
    with chromium(path) as browser:
        for picture in PICTURES:
            if picture.name not in wanted:
                continue
            if picture.needs and find_spec(picture.needs) is None:
                print(f"{picture.path.name}: left as it is, for {picture.needs!r} is not installed.")
                continue
            make(picture, browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
