"""One tab of JupyterLab and one kernel that tests use one after the other, each in notebooks of its own.

A test's use begins with `LabTab.open` and ends with `release`, which closes the notebooks, ends their chats and empties the
namespace. A use that cannot be undone is an error of the test that did it, and the tab and its kernel are to be replaced.
"""

from __future__ import annotations

import time

from playwright.sync_api import Browser

from neuroworkflow_agent.testing.lab import Lab, Page
from tests.surfaces.panel.browser.shared import ALARM

NAME = "notebook.ipynb"
_PARKED = "nowhere.ipynb"
"""The path of the kernel's server session while no notebook has it."""
_RELEASE_S = 15.0
_SHOW = """async (path) => {
    const { commands, serviceManager } = window.jupyterapp;
    for (let time = 0; time < 2; time += 1) await serviceManager.sessions.refreshRunning(); // the first may be under way already
    commands.execute("docmanager:open", { path });
}"""
_RESTART = "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.restartKernel(); }"
_END_KERNELS = """async (kept) => {
    const { sessions } = window.jupyterapp.serviceManager;
    await sessions.refreshRunning();
    for (const { id } of [...sessions.running()]) if (id !== kept) await sessions.shutdown(id);
}"""
_CLEAR = """() => {
    const { shell } = window.jupyterapp;
    for (const widget of [...shell.widgets("main")]) if (widget.context) widget.dispose();
    shell.collapseLeft();
    shell.collapseRight();
    sessionStorage.clear();
    window.alarms.length = 0;
    document.activeElement?.blur();
}"""
_EXECUTE = """async ([id, code]) => {
    const kernel = window.jupyterapp.serviceManager.kernels.connectTo({ model: { id, name: "python3" } });
    let text = "";
    const future = kernel.requestExecute({ code, store_history: false });
    future.onIOPub = ({ content }) => { text += content.text ?? content.traceback?.join("\\n") ?? ""; };
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("The kernel is busy.")), 20000));
    const reply = await Promise.race([future.done, late]);
    kernel.dispose();
    return reply.content.status === "ok" ? "" : text;
}"""
_RELEASE = """
from IPython import get_ipython
shell = get_ipython()
comms = shell.kernel.comm_manager
side_bar = comms.targets.pop("neuroworkflow_agent.side_bar", None)
for chat in side_bar.__self__._chats.values() if side_bar else ():
    chat._chat.close()
for comm in list(comms.comms.values()):
    comm.close()
shell.reset(new_session=True)
"""


class LabTab(Page):
    """A tab with JupyterLab; owns its browser profile and its kernel until `close`."""

    def __init__(self, browser: Browser, lab: Lab) -> None:
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        context.add_init_script(ALARM)
        lab.write_notebook(NAME)
        super().__init__(context.new_page(), lab, NAME, app="lab/tree")
        (self._session,) = lab.http.get("/api/sessions").json()
        lab.kept_kernels.add(self._session["kernel"]["id"])
        self.release()

    def open(self, *sources: str, name: str = NAME, has_own_kernel: bool = False) -> None:
        """Show a new notebook with these cells, not yet run, in the kernel that all share or one that begins with it."""
        self.lab.write_notebook(name, *sources)
        if not has_own_kernel:
            self._move_kernel_to(name)
        self.show(name)
        self.wait_for_kernel()

    def lend(self, name: str) -> None:
        """Have a notebook that is there find the kernel, in whatever page it is opened."""
        self._move_kernel_to(name)

    def show(self, name: str) -> None:
        """Show a notebook that is there, in front of those that are open."""
        self.path = self.lab.root / name
        self.tab.evaluate(_SHOW, name)

    def restart_kernel(self) -> None:
        """Restart the kernel of the notebook in front to its end: one that begins cannot be ended."""
        self.tab.evaluate(_RESTART)

    def end_kernels(self) -> None:
        """Shut every other kernel down, as JupyterLab does: it does not hear at once of those that it has not ended."""
        self.tab.evaluate(_END_KERNELS, self._session["id"])

    def release(self) -> None:
        """End: close all notebooks, end their chats, empty the namespace.

        Raises
        ------
        AssertionError
            If something is left after all.
        """
        self.tab.evaluate(_CLEAR)
        self.end_kernels()
        self._move_kernel_to(_PARKED)
        trouble = self.tab.evaluate(_EXECUTE, [self._session["kernel"]["id"], f"exec({_RELEASE!r}, {{}})"])
        assert trouble == ""
        deadline = time.monotonic() + _RELEASE_S
        while left := self.lab.claude_processes():
            assert time.monotonic() < deadline, left
            self.tab.wait_for_timeout(20)
        self.requests.clear()
        self.errors.clear()

    def close(self) -> None:
        """End the tab and its kernel."""
        self.tab.context.close()
        self.lab.kept_kernels.discard(self._session["kernel"]["id"])
        self.lab.end_kernels()

    def _move_kernel_to(self, name: str) -> None:
        """Have the notebook of this name find the kernel."""
        changed = {"path": name, "name": name, "type": "notebook"}
        self.lab.http.patch(f"/api/sessions/{self._session['id']}", json=changed).raise_for_status()
