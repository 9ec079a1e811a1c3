"""The side bar's chats in one kernel, and the comm that leads a page to one of them.

`SideBar` belongs to its kernel, which keeps it among its comm targets, and ends with it. A chat belongs to a notebook of the
kernel's: it stays when the side bar is closed, the page is loaded anew, or the notebook is opened in another browser.
"""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.own import kernel_around
from neuroworkflow_agent.surfaces import magics
from neuroworkflow_agent.surfaces.page_comms import PageComms
from neuroworkflow_agent.surfaces.side_bar.notebook_chat import NotebookChat
from neuroworkflow_agent.surfaces.side_bar.remembered import NotebookKey

TARGET = "neuroworkflow_agent.side_bar"


def register() -> str:
    """Let pages open chats in this kernel, and load `%chat`. Idempotent; called by the page's extension.

    Returns
    -------
    str
        The package's version.

    Raises
    ------
    KernelError
        If there is no Jupyter kernel.
    """
    shell = get_ipython()
    if shell is None:
        raise KernelError("The side bar needs a Jupyter kernel, and this is none.")
    targets = kernel_around(shell).comm_manager.targets
    if TARGET not in targets:
        magics.load(shell)
        targets[TARGET] = SideBar(shell).open
        PageComms.of(shell)
    return __version__


class SideBar:
    """The chats of one kernel's notebooks.

    Parameters
    ----------
    shell
        The shell of the kernel.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._chats: dict[str, NotebookChat] = {}
        """By the server session of the notebook, which a renamed notebook keeps."""

    def open(self, comm: Any, msg: dict[str, Any]) -> None:
        """Lead a page to its notebook's chat; on the main thread or a subshell's."""
        about = msg["content"]["data"]
        name, notebook = str(about.get("session")), NotebookKey.read(about)
        preferences = about.get("preferences") or {}
        chat = self._chats.get(name) or self._at(notebook.path)
        if chat is None:
            chat = NotebookChat(self._shell, notebook, preferences)
        self._chats[name] = chat
        chat.use(comm, preferences)

    def _at(self, path: str) -> NotebookChat | None:
        """The chat of a notebook whose server has begun anew, or has given it another session."""
        return next((chat for chat in self._chats.values() if chat.notebook.path == path), None)
