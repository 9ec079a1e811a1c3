"""The notebook's own pages, as the kernel reaches them: by the comms of our extension, or else by a widget without a view.

`PageLink` belongs to a chat. Where no page answers on a comm, it makes a widget when one is first asked for something: that shows
nothing, has no name in the user's namespace, and goes with `close`. A page that is loaded later finds it among the kernel's
widgets. A user of anywidget, as the panel.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.notebooks.pages import NOBODY, Asker, Message, NoPageError, Pages
from neuroworkflow_agent.surfaces.page_comms import PageComms, keep_the_thread_asked_for

_COMM_S = 0.5
"""How long a page with our extension may take to answer; one that is being loaded has no other way then."""


class PageLink:
    """The way to the pages of the kernel's notebook.

    Parameters
    ----------
    shell
        The shell of the kernel.
    portal
        The worker thread, on which pages are asked and answer.
    """

    def __init__(self, shell: Any, portal: Portal) -> None:
        self._portal = portal
        self._lock = threading.Lock()
        self._is_closed = False
        self._widget: Any = None
        self._comms = PageComms.of(shell)
        self._unlisten = self._comms.listen(self._receive) if self._comms else lambda: None
        self.pages = Pages(self._send, self._announce)
        """Who is there, and what is asked of them."""

    async def _announce(self) -> None:
        """Ask on the comms, or make a widget: its opening is what pages hear of at any time."""
        if self._comms is not None and self._comms.are_open:
            self._comms.send({"type": "who"})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMM_S):
                    await self.pages.arrived.wait()
                    return
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
            if not self._is_closed:
                self._unlisten()
            self._is_closed = True
            self._remove()

    def _remove(self) -> None:
        widget, self._widget = self._widget, None
        if widget is not None:
            widget.close()

    def _send(self, message: Message) -> None:
        widget = self._widget
        has_widget = widget is not None and widget.comm is not None
        comms = self._comms if self._comms is not None and self._comms.are_open else None
        if comms is None and not has_widget:
            raise NoPageError(NOBODY)
        if comms is not None:
            comms.send(message)
        if has_widget:
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

    from neuroworkflow_agent.surfaces.page_scripts import joined

    class NotebookPage(anywidget.AnyWidget):
        _esm = joined("notebook_widget")

    widget = NotebookPage()
    keep_the_thread_asked_for(widget.comm)  # an answer must not wait for the cell that waits for it
    widget.on_msg(lambda _widget, content, _buffers: receive(content))
    return widget
