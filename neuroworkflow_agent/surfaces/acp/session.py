"""One session of a client: its chat, its kernel, and what the client is told of them.

An `AcpSession` lives on the engine's loop from `begin` or `go_on` to `aclose`, and owns its `Chat` and its kernel. What slow work there
is (disk, looking for models) runs on the loop's pool.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import acp
from acp.interfaces import Client
from acp.schema import (
    AvailableCommand,
    AvailableCommandInput,
    AvailableCommandsUpdate,
    PromptResponse,
    SessionConfigOptionBoolean,
    SessionConfigOptionSelect,
    SessionConfigSelectOption,
    SessionInfoUpdate,
    SessionMode,
    SessionModeState,
    StopReason,
    UnstructuredCommandInput,
)

from neuroworkflow_agent.config import MODES, AgentConfig, Mode
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.session import COMPACT
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import ApprovalDecision, ApprovalRequest, EndReason, Event, TurnEnd
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.models.names import model_names
from neuroworkflow_agent.skills import skill_names
from neuroworkflow_agent.state.undo import Undo
from neuroworkflow_agent.surfaces.acp.asking import ask_user
from neuroworkflow_agent.surfaces.acp.message import read_message
from neuroworkflow_agent.surfaces.acp.undoing import UNDO, undo
from neuroworkflow_agent.surfaces.acp.updates import Updates
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.session_kernel import kernel_of_session
from neuroworkflow_agent.surfaces.turn_items import Card
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.text import Redaction, one_line

MODEL = "model"
"""Id of the setting."""
_AUTO = "auto"
_TOLD_EVERY_S = 0.04
_REST = 4
"""A call's output is told as a whole: after telling much, it is silent so many times as long as that took."""
_MAX_TITLE_CHARS = 80
_STOP_REASONS: dict[EndReason, StopReason] = {
    "complete": "end_turn",
    "interaction": "end_turn",
    "limit": "max_turn_requests",
    "interrupted": "cancelled",
}
_MODES: dict[Mode, str] = {
    "edit": "runs code, edits files",
    "ask": "asks before every change",
    "plan": "changes nothing, plans",
    "read-only": "only reads",
}


