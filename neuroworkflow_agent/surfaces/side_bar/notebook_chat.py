"""The chat of one notebook in the side bar: the panel's, with comms as its way to the pages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.page_comms import keep_the_thread_asked_for
from neuroworkflow_agent.surfaces.panel.chat import PanelChat
from neuroworkflow_agent.surfaces.side_bar.remembered import NotebookKey, remember, remembered


class NotebookChat:
    """Carries messages between the pages of a notebook and its chat, and remembers which session that has.

    Parameters
    ----------
    shell
        The shell of the kernel.
    notebook
        The notebook, as its page describes it.
    preferences
        What the page's user has set: the `model` and the `mode` to begin with.
    """

    def __init__(self, shell: Any, notebook: NotebookKey, preferences: Mapping[str, Any]) -> None:
        config = _with_preferences(AgentConfig.from_env(), preferences)
        self.notebook = notebook
        """As it was last described."""
        self._workspace = config.workspace
        self._comms: dict[str, Any] = {}
        """The comm to use of each id."""
        self._kept: list[Any] = []
        """All of them: one that nobody holds any more would close its id for every page."""
        self._state: dict[str, Any] = {}
        self._lock = threading.Lock()
        """Held while what is remembered is written."""
        self._chat = PanelChat(shell, config, portal=shared_portal(), send=self._send)
        self._chat.open(remembered(notebook, self._workspace), or_new=True)

    def use(self, comm: Any, preferences: Mapping[str, Any]) -> None:
        """A page has opened this comm; pages whose comms have the same id hear what is sent on it as well."""
        self._chat.send_along(
            cells=preferences.get("cells") is not False, variables=preferences.get("variables") is not False
        )
        keep_the_thread_asked_for(comm)
        comm.on_msg(self._receive)
        self._comms[comm.comm_id] = comm
        self._kept.append(comm)

    def _receive(self, msg: dict[str, Any]) -> None:
        """On the main thread or a subshell's."""
        message = msg["content"]["data"]
        if isinstance(message, dict) and message.get("type") == "notebook":
            self._describe(NotebookKey.read(message))
        else:
            self._chat.receive(message, msg.get("buffers"))

    def _describe(self, notebook: NotebookKey) -> None:
        """The notebook has been saved, or has another name."""
        before, self.notebook = self.notebook, notebook
        if before.path != notebook.path:
            remember(before, None, self._workspace)
        self._remember()

    def _send(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """On the engine's thread."""
        for comm in list(self._comms.values()):
            comm.send(message, buffers=buffers)
        changed = message.get("state") if message.get("type") == "patch" else None
        if changed and not changed.keys().isdisjoint({"session", "title"}):
            self._state.update(changed)
            asyncio.get_running_loop().run_in_executor(None, self._remember)

    def _remember(self) -> None:
        """A session has a title once something was said in it."""
        with self._lock:
            session = self._state.get("session")
            if session is not None:
                remember(self.notebook, session if self._state.get("title") else None, self._workspace)


def _with_preferences(config: AgentConfig, preferences: Mapping[str, Any]) -> AgentConfig:
    """The settings of a new chat; what cannot work is left as the environment has it."""
    given = {name: str(preferences.get(name) or "") or None for name in ("model", "mode")}
    try:
        return config.with_changes(**given)
    except ConfigError:
        return config
