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
from neuroworkflow_agent.surfaces.panel.in_notebook import InNotebook
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
        What the page's user, or an administrator, has set: see `prefer`.
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
        self._preferred: dict[str, str] = _chosen(preferences)
        self._locked: frozenset[str] = frozenset()
        """Names of settings that only an administrator changes."""
        self._lock = threading.Lock()
        """Held while what is remembered is written."""
        portal = shared_portal()
        beside = InNotebook(shell, portal, lambda: config.environ)
        self._chat = PanelChat(beside, config, portal=portal, send=self._send)
        self._chat.open(remembered(notebook, self._workspace), or_new=True)

    def use(self, comm: Any, preferences: Mapping[str, Any]) -> None:
        """A page has opened this comm; pages whose comms have the same id hear what is sent on it as well."""
        self.prefer(preferences)
        keep_the_thread_asked_for(comm)
        comm.on_msg(self._receive)
        self._comms[comm.comm_id] = comm
        self._kept.append(comm)

    def prefer(self, preferences: Mapping[str, Any]) -> None:
        """Follow what the page's user, or an administrator, has set.

        Parameters
        ----------
        preferences
            What goes along with messages (`cells`, `variables`); `model` and `mode`, which count for the conversation
            when they are others than before; and the names of those that are `locked`, which always count.
        """
        self._chat.send_along(
            cells=preferences.get("cells") is not False, variables=preferences.get("variables") is not False
        )
        before, self._preferred = self._preferred, _chosen(preferences)
        locked = preferences.get("locked")
        self._locked = frozenset(map(str, locked)) if isinstance(locked, list) else frozenset()
        wanted = {
            name: value
            for name, value in self._preferred.items()
            if value != before.get(name) or (name in self._locked and value != self._state.get(name, value))
        }
        if wanted:
            self._chat.receive({"type": "settings", **wanted})

    def _receive(self, msg: dict[str, Any]) -> None:
        """On the main thread or a subshell's."""
        message = msg["content"]["data"]
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "notebook":
            self._describe(NotebookKey.read(message))
        elif kind == "preferences":
            given = message.get("preferences")
            self.prefer(given if isinstance(given, dict) else {})
        elif kind == "settings":
            free = {name: value for name, value in message.items() if name not in self._locked}
            self._chat.receive(free)
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
        self._state.update(changed or {})
        if changed and not changed.keys().isdisjoint({"session", "title"}):
            asyncio.get_running_loop().run_in_executor(None, self._remember)

    def _remember(self) -> None:
        """A session has a title once something was said in it."""
        with self._lock:
            session = self._state.get("session")
            if session is not None:
                remember(self.notebook, session if self._state.get("title") else None, self._workspace)


def _with_preferences(config: AgentConfig, preferences: Mapping[str, Any]) -> AgentConfig:
    """The settings of a new chat; what cannot work is left as the environment has it."""
    given = _chosen(preferences)
    try:
        return config.with_changes(model=given.get("model"), mode=given.get("mode"))
    except ConfigError:
        return config


def _chosen(preferences: Mapping[str, Any]) -> dict[str, str]:
    """The model and the mode that are set; one that is left to the environment is not among them."""
    given = {name: str(preferences.get(name) or "") for name in ("model", "mode")}
    return {name: value for name, value in given.items() if value}
