"""One chat of the web page: carries messages between its pages and the panel's chat.

A `WebChat` lives on the engine's loop until `aclose`, and owns its `PanelChat` and what that is beside.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import AgentError
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.surfaces.mcp.notebook_kernel import NotebookKernel
from neuroworkflow_agent.surfaces.panel.chat import PanelChat
from neuroworkflow_agent.surfaces.web.beside_kernel import BesideKernel
from neuroworkflow_agent.surfaces.web.places import Place
from neuroworkflow_agent.surfaces.web.streams import Stream, encode

Message = dict[str, Any]

_NEW_KERNEL = "This conversation goes on in a new kernel: variables and imports of what ran before are gone, files are not."
_RESTED = "Nothing was done here for a while, so the kernel was ended. The next code starts a new one, without the variables there were."
_ATTACHED = (
    "Code runs in the kernel of the notebook {notebook!r}, which the user works in too: its variables are theirs, and cells they run change "
    "them meanwhile. You do not see or edit its cells with tools for cells; the file may be older than what they see."
)
_CLOSED = "The chat was closed before it had taken this in. Send it again."
_TOLD_OF = frozenset({"session", "title", "busy"})
"""What a list of chats shows of one."""


class WebChat:
    """A session that pages show.

    Parameters
    ----------
    config
        Its settings.
    portal
        The worker thread.
    session_id
        Of its session.
    is_stored
        Whether that one is there already.
    told
        What the model is to be told with the first message.
    on_change
        Called when a list of chats would show it otherwise.
    on_said
        Awaited with the chat before something is said in a session for the first time.
    place
        Where its code runs.
    kernel
        The kernel there.
    """

    def __init__(
        self,
        config: AgentConfig,
        portal: Portal,
        session_id: SessionId,
        *,
        is_stored: bool,
        told: str = "",
        on_change: Callable[[], None],
        on_said: Callable[[WebChat], Awaitable[None]],
        place: Place,
        kernel: NotebookKernel,
    ) -> None:
        self.place = place
        """Where its code runs."""
        self._first_id = session_id
        self._on_change = on_change
        self._on_said = on_said
        self._said_in = session_id if is_stored else None
        self._noting: asyncio.Future[None] | None = None
        self._streams: set[Stream] = set()
        self._asked: dict[str, asyncio.Future[Message]] = {}
        self._state: dict[str, Any] = {}
        self._used_at = time.monotonic()
        self._is_kernel_ours = not place.notebook
        self._beside = BesideKernel(kernel, is_own=self._is_kernel_ours)
        self._panel = PanelChat(
            self._beside, config, portal=portal, send=self._send, new_id=session_id, pause_s=0.0
        )
        if told:
            self._panel.tell_model(told)
        if is_stored and self._is_kernel_ours:
            self._panel.tell_model(_NEW_KERNEL)
        if place.notebook:
            self._panel.tell_model(_ATTACHED.format(notebook=place.notebook))
        self._panel.open(session_id if is_stored else None)

    # -- what is so -----------------------------------------------------------------------------------

    @property
    def session_id(self) -> SessionId:
        """Of its session, which is another one after an undo."""
        return SessionId(self._panel.session_id or self._first_id)

    @property
    def title(self) -> str:
        """What it is called; empty while nothing was said."""
        return str(self._state.get("title") or "")

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs."""
        return bool(self._state.get("busy"))

    @property
    def is_shown(self) -> bool:
        """Whether a page shows it."""
        self._streams = {stream for stream in self._streams if not stream.is_closed}
        return bool(self._streams)

    @property
    def idle_s(self) -> float:
        """How long nobody has done anything here; 0 while a turn or code runs."""
        if self.is_busy or self._beside.kernel.is_running:
            self._used_at = time.monotonic()
            return 0.0
        return time.monotonic() - self._used_at

    # -- pages ----------------------------------------------------------------------------------------

    def show(self, stream: Stream) -> None:
        """Send what happens to a page, too."""
        self._streams.add(stream)

    def hide(self, stream: Stream) -> None:
        """Do so no longer."""
        self._streams.discard(stream)

    async def handle(self, message: Message, buffers: list[bytes]) -> Message | None:
        """Take in a message of a page's; gives the answer to one that asks."""
        self._used_at = time.monotonic()
        if message.get("type") == "ask" and self._said_in is None:
            self._said_in = self.session_id
            await self._note_said()
        request = message.get("request")
        if request is None:
            self._panel.receive(message, buffers)
            return None
        answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[str(request)] = answered
        try:
            self._panel.receive(message, buffers)
            return await answered
        finally:
            self._asked.pop(str(request), None)

    def end_process(self) -> None:
        """End the agent's process while no turn runs; the next message has another one."""
        self._panel.rest()

    async def rest(self) -> None:
        """End its kernel if that is its own and idle, and say so."""
        if self._is_kernel_ours and await self._beside.rest():
            self._panel.tell_model(_NEW_KERNEL)
            self._panel.note(_RESTED)

    async def copy(self, up_to: str | None) -> SessionId:
        """Copy its session, up to that message; returns the copy's id. See `Chat.copy`."""
        return await self._panel.copy(up_to)

    async def tell_title(self) -> None:
        """Its session has been given another title."""
        await self._panel.tell_title()

    def tell(self, event: bytes, *, is_asked: bool = False) -> None:
        """Send an event to the pages that show it; see `Stream.put`."""
        for stream in self._streams:
            stream.put(event, is_asked=is_asked)

    async def aclose(self) -> None:
        """End its turn, its process and its kernel. Idempotent."""
        for request, answered in self._asked.items():
            if not answered.done():
                answered.set_result({"type": "problem", "text": _CLOSED, "request": request})
        await self._panel.aclose()
        if self._noting is not None:
            await asyncio.wait([self._noting])

    async def _note_said(self) -> None:
        with contextlib.suppress(AgentError, OSError):  # it is listed by its transcript, too
            await self._on_said(self)

    def _send(self, message: Message, buffers: list[bytes]) -> None:
        """On the engine's loop."""
        answered = self._asked.get(str(message.get("request")))
        if answered is not None and not answered.done():
            answered.set_result(message)
            return
        self.tell(encode("chat", message, buffers), is_asked=message.get("type") == "snapshot")
        changed = message.get("state") if message.get("type") == "patch" else None
        self._state.update(changed or {})
        if changed and self._said_in not in (
            None,
            self.session_id,
        ):  # it goes on in a copy, after an edit or an undo
            self._said_in = self.session_id
            self._noting = asyncio.ensure_future(self._note_said())
        if changed and not changed.keys().isdisjoint(_TOLD_OF):
            self._on_change()
