"""A tab and a kernel that tests use one after the other, each as if it were the first.

A test's use begins with `SharedPage.show` and ends with `release`. What a test may have changed is put back by
one of the two and looked at afterwards: a use that cannot be undone is an error of the test that did it, and
the tab and its kernel are to be replaced.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser

from neuroworkflow_agent.testing.lab import Lab, Page

ALARM = """
    window.alarms = [];
    for (const name of ["alert", "confirm", "prompt", "msgbox"]) window[name] = (what) => { window.alarms.push(`${name} ${what}`); };
"""
"""Remembers calls that only an injected script would make."""
NAME = "notebook.ipynb"
_RELEASE_S = 15.0
_VIEWPORT = {"width": 1000, "height": 900}
_EXECUTE = """async (source) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({ code: source, store_history: false });
    let text = "";
    future.onIOPub = ({ content }) => { text += content.text ?? content.traceback?.join("\\n") ?? ""; };
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("The kernel is busy.")), 20000));
    const reply = await Promise.race([future.done, late]);
    return [reply.content.status, text];
}"""
_SHOW = """async () => {
    sessionStorage.clear();
    window.alarms.length = 0;
    window.ran = undefined;
    const { context, content } = window.jupyterapp.shell.currentWidget;
    const late = new Promise((resolve) => setTimeout(resolve, 10000, "late"));
    if (await Promise.race([context.revert(), late]) === "late") return false;
    content.activeCellIndex = 0;
    content.mode = "command";
    document.activeElement?.blur();
    return true;
}"""
"""False where the file was not read in time: now and then JupyterLab loses an answer on a busy machine."""
_PAGE_STATE = """() => ({
    panels: document.querySelectorAll(".nwa-panel").length,
    dialogs: document.querySelectorAll(".jp-Dialog").length,
    drafts: sessionStorage.length,
    outputs: document.querySelectorAll(".jp-OutputArea-output").length,
    theme: document.body.dataset.jpThemeName,
})"""
_CLEAN_PAGE = {"panels": 0, "dialogs": 0, "drafts": 0, "outputs": 0, "theme": "JupyterLab Light"}  # fmt: skip
_RELEASE = """
import os, sys
from IPython import get_ipython
from ipywidgets import Widget
Widget.close_all()
os.environ.clear()
os.environ.update({environ!r})
os.chdir({cwd!r})
sys.path[:] = {path!r}
if "matplotlib.pyplot" in sys.modules:
    sys.modules["matplotlib.pyplot"].close("all")
get_ipython().reset(new_session=True)
"""
_KERNEL_STATE = """
import json, os, sys
from IPython import get_ipython
from ipywidgets.widgets.widget import _instances
from neuroworkflow_agent.engine.portal import shared_portal
shell = get_ipython()
pyplot = sys.modules.get("matplotlib.pyplot")
print(json.dumps({
    "names": [name for name in shell.user_ns if name not in shell.user_ns_hidden and not name.startswith("__")],
    "history": shell.history_manager.input_hist_raw[1:],
    "outputs": len(shell.user_ns["Out"]),
    "count": shell.execution_count,
    "environ": dict(os.environ),
    "cwd": os.getcwd(),
    "path": sys.path,
    "widgets": len(_instances),
    "comms": len(shell.kernel.comm_manager.comms),
    "callbacks": [str(c) for name in ("pre_run_cell", "post_run_cell") for c in shell.events.callbacks[name] if "neuroworkflow" in c.__module__],
    "sessions": len(shared_portal()._closers),
    "figures": len(pyplot.get_fignums()) if pyplot else 0,
}))
"""


class SharedPage(Page):
    """A tab on one notebook; owns its browser profile and its kernel until `close`."""

    def __init__(self, browser: Browser, lab: Lab) -> None:
        context = browser.new_context(viewport=_VIEWPORT)  # type: ignore[arg-type]
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(ALARM)
        self.left: set[str] = set()
        """Addresses elsewhere that an earlier test asked for; that they cannot be had may be told late."""
        lab.write_notebook(NAME)
        super().__init__(context.new_page(), lab, NAME)
        self._kernel_id: str = self.tab.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
        )
        lab.kept_kernels.add(self._kernel_id)
        self.clean = self.kernel_state()
        """The kernel's state between tests."""

    def kernel_state(self) -> dict[str, Any]:
        """What a test could have left in the kernel."""
        state: dict[str, Any] = json.loads(self._execute(_KERNEL_STATE))
        return state

    def page_state(self) -> dict[str, Any]:
        """What a test could have left in the page."""
        state: dict[str, Any] = self.tab.evaluate(_PAGE_STATE)
        return state

    def show(self, *sources: str) -> None:
        """Begin: a new notebook with these cells, not yet run."""
        self.lab.write_notebook(NAME, *sources)
        self._show()

    def show_file(self, text: str) -> None:
        """Begin with the text of a notebook's file."""
        self.path.write_text(text, encoding="utf-8")
        self._show()

    def release(self) -> None:
        """End: close other tabs, dialogs and all panels, end their processes, empty the namespace.

        Raises
        ------
        AssertionError
            If something is left after all.
        """
        for tab in self.tab.context.pages:
            if tab is not self.tab:
                tab.close()
        clean = {name: self.clean[name] for name in ("environ", "cwd", "path")}
        self._execute(_RELEASE.format(**clean))
        self._wait_for(self.kernel_state, self.clean)
        self._wait_for(lambda: {"claude": [str(process) for process in self.lab.claude_processes()]}, {"claude": []})  # fmt: skip
        self.show()
        self._wait_for(self._page_state_without_dialogs, _CLEAN_PAGE)

    def close(self) -> None:
        """End the tab and its kernel."""
        self.tab.context.close()
        self.lab.kept_kernels.discard(self._kernel_id)
        self.lab.end_kernels()

    def _take_error(self, message: Any) -> None:
        is_left = message.text.startswith("Failed to load") and message.location.get("url") in self.left
        if not is_left:
            super()._take_error(message)

    def _show(self) -> None:
        self.tab.set_viewport_size(_VIEWPORT)  # type: ignore[arg-type]
        self.tab.emulate_media(reduced_motion="null")
        self.tab.mouse.move(0, 0)
        for _ in range(3):
            if self.tab.evaluate(_SHOW):
                break
        else:
            raise AssertionError("The notebook's file was not read.")
        self.left.update(url for url in self.requests if not url.startswith(self.lab.url))
        self.requests.clear()
        self.errors.clear()

    def _page_state_without_dialogs(self) -> dict[str, Any]:
        """JupyterLab opens some by itself, as where its server was slow to answer."""
        for dialog in self.tab.locator(".jp-Dialog").all():
            print("Left open, and closed:", dialog.inner_text())
            dialog.press("Escape")
        return self.page_state()

    def _execute(self, source: str) -> str:
        """What the code prints, run beside the notebook and in a namespace of its own."""
        status, text = self.tab.evaluate(_EXECUTE, f"exec({source!r}, {{}})")
        assert status == "ok", text
        return str(text)

    def _wait_for(self, state: Callable[[], dict[str, Any]], wanted: dict[str, Any]) -> None:
        deadline = time.monotonic() + _RELEASE_S
        while (now := state()) != wanted:
            if time.monotonic() > deadline:
                left = {name: value for name, value in now.items() if value != wanted[name]}
                raise AssertionError(f"Left behind: {left!r}")
            self.tab.wait_for_timeout(20)
