"""The notebook's own pages, as the kernel reaches them: a widget without a view. A user of anywidget, as the panel.

`PageLink` belongs to a chat and makes its widget when a page is first asked for something: it shows nothing, has no
name in the user's namespace, and goes with `close`. A page that is loaded later finds it among the kernel's widgets.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.notebooks.pages import NOBODY, Asker, Message, NoPageError, Pages

_JS = Path(__file__).parent / "panel" / "js"
_SCRIPTS = ("notebook_context", "notebook")
"""Read as one module."""


class PageLink:
    """The way to the pages of the kernel's notebook.

    Parameters
    ----------
    portal
        The worker thread, on which pages are asked and answer.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._lock = threading.Lock()
        self._is_closed = False
        self._widget: Any = None
        self.pages = Pages(self._send, self._announce)
        """Who is there, and what is asked of them."""

    async def _announce(self) -> None:
        """Make a widget: its opening is what pages hear of at any time."""
        await asyncio.to_thread(self._renew)

    def _renew(self) -> None:
        """To its end on its thread, also where who waits is cancelled: a widget that nobody knows would stay."""
        with self._lock:
            self._remove()
            if not self._is_closed:
                self._widget = _make(self._receive)

    def close(self) -> None:
        """Take the widget out of every page, for good. Idempotent."""
        with self._lock:
            self._is_closed = True
            self._remove()

    def _remove(self) -> None:
        widget, self._widget = self._widget, None
        if widget is not None:
            widget.close()

    def _send(self, message: Message) -> None:
        widget = self._widget
        if widget is None or widget.comm is None:
            raise NoPageError(NOBODY)
        widget.send(message)

    def _receive(self, message: Any) -> None:
        """On the main thread or on a subshell's."""
        if isinstance(message, dict):
            self._portal.post(self.pages.receive, message)


def asker_of(shell: Any) -> Asker:
    """Where the request comes from that the calling thread answers."""
    if not hasattr(shell, "get_parent"):
        return Asker()
    parent = shell.get_parent() or {}
    header = parent.get("header") or {}
    cell = str((parent.get("metadata") or {}).get("cellId") or "")
    return Asker(str(header.get("session") or ""), cell, bool(cell) or header.get("msg_type") == "comm_msg")


def _make(receive: Any) -> Any:
    import anywidget

    class NotebookPage(anywidget.AnyWidget):
        _esm = "\n".join((_JS / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)

    widget = NotebookPage()
    # See `panel.widget`: an answer must not wait for the cell that waits for it.
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, asked_for: asked_for
    widget.on_msg(lambda _widget, content, _buffers: receive(content))
    return widget
