"""`ChatPanel`: the widget. The only user of anywidget; it carries messages between browser and `PanelChat`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.core.getipython import get_ipython

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import ConfigError, KernelError
from neuroworkflow_agent.kernels.capture import uncaptured_publish
from neuroworkflow_agent.kernels.own import kernel_around
from neuroworkflow_agent.render.markdown import STYLE
from neuroworkflow_agent.surfaces.page_comms import keep_the_thread_asked_for
from neuroworkflow_agent.surfaces.page_scripts import joined
from neuroworkflow_agent.surfaces.panel.chat import PanelChat
from neuroworkflow_agent.surfaces.panel.in_notebook import InNotebook
from neuroworkflow_agent.surfaces.panel.saved import SavedTranscript
from neuroworkflow_agent.surfaces.turn_items import Item

_HERE = Path(__file__).parent


class ChatPanel(anywidget.AnyWidget):
    """A session with the agent that stays while cells come and go.

    Each panel is a session of its own; displaying one twice shows the same.

    Parameters
    ----------
    model
        Which model serves, as for `%chat --model`.
    mode
        What the agent may do unasked: `edit`, `ask`, `plan` or `read-only`.
    resume
        Id of a session to go on with, its first characters, or `""` for the latest.
    fork
        With `resume`: leave that session as it is and continue in a copy.
    config
        All settings; None reads the environment.

    Raises
    ------
    ConfigError
        If a value cannot work.
    KernelError
        If there is no Jupyter kernel to live in.
    """

    _esm = joined("widget")
    _css = STYLE + (_HERE / "panel.css").read_text(encoding="utf-8")
    _chat: PanelChat | None = None
    _saved: SavedTranscript | None = None
    panel_id = traitlets.Unicode().tag(sync=True)
    """The widget's own id, by which a page finds it again."""

    def __init__(
        self,
        *,
        model: str | None = None,
        mode: str | None = None,
        resume: str | None = None,
        fork: bool = False,
        config: AgentConfig | None = None,
    ) -> None:
        shell = get_ipython()
        if shell is None:
            raise KernelError(
                "ChatPanel lives in a Jupyter kernel, and this is none. Use chat('…') in a script."
            )
        kernel_around(shell)
        settings = (config or AgentConfig.from_env()).with_changes(model=model, mode=mode)
        self._workspace = settings.workspace
        if fork and resume is None:
            raise ConfigError(
                'fork needs a session to copy; give resume=ID as well, or resume="" for the latest.'
            )
        portal = shared_portal()
        beside = InNotebook(shell, portal, lambda: settings.environ)
        self._chat = PanelChat(beside, settings, portal=portal, send=self._send_now, keep=self._keep)
        super().__init__()
        self.panel_id = self.model_id
        self._saved = SavedTranscript(
            self.panel_id, uncaptured_publish(shell), self._chat.hide, self._chat.link_to
        )
        keep_the_thread_asked_for(self.comm)
        self.on_msg(self._receive)
        self._chat.open(resume, fork=fork)

    @property
    def session_id(self) -> str | None:
        """Id of the session, for `resume` and `claude --resume`; None before it has begun."""
        return self._chat.session_id if self._chat is not None else None

    def close(self) -> None:
        """End the session's process and remove the panel; the session stays on disk."""
        if self._chat is not None:
            self._chat.close()
        if self._saved is not None:
            shared_portal().post(self._saved.flush)
        super().close()

    def _receive(self, _widget: Any, content: Any, buffers: list[Any]) -> None:
        """On the main thread or on a subshell's."""
        if self._chat is not None:
            self._chat.receive(content, buffers)

    def _send_now(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """On the engine's thread."""
        if self.comm is not None:
            self.send(message, buffers)

    def _keep(self, items: Sequence[Item]) -> None:
        """On the engine's thread."""
        if self._saved is not None:
            self._saved.update(items)

    def _ipython_display_(self) -> None:
        shell, bundle = get_ipython(), self._repr_mimebundle_()
        if shell is not None and bundle is not None:
            shell.display_pub.publish(*bundle)
        if self._saved is not None:
            self._saved.show()

    def _repr_mimebundle_(self, **arguments: Any) -> Any:
        bundle = super()._repr_mimebundle_(**arguments)
        if bundle is None:
            return None
        data, metadata = bundle
        text = (
            f"Chat with the agent in {self._workspace}. Run this cell to open the panel; earlier sessions "
            "are under Sessions there, and with ChatPanel(resume=ID)."
        )
        return {**data, "text/plain": text, "text/html": f"<p>{html.escape(text)}</p>"}, metadata