class AcpSession:
    """A client's session.

    Parameters
    ----------
    config
        Its settings; the workspace is the client's folder.
    client
        Who is told.
    portal
        The worker thread.
    session_id
        Of the session.
    notebook
        The notebook whose kernel runs the code; None for a kernel of its own.
    unused
        Names of MCP servers that the client passed, and that are not used.
    """

    def __init__(
        self,
        config: AgentConfig,
        client: Client,
        portal: Portal,
        session_id: SessionId,
        notebook: Path | None,
        unused: Sequence[str] = (),
    ) -> None:
        self.session_id = session_id
        self._client = client
        self._kernel = kernel_of_session(config, notebook)
        self.chat = Chat(
            config, kernel=self._kernel, portal=portal, new_id=session_id, undo=Undo(kernel=self._kernel)
        )
        self._hide = Redaction(lambda: self.chat.config.secrets)
        self._view = TurnView()
        self._updates = Updates(config.workspace, self._hide)
        self._asked: dict[str, asyncio.Task[None]] = {}
        """Questions to the client, by the ids of what waits."""
        self._news = asyncio.Event()
        self._unused = unused

    # -- begun and ended ------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Get ready for a new session.

        Raises
        ------
        ConfigError
            If no model can be had.
        """
        await asyncio.to_thread(self.chat.prewarm)
        await self._tell_beginning()

    async def go_on(self, *, is_shown: bool) -> None:
        """Go on with the stored session.

        Parameters
        ----------
        is_shown
            Whether the client is told all that was seen of it.

        Raises
        ------
        SessionNotFoundError
            If there is none.
        ConfigError
            If no model can be had.
        """
        await asyncio.to_thread(self.chat.select, resume=self.session_id)
        events = await asyncio.to_thread(self.chat.history)
        for event in events:
            self._view.handle(event)
        updates = self._updates.of(self._view.take_changed(), with_prompts=True)
        for update in updates if is_shown else ():
            await self._client.session_update(self.session_id, update)
        await self._tell_beginning()

    async def aclose(self) -> None:
        """End its turn, its process and its kernel. Idempotent."""
        await self.chat.aclose()
        await self._kernel.aclose()

    # -- a turn ---------------------------------------------------------------------------------------

    async def prompt(self, blocks: Sequence[Any]) -> PromptResponse:
        """Run a turn and tell of it; returns when it has ended.

        Raises
        ------
        ConfigError
            If the message cannot be sent.
        SessionBusyError
            If a turn runs.
        acp.RequestError
            If it ended as an error.
        """
        message = read_message(blocks, self.chat.config.workspace, self._hide)
        if message.text.split()[:1] == [UNDO]:
            await undo(self.chat, self._client, self.session_id, message.text.split()[1:], self._say)
            return PromptResponse(stop_reason="end_turn")
        has_title = self.chat.has_history
        ended: asyncio.Future[TurnEnd] = asyncio.get_running_loop().create_future()

        def on_event(event: Event) -> None:
            self._view.handle(event)
            self._follow_questions(event)
            self._news.set()
            if isinstance(event, TurnEnd) and not ended.done():
                ended.set_result(event)

        await asyncio.to_thread(self.chat.ready)
        self.chat.require_idle()
        if message.text.strip() == COMPACT:
            self.chat.compact(listener=on_event)
        else:
            self.chat.send(message.text, attachments=message.attachments, listener=on_event)
        telling = asyncio.create_task(self._tell_for_ever())
        try:
            end = await ended
        except asyncio.CancelledError:
            self.chat.stop()
            raise
        finally:
            telling.cancel()
            await asyncio.wait([telling])
        await self._tell()
        if not has_title:
            await self._tell_title(message.text)
        return _response(end)

    async def _say(self, text: str) -> None:
        """Tell the client something of our own."""
        self._view.note(self._hide(text))
        await self._tell()

    def cancel(self) -> None:
        """Stop the turn, if one runs."""
        self.chat.stop()

    async def _tell_for_ever(self) -> None:
        """Tell what is new, no more often than a person can see."""
        while True:
            await self._news.wait()
            self._news.clear()
            started = time.monotonic()
            if await self._tell():
                await asyncio.sleep(max(_TOLD_EVERY_S, _REST * (time.monotonic() - started)))

    async def _tell(self) -> bool:
        """Tell what has changed; whether that was anything a client is told of."""
        updates = self._updates.of(self._view.take_changed())
        for update in updates:
            await self._client.session_update(self.session_id, update)
        return bool(updates)

    async def _tell_title(self, text: str) -> None:
        title = one_line(self._hide(text), _MAX_TITLE_CHARS)
        await self._client.session_update(
            self.session_id, SessionInfoUpdate(session_update="session_info_update", title=title)
        )

    # -- questions ------------------------------------------------------------------------------------

    def _follow_questions(self, event: Event) -> None:
        """Ask what waits for the user, and no longer what does not."""
        match event:
            case ApprovalRequest(request_id=request_id):
                cards = (item for item in reversed(self._view.items) if isinstance(item, Card))
                card = next(card for card in cards if card.request is event)
                self._asked[request_id] = asyncio.ensure_future(self._ask(request_id, card))
            case ApprovalDecision(request_id=request_id) if request_id in self._asked:
                self._asked.pop(request_id).cancel()
            case TurnEnd():
                while self._asked:
                    self._asked.popitem()[1].cancel()

    async def _ask(self, request_id: str, card: Card) -> None:
        await self._tell()
        answer = await ask_user(self._client, self.session_id, card, self._updates.call(card))
        if self._asked.pop(request_id, None) is not None:
            self.chat.answer(request_id, answer)

    # -- settings -------------------------------------------------------------------------------------

    @property
    def modes(self) -> SessionModeState:
        """What the agent may do unasked."""
        return SessionModeState(
            current_mode_id=self.chat.config.mode,
            available_modes=[SessionMode(id=mode, name=mode, description=_MODES[mode]) for mode in MODES],
        )

    async def options(self) -> list[SessionConfigOptionSelect | SessionConfigOptionBoolean]:
        """What else can be chosen: the model."""
        config = self.chat.config
        current = config.model or _AUTO
        names = dict.fromkeys([_AUTO, current, *await asyncio.to_thread(model_names, config)])
        return [
            SessionConfigOptionSelect(
                id=MODEL,
                name="Model",
                category="model",
                type="select",
                current_value=current,
                options=[SessionConfigSelectOption(value=name, name=name) for name in names],
            )
        ]

    async def change(self, *, mode: str | None = None, model: str | None = None) -> None:
        """Have later turns served otherwise.

        Raises
        ------
        ConfigError
            If that cannot work; nothing has changed then.
        """
        if mode is not None and mode not in MODES:
            raise ConfigError(f"There is no mode {mode!r}. There are {', '.join(MODES)}.")
        await asyncio.to_thread(self.chat.change, mode=mode, model=model)

    async def _tell_beginning(self) -> None:
        """Say which skills there are, and what of the client's is not used."""
        if self._unused:
            self._view.note(
                f"MCP servers of the client are not used: {', '.join(self._unused)}. They start programs; who trusts the "
                "client starts this agent with --client-servers."
            )
            await self._tell()
        config = self.chat.config
        names = await asyncio.to_thread(skill_names, config.workspace, config.skills_dir)
        hint = AvailableCommandInput(root=UnstructuredCommandInput(hint="what it should be done with"))
        commands = [
            AvailableCommand(name=name, description="A skill of the agent", input=hint) for name in names
        ]
        ours = {
            COMPACT: "Have a summary stand for what was said so far",
            UNDO: "Take back what the last turn did",
        }
        commands += [
            AvailableCommand(name=name.removeprefix("/"), description=about) for name, about in ours.items()
        ]
        await self._client.session_update(
            self.session_id,
            AvailableCommandsUpdate(session_update="available_commands_update", available_commands=commands),
        )


def _response(end: TurnEnd) -> PromptResponse:
    if end.end not in _STOP_REASONS:
        raise acp.RequestError(-32603, end.message or "The turn failed.")
    return PromptResponse(stop_reason=_STOP_REASONS[end.end])
