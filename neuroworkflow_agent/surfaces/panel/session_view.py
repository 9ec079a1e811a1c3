"""The session that a panel shows: its chat, its transcript, its turn.

`SessionView` lives on the engine's loop and owns a `Chat`, what that is beside, and the transcript; `close` ends
them. While a turn runs, the session stays the one it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Any

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.credentials import UnusableSignInError
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.errors import AgentError, SessionBusyError
from neuroworkflow_agent.events import CodeEnd, Event, FollowUp, TurnEnd, TurnPinned, TurnStart, TurnUndone
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.models.endpoint import NoEndpointError
from neuroworkflow_agent.render import parts, undoing
from neuroworkflow_agent.render.outputs import ShownPicture
from neuroworkflow_agent.state.effects import Plan
from neuroworkflow_agent.surfaces.chat import BUSY, Chat
from neuroworkflow_agent.surfaces.file_links import FileLinks
from neuroworkflow_agent.surfaces.panel.items import Transcript
from neuroworkflow_agent.surfaces.panel.outbox import SNAPSHOT_PAUSE_S, Outbox, Send
from neuroworkflow_agent.surfaces.panel.patches import Op
from neuroworkflow_agent.surfaces.panel.surroundings import Surroundings
from neuroworkflow_agent.surfaces.turn_items import End, Item, Prompt
from neuroworkflow_agent.text import redact

_LIVE_PICTURE_BYTES = 1_000_000
_MAX_TITLE_CHARS = 200
_STARTING = "Starting the agent"


class SessionView:
    """One session after another, each shown in full.

    Parameters
    ----------
    beside
        What the chat is beside.
    config
        Settings to begin with.
    portal
        The worker thread.
    send
        Sends a message and its buffers to every view.
    on_turn_end
        Called on the engine's loop when a turn has ended.
    keep
        Given the items of the transcript, on the engine's loop, when they will stay as they are for a while.
    new_id
        As for `Chat`.
    pause_s
        As for `Outbox`.
    """

    def __init__(
        self,
        beside: Surroundings,
        config: AgentConfig,
        *,
        portal: Portal,
        send: Send,
        on_turn_end: Callable[[TurnEnd], None],
        keep: Callable[[Sequence[Item]], None],
        new_id: SessionId | None = None,
        pause_s: float = SNAPSHOT_PAUSE_S,
    ) -> None:
        self._beside = beside
        self.chat = Chat(
            config,
            kernel=beside.kernel,
            document=lambda: beside.document,
            portal=portal,
            follows_environment=True,
            undo=beside.undo,
            new_id=new_id,
            leaves_code=True,
        )
        self.outbox = Outbox(send, self._take_patch, pause_s=pause_s)
        self._on_turn_end = on_turn_end
        self._keep = keep
        self._pictures: dict[str, ShownPicture] = {}
        self._transcript = self._new_transcript()
        self._is_starting = False
        self._is_running = False
        self._stop_wanted = False
        self._lock = asyncio.Lock()
        """Held while the session begins a turn or becomes another."""

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs or is about to."""
        return self._is_running or self._is_starting

    # -- which one ------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        """Alone with the session.

        Raises
        ------
        SessionBusyError
            If a turn runs.
        """
        if self.is_busy:
            raise SessionBusyError(BUSY)
        async with self._lock:
            if self._is_running:
                raise SessionBusyError(BUSY)
            yield

    async def go_to(self, **wanted: Any) -> None:
        """Show and continue another session.

        Parameters
        ----------
        wanted
            As for `Chat.select`.

        Raises
        ------
        AgentError
            If it cannot be gone to; the present one stays. Before there is any, that is shown and not raised.
        """
        async with self._changing():
            is_first = self.outbox.state("session") is None and not self.chat.has_history
            trouble = ""
            try:
                await self._prepared(lambda: self.chat.select(**wanted, keep_wish=is_first))
            except AgentError as error:
                if not is_first:
                    raise
                trouble = str(error)
            await self._show_session(trouble)

    async def _show_session(self, trouble: str = "") -> None:
        """Show the session that is current now, from its beginning."""
        stored = await asyncio.to_thread(self.chat.stored) if self.chat.has_history else None
        events = await asyncio.to_thread(self.chat.history)
        self._pictures.clear()
        self._transcript = self._new_transcript()
        for event in events:
            self._transcript.handle(event)
        self._transcript.patch()
        if trouble:
            self.note(trouble, failed=True)
        self.outbox.set_state(title=stored.title if stored else "", session=self.chat.session_id)
        self.outbox.post_snapshot(self.snapshot, None)
        self._tell_so_far()

    async def go_before(self, turn_id: str, *, hand_on: bool) -> None:
        """Show and continue a copy of the session that ends before a turn; see `TurnSurgery.go_before`.

        Raises
        ------
        AgentError
            If that cannot be done; the present session stays.
        """
        async with self._changing():
            await self._prepared(lambda: self.chat.surgery.go_before(turn_id, hand_on=hand_on))
            await self._show_session()

    async def pin(self, turn_id: str, *, is_pinned: bool) -> None:
        """Have the agent be given a turn's texts again after a summary, or not any more, and show that.

        Raises
        ------
        ConfigError
            If there is no such turn.
        """
        async with self._lock:
            turn = await asyncio.to_thread(self.chat.surgery.pin, turn_id, is_pinned=is_pinned)
            self._transcript.handle(TurnPinned(turn.turn_id, is_pinned))
        self.outbox.touch()

    async def change(self, *, model: str | None, mode: str | None) -> None:
        """Have later turns served otherwise.

        Raises
        ------
        AgentError
            If that cannot work; nothing has changed then.
        """
        async with self._lock:
            await self._prepared(lambda: self.chat.change(model=model, mode=mode))
        config = self.chat.config
        self.outbox.set_state(model=config.model or "auto", mode=config.mode, session=self.chat.session_id)

    async def renew(self) -> None:
        """Get ready for settings that were asked for while a turn ran, unless one runs again."""
        with contextlib.suppress(SessionBusyError):
            async with self._changing():
                await self._prepared(self.chat.ready)

    async def undo_plan(self, turn_id: str) -> Plan:
        """What undoing a turn would do.

        Raises
        ------
        ConfigError
            If a later one has to be undone first.
        SessionBusyError
            If a turn runs.
        """
        async with self._changing():
            return await asyncio.to_thread(self.chat.undo_turn.plan, turn_id)

    async def undo(self, turn_id: str, keys: Collection[str] | None) -> None:
        """Undo a turn, or a part of it, and show that.

        Parameters
        ----------
        keys
            Of what is to be taken back; None for all, and the session.

        Raises
        ------
        ConfigError
            If the kernel is busy, or a later turn has to be undone first.
        SessionBusyError
            If a turn runs.
        """

        def work() -> TurnUndone:
            undo_turn = self.chat.undo_turn
            undone = undo_turn.take_back(undo_turn.plan(turn_id), keys, exclusively=self._beside.exclusively)
            self.chat.prewarm()
            return undone

        async with self._changing():
            undone = await asyncio.to_thread(work)
            self._transcript.handle(undone)
            for heading, said in undoing.groups_of(undone):
                if said:
                    self.note(f"{heading}: {'; '.join(each.rstrip('.') for each in said)}.")
            self.outbox.set_state(session=self.chat.session_id)
            self.outbox.touch()
            self._tell_so_far()

    async def tell_title(self) -> None:
        """Say what the session is called now."""
        session_id = self.chat.session_id
        stored = await asyncio.to_thread(self.chat.stored)
        if stored is not None and session_id == self.chat.session_id:
            self.outbox.set_state(title=stored.title)

    async def _prepared(self, change: Callable[[], object]) -> None:
        """Change what the next turn is served by, and have its process started."""

        def work() -> None:
            change()
            self.chat.prewarm()

        try:
            await asyncio.to_thread(work)
        except (NoEndpointError, UnusableSignInError):
            self.outbox.set_state(needs_key=True)
            raise
        self.outbox.set_state(
            needs_key=self.chat.needs_sign_in, introduction=self.hide(self.chat.introduction)
        )

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

        async def begin() -> None:
            attachments: Sequence[Attachment] = await attached()
            await self._prepared(self.chat.ready)
            self._begin(
                lambda: self.chat.send(
                    prompt, context=context(), attachments=attachments, listener=self._on_event
                )
            )

        await self._starting(begin)

    async def compact(self) -> None:
        """Have a summary stand for what was said so far, as a turn.

        Raises
        ------
        SessionBusyError
            If a turn runs.
        ConfigError
            If nothing was said yet, or no model can be had.
        """

        async def begin() -> None:
            await self._prepared(self.chat.ready)
            self._begin(lambda: self.chat.compact(listener=self._on_event))

        await self._starting(begin)

    def _begin(self, begin: Callable[[], object]) -> None:
        self._is_running = True
        try:
            begin()
        except BaseException:
            self._is_running = False
            raise

    async def _starting(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Begin a turn, alone with the session.

        Raises
        ------
        SessionBusyError
            If one runs.
        """
        if self.is_busy:
            raise SessionBusyError(BUSY)
        self._is_starting, self._stop_wanted = True, False
        # At once: the rest may wait for a session that is being made.
        self.outbox.set_state(busy=True, activity=_STARTING)
        try:
            async with self._lock:
                await begin()
        finally:
            self._is_starting = False
            self.outbox.set_state(busy=self._is_running, session=self.chat.session_id)
        if self._stop_wanted:
            self.interrupt()

    async def send_now(self, message_id: str, attachments: Sequence[Attachment]) -> None:
        """Have the turn that runs, or is about to, take in a message that waits; see `Chat.send_now`."""
        async with self._lock:
            self.chat.send_now(message_id, attachments=attachments)
        self.tell_queue()

    def stop(self) -> None:
        """Stop the turn, or the one that is about to begin."""
        self._stop_wanted = self._is_starting
        self.interrupt()

    def interrupt(self) -> None:
        """Stop the turn that runs. Also from a signal handler on the main thread."""
        self.chat.stop()

    def tell_clock(self) -> None:
        """Say how long code of a turn that has ended has run, from which pages count on."""
        left_code_s = self.chat.left_code_s if self._transcript.runs_on else 0.0
        self.outbox.set_state(left_code_s=round(left_code_s, 1))

    def _on_event(self, event: Event) -> None:
        """On the engine's loop, as everything here."""
        self._transcript.handle(event)
        activity = self._transcript.activity
        self.outbox.set_state(
            activity=activity.text if activity is not None else "", runs_on=self._transcript.runs_on
        )
        if isinstance(event, TurnEnd | CodeEnd):
            self.tell_clock()
        if isinstance(event, CodeEnd):
            self._tell_so_far()
        if isinstance(event, TurnStart) and not self.outbox.state("title"):
            self.outbox.set_state(title=" ".join(event.prompt.split())[:_MAX_TITLE_CHARS])
        if isinstance(event, FollowUp | TurnEnd):
            self.tell_queue()
        if isinstance(event, TurnEnd):
            self._is_running = False
            self.outbox.set_state(busy=False, needs_key=self.chat.needs_sign_in)
            self._tell_so_far()
            self._on_turn_end(event)

    # -- what is shown --------------------------------------------------------------------------------

    def snapshot(self) -> list[dict[str, Any]]:
        """The items as of the last patch."""
        return self._transcript.snapshot()

    @property
    def last_prompt(self) -> str:
        """What the user said last; empty if nothing was said yet."""
        return next((item.text for item in reversed(self._transcript.items) if isinstance(item, Prompt)), "")

    def tell_queue(self) -> None:
        """Say which messages wait."""
        waiting = [
            {"id": each.message_id, "text": each.prompt, "now": each.is_on_its_way}
            for each in self.chat.queue
        ]
        self.outbox.set_state(queue=waiting)

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
        return redact(text, self.chat.config.secrets)

    def link_to(self, path: str) -> str:
        """The target of a link to a file, from the notebook; empty where there is none."""
        config = self.chat.config
        return FileLinks(config.now("JPY_SESSION_NAME"), config.workspace).link_to(path)

    def _tell_so_far(self) -> None:
        """Keep the transcript, which stays as it is for a while, and say what the session has cost and uses."""
        items = self._transcript.items
        self._keep(items)
        ends = [item.event for item in items if isinstance(item, End)]
        costs = [end.cost_usd for end in ends if end.cost_usd]
        # A turn that was stopped before the model was asked says nothing of it.
        last = next((end for end in reversed(ends) if end.context_tokens), None)
        used = parts.context_used(last) if last is not None else ""
        self.outbox.set_state(
            cost=f"${sum(costs):.4f}" if costs else "",
            context=used,
            context_tokens=f"{last.context_tokens:,} of {last.context_window:,}" if last and used else "",
        )

    def _new_transcript(self) -> Transcript:
        return Transcript(self._keep_picture, self.chat.config.workspace, self.link_to)

    def _take_patch(self) -> list[Op]:
        return self._transcript.patch()

    def _keep_picture(self, picture: ShownPicture) -> None:
        if picture.key not in self._pictures:
            self._pictures[picture.key] = picture
            if self._is_running and len(picture.data) <= _LIVE_PICTURE_BYTES:
                self.outbox.post_picture(picture)

    async def close(self) -> None:
        """End the session and let go of the kernel."""
        await self.chat.aclose()
        self.outbox.close()
        await self._beside.aclose()
