"""A real JupyterLab in a real Chromium, for tests of what a person sees and does.

`Lab` owns the server's process and its kernels; `Page` is one tab on one notebook; `chromium` owns a browser.
Needs jupyterlab and playwright, which the package itself does not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
from playwright.sync_api import Browser, BrowserContext, Locator, expect, sync_playwright
from playwright.sync_api import Page as Tab

from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.environ import JUPYTERS, private_environ

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TOKEN = "lab-token-0000"  # noqa: S105 - of a server on loopback, for a test
_START_S = 90.0
OPEN = "from neuroworkflow_agent import ChatPanel\npanel = ChatPanel()\npanel"


def find_chromium() -> str | None:
    """The machine's Chromium, if it has one."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """The Chromium at `path`; while it is open, Playwright's event loop runs in this thread, and no other can."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


class Lab:
    """A JupyterLab server on loopback; `more` are arguments of its command line, `environ` variables of its environment."""

    def __init__(
        self, home: Path, model: ScriptedModel, *more: str, environ: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self.root = home / "workspace"
        self.root.mkdir(parents=True)
        self.model = model
        self.kept_kernels: set[str] = set()
        """Ids of kernels that `end_kernels` leaves alone."""
        self._write_settings("apputils-extension/notification", fetchNews="false", checkForUpdates=False)
        # Tests say when a notebook is saved.
        self._write_settings("docmanager-extension/plugin", autosave=False)
        self.env = {
            **private_environ(home, *JUPYTERS),
            **model.environ,
            "XDG_CONFIG_HOME": str(home / "settings-of-user"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            **(environ or {}),
        }
        self._arguments = [
            "--no-browser", "--allow-root", "--ip=127.0.0.1", "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.root}", "--LabApp.expose_app_in_browser=True",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly",
            "--JupyterNotebookApp.expose_app_in_browser=True", *more,
        ]  # fmt: skip
        self.log = (home / "lab.log").open("wb")
        self.process = self._start(port=0)
        self.url = self._wait_for_url()
        self.http = httpx.Client(base_url=self.url, headers={"Authorization": f"token {TOKEN}"}, timeout=30)

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", f"--ServerApp.port={port}", *self._arguments],
            cwd=self.root,
            env=self.env,
            stdout=self.log,
            stderr=self.log,
        )

    def restart(self) -> None:
        """End the server, and its kernels with it, and start another at the same address."""
        self.process.terminate()
        self.process.wait(20)
        port = httpx.URL(self.url).port
        assert port is not None
        self.process = self._start(port)
        self._wait_for_url()

    def _write_settings(self, plugin: str, **values: Any) -> None:
        """Settings of the user's that are there when the server starts."""
        file = self.home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")

    def _wait_for_url(self) -> str:
        file = self.home / "runtime" / f"jpserver-{self.process.pid}.json"
        deadline = time.monotonic() + _START_S
        while not (file.exists() and file.read_text(encoding="utf-8").strip().endswith("}")):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError((self.home / "lab.log").read_text(encoding="utf-8"))
            time.sleep(0.05)
        return str(json.loads(file.read_text(encoding="utf-8"))["url"]).rstrip("/")

    def open(self, context: BrowserContext, *sources: str, name: str = "notebook.ipynb") -> Page:
        """A tab on a new notebook with these cells, not yet run."""
        self.write_notebook(name, *sources)
        return self.visit(context, name)

    def write_notebook(self, name: str, *sources: str, kernel: str = "python3") -> None:
        """Put a notebook with these cells into the workspace, in place of one that is there."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.metadata["kernelspec"] = {
            "name": kernel,
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.root / name)

    def visit(self, context: BrowserContext, name: str = "notebook.ipynb", *, app: str = "doc/tree") -> Page:
        """A tab on a notebook that is there; `app` is the page that shows it, such as 'lab/tree' or 'notebooks'."""
        return Page(context.new_page(), self, name, app=app)

    def kernels(self) -> list[dict[str, Any]]:
        """The kernels that run."""
        found: list[dict[str, Any]] = self.http.get("/api/kernels").json()
        return found

    def restart_kernel(self) -> None:
        """Restart the only kernel, as its menu does."""
        (kernel,) = self.kernels()
        self.http.post(f"/api/kernels/{kernel['id']}/restart").raise_for_status()

    def use_theme(self, name: str) -> None:
        """Set the user's theme."""
        url = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
        self.http.put(url, json={"raw": json.dumps({"theme": name})}).raise_for_status()

    def end_kernels(self) -> None:
        """Shut every kernel and session down, except the kernels that are kept."""
        for session in self.http.get("/api/sessions").json():
            if session["kernel"]["id"] not in self.kept_kernels:
                self.http.delete(f"/api/sessions/{session['id']}")
        for kernel in self.kernels():
            if kernel["id"] not in self.kept_kernels:
                self.http.delete(f"/api/kernels/{kernel['id']}")

    def claude_processes(self) -> list[psutil.Process]:
        """The CLIs that kernels of the lab have started; they live in sessions of their own."""
        home = str(self.home / "claude")
        found = []
        for process in psutil.process_iter():
            try:
                if (
                    "claude" in " ".join(process.cmdline()[:1])
                    and process.environ().get("CLAUDE_CONFIG_DIR") == home
                ):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def close(self) -> None:
        """End the server."""
        self.http.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.log.close()


class Page:
    """A tab with a notebook."""

    def __init__(self, tab: Tab, lab: Lab, name: str, *, app: str = "doc/tree") -> None:
        self.tab = tab
        self.lab = lab
        self.path = lab.root / name
        """The notebook's file."""
        self.requests: list[str] = []
        self.errors: list[str] = []
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.errors.append(error.stack or str(error)))
        tab.on("console", self._take_error)
        tab.goto(f"{lab.url}/{app}/{name}?token={TOKEN}")
        self.wait_for_kernel()

    def _take_error(self, message: Any) -> None:
        if message.type == "error":
            lacks_url = message.text.startswith("Failed to load resource")
            self.errors.append(f"{message.text} {message.location['url']}" if lacks_url else message.text)

    def wait_for_kernel(self) -> None:
        """Until the notebook can run cells."""
        self.tab.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell?.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                return panel?.content?.widgets?.length && kernel?.connectionStatus === "connected" && kernel?.status === "idle";
            }""",
            timeout=60_000,
        )

    def run_all(self) -> None:
        """Run every cell and do not wait."""
        self.tab.evaluate(
            """() => {
                window.ran = false;
                window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.ran = true; });
            }"""
        )

    def run(self, source: str, *, wait: bool = True) -> None:
        """Put `source` into the last cell and run it."""
        self.tab.evaluate(
            """(source) => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = notebook.widgets.length - 1;
                notebook.activeCell.model.sharedModel.setSource(source);
                window.ran = false;
                window.jupyterapp.commands.execute('notebook:run-cell').then(() => { window.ran = true; });
            }""",
            source,
        )
        if wait:
            self.tab.wait_for_function("() => window.ran", timeout=30_000)

    @property
    def panel(self) -> Locator:
        """The (first) panel."""
        return self.tab.locator(".nwa-panel").first

    @property
    def field(self) -> Locator:
        """Where the user writes."""
        return self.panel.get_by_label("Message to the agent")

    def save(self) -> None:
        """Save the notebook."""
        self.tab.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def reload(self) -> None:
        """Load the page anew, as F5 does, and wait for its panel."""
        self.save()
        self.tab.reload()
        self.wait_for_kernel()
        self.panel.wait_for(timeout=30_000)

    def open_panel(self) -> Locator:
        """Run all cells and wait until the panel is usable, and JupyterLab takes the focus no more."""
        self.run_all()
        self.tab.wait_for_function("() => window.ran", timeout=30_000)
        self.panel.wait_for(timeout=30_000)
        self.tab.wait_for_function(
            "() => document.querySelector('.nwa-panel .nwa-status')?.textContent === ''", timeout=30_000
        )
        return self.panel

    @property
    def transcript(self) -> str:
        """Everything in the transcript."""
        return self.panel.locator(".nwa-log").text_content() or ""

    def ask(self, text: str, *replies: Any) -> None:
        """Send a message, with what the model will say to it."""
        self.lab.model.extend(*replies)
        self.field.fill(text)
        self.field.press("Enter")

    def wait_for_end(self, word: str, count: int = 1) -> None:
        """Until `count` turns have ended and the last one as `word`."""
        ends = self.panel.locator(".nwa-end span")
        self.wait_until(lambda: ends.count() == count)
        # Not `inner_text`: the browser does not lay out what is out of sight.
        expect(ends.last).to_contain_text(word)

    def wait_until(self, holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Poll, with the browser going on meanwhile."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"It did not come true; the panel shows: {self.panel.inner_text()!r}")
            self.tab.wait_for_timeout(30)

    def value(self, expression: str) -> str:
        """The value of an expression in the kernel, by running it in the last cell."""
        self.run(f"print('<<', {expression}, '>>')")
        output = self.tab.locator(".jp-Cell").last.locator(".jp-OutputArea-output").last
        return output.inner_text().strip().removeprefix("<<").removesuffix(">>").strip()
