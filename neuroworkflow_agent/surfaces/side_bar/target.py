"""The side bar's chats in one kernel, and the comm that leads a page to one of them.

`SideBar` belongs to its kernel, which keeps it among its comm targets, and ends with it. A chat belongs to a notebook of the
kernel's: it stays when the side bar is closed, the page is loaded anew, or the notebook is opened in another browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from IPython.core.getipython import get_ipython

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import ConfigError, KernelError
from neuroworkflow_agent.kernels.own import kernel_around
from neuroworkflow_agent.surfaces import magics
from neuroworkflow_agent.surfaces.page_comms import PageComms, keep_the_thread_asked_for
from neuroworkflow_agent.surfaces.panel.chat import PanelChat

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
        name = str(about.get("session"))
        chat = self._chats.get(name)
        if chat is None:
            chat = self._chats[name] = NotebookChat(self._shell, about.get("preferences") or {})
        chat.use(comm, about.get("preferences") or {})


class NotebookChat:
    """The chat of one notebook, whose pages all use comms of the same id.

    Parameters
    ----------
    shell
        The shell of the kernel.
    preferences
        What the page's user has set: the `model` and the `mode` to begin with.
    """

    def __init__(self, shell: Any, preferences: Mapping[str, Any]) -> None:
        self._comms: list[Any] = []
        """The last of them is used; one that nobody holds any more would close its id for every page."""
        config = _with_preferences(AgentConfig.from_env(), preferences)
        self._chat = PanelChat(shell, config, portal=shared_portal(), send=self._send)
        self._chat.open()

    def use(self, comm: Any, preferences: Mapping[str, Any]) -> None:
        """A page has opened this comm; those of other pages hear what is sent on it as well."""
        self._chat.send_along(
            cells=preferences.get("cells") is not False, variables=preferences.get("variables") is not False
        )
        keep_the_thread_asked_for(comm)
        comm.on_msg(lambda msg: self._chat.receive(msg["content"]["data"], msg.get("buffers")))
        self._comms.append(comm)

    def _send(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """On the engine's thread."""
        if self._comms:
            self._comms[-1].send(message, buffers=buffers)


def _with_preferences(config: AgentConfig, preferences: Mapping[str, Any]) -> AgentConfig:
    """The settings of a new chat; what cannot work is left as the environment has it."""
    given = {name: str(preferences.get(name) or "") or None for name in ("model", "mode")}
    try:
        return config.with_changes(**given)
    except ConfigError:
        return config
