"""The conversation that a panel shows: which one it is, its session, its transcript, its turn.

`PanelConversation` lives on the engine's loop and owns a `Session`, the way to the kernel's main thread, and
the transcript; `close` ends them. While a turn runs, the conversation stays the one it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.claude import transcripts
from neuroworkflow_agent.engine.claude.process import load_sdk
from neuroworkflow_agent.engine.history import history
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.errors import AgentError, ConfigError, SessionBusyError, SessionClosedError
from neuroworkflow_agent.events import Event, TurnEnd, TurnStart
from neuroworkflow_agent.kernels.own import OwnKernel
from neuroworkflow_agent.render.outputs import ShownPicture
from neuroworkflow_agent.surfaces.panel.items import Transcript
from neuroworkflow_agent.surfaces.panel.outbox import Outbox, Send
from neuroworkflow_agent.surfaces.panel.patches import Op
from neuroworkflow_agent.text import Redaction, redact

_LIVE_PICTURE_BYTES = 1_000_000
_MAX_TITLE_CHARS = 200
_BUSY = "The agent is at work. Wait for it to end, or stop it."


class PanelConversation:
    """One conversation after another, each shown in full.

    Parameters
    ----------
    shell
        The shell of the kernel.
    config
        Settings to begin with.
    portal
        The worker thread.
    send
        Sends a message and its buffers to every view.
    on_turn_end
        Called on the engine's loop when a turn has ended.

    Raises
    ------
    KernelError
        If there is no Jupyter kernel.
    """

    def __init__(
        self,
        shell: Any,
        config: AgentConfig,
        *,
        portal: Portal,
        send: Send,
        on_turn_end: Callable[[], None],
    ) -> None:
        self.config = config
        """Settings of the next turn."""
        self.kernel = OwnKernel(
            shell, on_interrupt=self.interrupt, hide=Redaction(lambda: self.config.secrets)
        )
        self.outbox = Outbox(send, self._take_patch)
        self._portal = portal
        self._on_turn_end = on_turn_end
        self._pictures: dict[str, ShownPicture] = {}
        self._transcript = Transcript(self._keep_picture, config.workspace)
        self._session: Session | None = None
        self._settings: tuple[str | None, str] | None = None
        """Model and mode that the session was made with."""
        self._resume: str | None = None
        """The stored conversation to go on with, until a session has taken it up."""
        self._turn: Turn | None = None
        self._is_starting = False
        self._stop_wanted = False
        self._is_closed = False
        self._lock = asyncio.Lock()
        """Held while the conversation begins a turn or becomes another."""

    @property
    def session_id(self) -> str | None:
        """Its id; None before it has begun. On any thread."""
        return self._session.session_id if self._session is not None else None

    # -- which one ------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Alone with the conversation.

        Raises
        ------
        SessionBusyError
            If a turn runs.
        """
        if self._turn is not None or self._is_starting:
            raise SessionBusyError(_BUSY)
        async with self._lock:
            if self._turn is not None:
                raise SessionBusyError(_BUSY)
            yield

    async def go_to(self, session_id: str | None) -> None:
        """Show and continue a stored conversation, or begin a new one; while `changing`."""
        events: list[Event] = []
        title = ""
        if session_id is not None:
            found = await asyncio.to_thread(transcripts.find, session_id, self.config)
            session_id, title = found.session_id, found.title
            events = await asyncio.to_thread(history, session_id, self.config)
        self._pictures.clear()
        self._transcript = Transcript(self._keep_picture, self.config.workspace)
        for event in events:
            self._transcript.handle(event)
        self._transcript.patch()
        before, self._session, self._resume = self._session, None, session_id
        try:
            await self._ready_session()
        except ConfigError as error:
            self.note(str(error), failed=True)
        self.outbox.set_state(title=title, session=self.session_id)
        self.outbox.post_snapshot(self.snapshot, None)
        if before is not None:
            await before.aclose()

    async def fork(self, message_id: str | None) -> None:
        """Go to a copy of the conversation that ends with a message; while `changing`."""
        if self._session is None:
            raise ConfigError("There is nothing to fork yet.")
        copy = await asyncio.to_thread(
            transcripts.fork, self._session.session_id, self.config, up_to=message_id
        )
        await self.go_to(copy)
        self.note("This is a copy of the conversation up to here; the other one stays as it is.")

    async def renew(self) -> None:
        """Get ready for the current settings, unless a turn runs; call it again when that has ended."""
        if self._session is not None:
            with contextlib.suppress(SessionBusyError):
                async with self.changing():
                    await self._ready_session()

    async def tell_title(self) -> None:
        """Say what the conversation is called now."""
        if (session_id := self.session_id) is None:
            return
        with contextlib.suppress(AgentError):
            found = await asyncio.to_thread(transcripts.find, session_id, self.config)
            if session_id == self.session_id:
                self.outbox.set_state(title=found.title)

    async def _ready_session(self) -> Session:
        """The session, made anew if there is none or its settings are others than the user wants now."""
        wanted = (self.config.model, self.config.mode)
        before = self._session
        if before is not None and self._settings == wanted:
            return before
        if before is not None and before.has_history:
            self._resume = before.session_id
        config, resume = self.config, self._resume

        def make() -> Session:
            # Slow the first time; the session would do it on the loop, deaf to the page meanwhile.
            load_sdk()
            return Session(config, kernel=self.kernel, resume=resume, portal=self._portal)

        making = asyncio.ensure_future(asyncio.to_thread(make))
        try:
            made = await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_close_unwanted)
            raise
        if self._is_closed:
            made.close_soon()
            raise SessionClosedError("The panel was closed meanwhile.")
        self._session, self._settings = made, wanted
        if before is not None:
            await before.aclose()
        made.prewarm()
        return made

    # -- a turn ---------------------------------------------------------------------------------------

    async def start(self, prompt: str, context: Callable[[], str], attached: Callable[[], Any]) -> None:
        """Begin a turn.

        Parameters
        ----------
        prompt
            What the user said.
        context
            Gives what happened in the notebook since the last turn; called when the turn is sure to begin.
        attached
            Gives an awaitable of what the user points at.

        Raises
        ------
        SessionBusyError
            If a turn runs.
        ConfigError
            If no model can be had, or what the user points at is not there.
        """
        async with self.changing():
            self._is_starting, self._stop_wanted = True, False
            self.outbox.set_state(busy=True)
            try:
                attachments: Sequence[Attachment] = await attached()
                session = await self._ready_session()
                self._turn = session.start(
                    prompt, context=context(), attachments=attachments, listener=self._on_event
                )
            finally:
                self._is_starting = False
                self.outbox.set_state(busy=self._turn is not None, session=self.session_id)
        if self._stop_wanted:
            self.interrupt()

    def stop(self) -> None:
        """Stop the turn, or the one that is about to begin."""
        self._stop_wanted = self._is_starting
        self.interrupt()

    def interrupt(self) -> None:
        """Stop the turn; also from a signal handler on the main thread."""
        if (session := self._session) is not None:
            session.interrupt()

    def answer(self, request_id: str, answer: Answer) -> None:
        """Decide a tool use that waits.

        Raises
        ------
        ConfigError
            If nothing waits any more.
        """
        if self._turn is None:
            raise ConfigError("Nothing waits for an answer any more; the turn has ended.")
        self._turn.answer(request_id, answer)

    def _on_event(self, event: Event) -> None:
        """On the engine's loop, as everything here."""
        self._transcript.handle(event)
        self.outbox.touch()
        if isinstance(event, TurnStart) and not self.outbox.state("title"):
            self.outbox.set_state(title=" ".join(event.prompt.split())[:_MAX_TITLE_CHARS])
        if isinstance(event, TurnEnd):
            self._turn = None
            self.outbox.set_state(busy=False)
            self._on_turn_end()

    # -- what is shown --------------------------------------------------------------------------------

    def snapshot(self) -> list[dict[str, Any]]:
        """The items as of the last patch."""
        return self._transcript.snapshot()

    def note(self, text: str, *, failed: bool = False) -> None:
        """Say something in the transcript."""
        self._transcript.note(self.hide(text), failed=failed)
        self.outbox.touch()

    def post_picture(self, key: str) -> None:
        """Send a picture that a page has asked for."""
        if (picture := self._pictures.get(key)) is not None:
            self.outbox.post_picture(picture)

    def hide(self, text: str) -> str:
        """`text` without known secrets. On any thread."""
        return redact(text, self.config.secrets)

    def _take_patch(self) -> list[Op]:
        return self._transcript.patch()

    def _keep_picture(self, picture: ShownPicture) -> None:
        if picture.key not in self._pictures:
            self._pictures[picture.key] = picture
            if self._turn is not None and len(picture.data) <= _LIVE_PICTURE_BYTES:
                self.outbox.post_picture(picture)

    async def close(self) -> None:
        """End the session and let go of the kernel."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.aclose()
        self.outbox.close()
        await self.kernel.aclose()


def _close_unwanted(making: asyncio.Future[Session]) -> None:
    """Close a session that nobody waits for any more."""
    if not making.cancelled() and making.exception() is None:
        making.result().close_soon()
