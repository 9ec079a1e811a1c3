"""One session of a client: its chat, its kernel, and what the client is told of them.

An `AcpSession` lives on the engine's loop from `open` to `aclose`, and owns its `Chat` and its kernel. What slow work there
is (disk, looking for models) runs on the loop's pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import acp
from acp.interfaces import Client
from acp.schema import (
    AllowedOutcome,
    AvailableCommand,
    AvailableCommandInput,
    AvailableCommandsUpdate,
    PermissionOption,
    PromptResponse,
    SessionConfigOptionBoolean,
    SessionConfigOptionSelect,
    SessionConfigSelectOption,
    SessionInfoUpdate,
    SessionMode,
    SessionModeState,
    StopReason,
    ToolCallUpdate,
    UnstructuredCommandInput,
)

from neuroworkflow_agent.config import MODES, AgentConfig, Mode
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import EndReason, Event, TurnEnd
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.models.names import model_names
from neuroworkflow_agent.render.parts import questions
from neuroworkflow_agent.skills import skill_names
from neuroworkflow_agent.surfaces.acp.kernels import kernel_of_session
from neuroworkflow_agent.surfaces.acp.message import read_message
from neuroworkflow_agent.surfaces.acp.updates import Updates
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.turn_items import Card
from neuroworkflow_agent.surfaces.turn_view import TurnView
from neuroworkflow_agent.text import Redaction

MODEL = "model"
"""Id of the setting."""
_AUTO = "auto"
_TOLD_EVERY_S = 0.04
_ALLOW, _ALWAYS, _REJECT = "allow", "always", "reject"
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
        Of the session; a stored one if `is_stored`.
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
        self.chat = Chat(config, kernel=self._kernel, portal=portal, new_id=session_id)
        self._hide = Redaction(lambda: self.chat.config.secrets)
        self._view = TurnView()
        self._updates = Updates(config.workspace, self._hide)
        self._asked: dict[str, asyncio.Task[None]] = {}
        """Questions to the client, by the ids of what waits."""
        self._news = asyncio.Event()
        if unused:
            self._view.note(
                f"MCP servers of the client are not used: {', '.join(unused)}. They start programs; who trusts the client "
                "starts this agent with --client-servers."
            )

    # -- begun and ended ------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Get ready for a new session.

        Raises
        ------
        ConfigError
            If no model can be had.
        """
        await asyncio.to_thread(self.chat.prewarm)
        await self._tell_commands()
        await self._tell()

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
        await self._tell_commands()

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
        has_title = self.chat.has_history
        ended: asyncio.Future[TurnEnd] = asyncio.get_running_loop().create_future()

        def on_event(event: Event) -> None:
            self._view.handle(event)
            self._ask_where_needed()
            self._news.set()
            if isinstance(event, TurnEnd) and not ended.done():
                ended.set_result(event)

        await asyncio.to_thread(self.chat.ready)
        self.chat.require_idle()
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

    def cancel(self) -> None:
        """Stop the turn, if one runs."""
        self.chat.stop()

    async def _tell_for_ever(self) -> None:
        """Tell what is new, no more often than a person can see."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self._tell()
            await asyncio.sleep(_TOLD_EVERY_S)

    async def _tell(self) -> None:
        for update in self._updates.of(self._view.take_changed()):
            await self._client.session_update(self.session_id, update)

    async def _tell_title(self, text: str) -> None:
        title = " ".join(self._hide(text).split())[:80]
        await self._client.session_update(
            self.session_id, SessionInfoUpdate(session_update="session_info_update", title=title)
        )

    # -- questions ------------------------------------------------------------------------------------

    def _ask_where_needed(self) -> None:
        waiting = {
            card.request.request_id: card
            for card in self._view.items[-50:]
            if isinstance(card, Card) and card.state == "asking" and card.request is not None
        }
        for request_id, card in waiting.items():
            if request_id not in self._asked:
                self._asked[request_id] = asyncio.ensure_future(self._ask(request_id, card))
        for request_id in self._asked.keys() - waiting.keys():
            self._asked.pop(request_id).cancel()

    async def _ask(self, request_id: str, card: Card) -> None:
        await self._tell()
        try:
            answer = await (self._ask_question(card) if card.is_question else self._ask_permission(card))
        except acp.RequestError as error:
            answer = Answer(False, f"The client could not ask the user: {error}.", end_turn=True)
        if self._asked.pop(request_id, None) is not None:
            self.chat.answer(request_id, answer)

    async def _ask_permission(self, card: Card) -> Answer:
        assert card.request is not None
        options = [PermissionOption(option_id=_ALLOW, name="Allow once", kind="allow_once")]
        if card.request.can_remember:
            options.append(
                PermissionOption(option_id=_ALWAYS, name="Allow in this session", kind="allow_always")
            )
        options.append(PermissionOption(option_id=_REJECT, name="Do not allow", kind="reject_once"))
        chosen = await self._chosen(card, options)
        if chosen is None:
            return Answer(False, "The user did not answer.", end_turn=True)
        return Answer(chosen != _REJECT, "The user said no." if chosen == _REJECT else "", chosen == _ALWAYS)

    async def _ask_question(self, card: Card) -> Answer:
        answers = {}
        for question in questions(card.input):
            labels = [str(option["label"]) for option in question["options"]]
            options = [
                PermissionOption(option_id=str(place), name=label, kind="allow_once")
                for place, label in enumerate(labels)
            ]
            options.append(PermissionOption(option_id=_REJECT, name="Do not answer", kind="reject_once"))
            chosen = await self._chosen(card, options, title=question["question"])
            if chosen is None or not chosen.isdecimal():
                return Answer(False, "The user did not answer.")
            answers[str(question["question"])] = labels[int(chosen)]
        return Answer(True, answers=answers)

    async def _chosen(self, card: Card, options: list[PermissionOption], title: str = "") -> str | None:
        """Which option the user took; None if none."""
        call = self._updates.call(card) | ({"title": title} if title else {})
        reply = await self._client.request_permission(self.session_id, ToolCallUpdate(**call), options)
        return reply.outcome.option_id if isinstance(reply.outcome, AllowedOutcome) else None

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

    async def _tell_commands(self) -> None:
        """Say which skills there are."""
        config = self.chat.config
        names = await asyncio.to_thread(skill_names, config.workspace, config.skills_dir)
        hint = AvailableCommandInput(root=UnstructuredCommandInput(hint="what it should be done with"))
        commands = [
            AvailableCommand(name=name, description="A skill of the agent", input=hint) for name in names
        ]
        await self._client.session_update(
            self.session_id,
            AvailableCommandsUpdate(session_update="available_commands_update", available_commands=commands),
        )


def _response(end: TurnEnd) -> PromptResponse:
    if end.end not in _STOP_REASONS:
        raise acp.RequestError(-32603, end.message or "The turn failed.")
    return PromptResponse(stop_reason=_STOP_REASONS[end.end])
