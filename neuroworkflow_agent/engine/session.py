"""A conversation: one turn at a time over one long-lived `claude` process.

`Session` is called from any thread; its state lives on the portal's loop. It owns the `Link` to its
process and the `RunningTurn` of the moment, and ends with `close` or with the portal. A process that dies
is replaced at the next turn, which resumes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.approvals import Approvals
from neuroworkflow_agent.engine.link import Link
from neuroworkflow_agent.engine.outfit import Outfit
from neuroworkflow_agent.engine.permissions import Answer, Ask, offers_run_code
from neuroworkflow_agent.engine.portal import Portal, shared_portal
from neuroworkflow_agent.engine.prompts import Attachment, message_blocks
from neuroworkflow_agent.engine.running import Listener, RunningTurn
from neuroworkflow_agent.errors import ConfigError, SessionBusyError, SessionClosedError
from neuroworkflow_agent.events import (
    EndReason,
    Event,
    Notice,
    TurnStart,
)
from neuroworkflow_agent.ids import SessionId, new_session_id
from neuroworkflow_agent.kernels.base import Kernel
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.models.reach import Reach
from neuroworkflow_agent.tools.registry import short_name

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, Message

    from neuroworkflow_agent.engine.active import ActiveTurn
    from neuroworkflow_agent.engine.connection import Connection
    from neuroworkflow_agent.engine.turn import Outcome
    from neuroworkflow_agent.tools.run_code import RunCode

_STOP_GRACE_S = 0.35
"""How long a stopped turn waits for the CLI's own word before it ends without it."""
_INTERRUPTED_RUN_TIMEOUT_S = 5.0


class Session:
    """A conversation with the agent.

    Parameters
    ----------
    config
        Settings; None reads the environment.
    model
        Which model serves, as for `--model`; goes before what `config` says.
    kernel
        Where code runs; None offers no `run_code`.
    resume
        Id of a conversation to go on with.
    fork
        With `resume`: leave that conversation as it is and continue in a copy.
    can_ask
        Whether somebody answers `ApprovalRequest` events; if not, a request ends the turn as `interaction`.
    portal
        The worker thread; None for the process's own.
    """

    def __init__(
        self,
        config: AgentConfig | None = None,
        *,
        model: str | None = None,
        kernel: Kernel | None = None,
        resume: str | None = None,
        fork: bool = False,
        can_ask: bool = True,
        portal: Portal | None = None,
    ) -> None:
        if fork and not resume:
            raise ConfigError("fork needs a conversation to copy; give resume=ID as well.")
        self.config = (config or AgentConfig.from_env()).with_changes(model=model)
        self._endpoint = choose_endpoint(self.config)
        self._reach = Reach(self._endpoint)
        self._environ: Mapping[str, str] | None = None
        self._is_introduced = False
        offered = kernel if offers_run_code(self.config.mode) else None
        self._outfit = Outfit(self.config, offered, self._ask_user, self._emit)
        self._can_ask = can_ask
        self._portal = portal or shared_portal()
        self._resume: SessionId | None = SessionId(resume) if resume else None
        self.session_id = new_session_id() if fork or not resume else SessionId(resume)
        self._start_lock = threading.Lock()
        self._busy = False
        self._stop_wanted = False
        self._closed = False
        self._active: ActiveTurn | None = None
        self._approvals = Approvals()
        self._link = Link(
            self.session_id,
            self._make_options,
            self._on_message,
            self._on_process_end,
            self.config.idle_timeout_s,
        )
        self._stop_timer: asyncio.TimerHandle | None = None
        self._told_trouble = ""
        self._connecting = asyncio.Lock()
        """Held while it is found out whether the process must be another one."""
        self._process_cost_usd = 0.0
        self.has_history = bool(resume)
        """Whether there is anything to resume."""
        self._undo_on_stop = self._portal.on_stop(self._close)

    # -- for callers, on any thread -------------------------------------------------------------------

    @property
    def introduction(self) -> str:
        """Which model serves and why; the first turn says so too."""
        return self._endpoint.introduction

    @property
    def is_busy(self) -> bool:
        """Whether a turn is running."""
        return self._busy

    def use_user_token(self, token: str) -> None:
        """Show this token to workflow tools from now on; goes before the environment's."""
        self.config = self._outfit.config = self.config.with_changes(user_token=token)

    def prewarm(self) -> None:
        """Start the `claude` process in the background, so that the first turn finds it ready."""
        self._portal.submit(self._prewarm())

    def start(
        self,
        prompt: str,
        *,
        context: str = "",
        attachments: Sequence[Attachment] = (),
        listener: Listener | None = None,
    ) -> RunningTurn:
        """Begin a turn and return at once.

        Parameters
        ----------
        prompt
            What the user said.
        context
            What happened in the notebook since the last turn; the model reads it before the prompt.
        attachments
            What the user points at.
        listener
            Called with every event, on the engine's thread; must not block.

        Raises
        ------
        ConfigError
            If the prompt is empty.
        SessionBusyError
            If a turn is running.
        SessionClosedError
            If the session was closed.
        """
        if not prompt.strip():
            raise ConfigError("The prompt is empty; say what the agent should do.")
        turn = RunningTurn(prompt, interrupt=self.interrupt, answer=self._answer_soon)
        with self._start_lock:
            if self._closed:
                raise SessionClosedError("This session is closed; start a new one, or resume it by its id.")
            if self._busy:
                raise SessionBusyError("A turn of this session is running. Wait for it to end, or stop it.")
            self._busy, self._stop_wanted = True, False
        if listener is not None:
            turn.subscribe(listener)
        turn.emit(TurnStart(turn.turn_id, turn.prompt, tuple(each.label for each in attachments)))
        try:
            self._portal.submit(self._run(turn, context, attachments))
        except BaseException:
            self._busy = False
            raise
        return turn

    def run(
        self,
        prompt: str,
        *,
        context: str = "",
        attachments: Sequence[Attachment] = (),
        listener: Listener | None = None,
    ) -> RunningTurn:
        """Begin a turn and block until it has ended; Ctrl-C stops the turn."""
        turn = self.start(prompt, context=context, attachments=attachments, listener=listener)
        try:
            turn.result()
        except KeyboardInterrupt:
            turn.interrupt()
            turn.result(_INTERRUPTED_RUN_TIMEOUT_S)
            raise
        return turn

    def interrupt(self) -> None:
        """Stop the running turn, if any: no further statement runs."""
        self._portal.post(self._interrupt)

    def close(self) -> None:
        """Stop the running turn and end the process, for good. Idempotent."""
        if self._portal.is_alive:
            self._portal.call(self._close())

    def close_soon(self) -> None:
        """As `close`, without waiting for it."""
        if self._portal.is_alive:
            self._portal.submit(self._close())

    async def aclose(self) -> None:
        """As `close`, from any loop; who no longer waits for it does not end it."""
        if self._portal.is_alive:
            await asyncio.shield(asyncio.wrap_future(self._portal.submit(self._close())))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # -- a turn, on the portal's loop -----------------------------------------------------------------

    async def _run(self, turn: RunningTurn, context: str, attachments: Sequence[Attachment]) -> None:
        from neuroworkflow_agent.engine.active import ActiveTurn

        active = self._active = ActiveTurn(turn)
        self._outfit.nodes.begin()
        if not self._is_introduced:
            self._is_introduced = True
            turn.emit(Notice(self.introduction))
        watch = asyncio.create_task(self._watch_for_silence(active))
        if self._stop_wanted:  # before the turn had come as far as this
            self._interrupt()
        try:
            connection = await self._ready_connection(active)
            if connection is not None and not active.ended.is_set():
                self.has_history = True
                seen = [replace(each, text=self._hide(each.text)) for each in attachments]
                connection.send_user_message(message_blocks(turn.prompt, self._hide(context), seen))
            await active.ended.wait()
        except Exception as error:  # noqa: BLE001 - a turn that cannot start ends like any other
            self._finish(active, "error", self._hide(str(error)))
        finally:
            watch.cancel()
            self._active = None
            self._link.start_idle_timer(self._is_idle)

    async def _ready_connection(self, active: ActiveTurn) -> Connection | None:
        """The process for this turn; None when the turn was stopped before there was one."""
        connecting = asyncio.ensure_future(self._connect())
        # A turn that is stopped meanwhile does not wait for it, nor ask why it failed.
        connecting.add_done_callback(lambda done: done.cancelled() or done.exception())
        ended = asyncio.ensure_future(active.ended.wait())
        await asyncio.wait([connecting, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if active.ended.is_set():
            return None
        if self._code is not None:
            self._code.stopped = active.stopping
        connection = active.connection = await connecting
        if not connection.is_open:
            self._on_process_end(connection)
        return connection

    def _on_message(self, message: Message) -> None:
        active = self._active
        if active is None or active.ended.is_set():
            return
        active.read(message)
        if active.reader.is_in_trouble and (trouble := self._reach.trouble()):
            self._link.abandon()
            self._finish(active, *active.reason("cut_off", trouble))
        elif active.reader.is_refused:
            self._link.interrupt()
            self._end_ahead(active, "error", self._endpoint.refused_text)
        elif active.reader.may_be_gone:
            active.looking = active.looking or asyncio.create_task(self._look_for_endpoint(active))
        elif active.reader.outcome is not None:
            self._take_outcome(active, active.reader.outcome)

    async def _look_for_endpoint(self, active: ActiveTurn) -> None:
        """End a turn whose endpoint is gone: the CLI does not tell that from a network that comes back."""
        refusal = await asyncio.to_thread(self._reach.refusal)
        active.looking = None
        if active.reader.outcome is not None:
            self._take_outcome(active, active.reader.outcome, refusal)
        elif refusal and active.reader.may_be_gone:
            self._link.interrupt()
            self._end_ahead(active, "cut_off", refusal)

    def _take_outcome(self, active: ActiveTurn, outcome: Outcome, refusal: str = "") -> None:
        self._finish(active, *active.reason(outcome.end, refusal or self._hide(outcome.message)))

    def _finish(self, active: ActiveTurn, end: EndReason, message: str) -> None:
        if active.ended.is_set():
            return
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        if self._code is not None and end != "complete":
            self._code.stop()
        self._approvals.settle_all("The turn has ended.")
        self._busy = False
        cost_usd, checked = self._cost_of(active), self._outfit.nodes.summary
        active.end(end, message, session_id=self.session_id, cost_usd=cost_usd, checked=checked)

    def _cost_of(self, active: ActiveTurn) -> float | None:
        """Of the turn; the CLI tells what the process has cost so far."""
        outcome = active.reader.outcome
        so_far = outcome.session_cost_usd if outcome else None
        if so_far is None or not self._endpoint.is_priced:
            return None
        before, self._process_cost_usd = self._process_cost_usd, so_far
        return max(0.0, so_far - before)

    async def _watch_for_silence(self, active: ActiveTurn) -> None:
        limit = self.config.silence_timeout_s
        while not active.ended.is_set():
            await asyncio.sleep(min(1.0, limit / 4))
            working = (self._code is not None and self._code.is_running) or self._approvals.is_waiting
            if active.silent_s(is_working=working) > limit:
                self._link.abandon()
                self._finish(active, "cut_off", f"No sign of life from the model for {limit:g} s; gave up.")

    # -- stop -----------------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        self._stop_wanted = True
        active = self._active
        if active is None or active.stopping or active.ended.is_set():
            return
        active.stopping = True
        if self._code is not None:
            self._code.stop()
        self._approvals.settle_all("The user stopped the turn.")
        self._link.interrupt()
        loop = asyncio.get_running_loop()
        self._stop_timer = loop.call_later(_STOP_GRACE_S, self._end_ahead, active, "interrupted", "Stopped.")

    def _end_ahead(self, active: ActiveTurn, end: EndReason, message: str) -> None:
        """End a turn for the user now and let the CLI, told to stop, catch up in the background."""
        if not active.ended.is_set():
            self._link.drain()
        self._finish(active, *active.reason(end, message))

    # -- what the user is asked -----------------------------------------------------------------------

    async def _ask_user(
        self, tool: str, tool_use_id: str | None, tool_input: dict[str, Any], asked: Ask
    ) -> Answer:
        active = self._active
        if active is None or active.stopping or active.ended.is_set():
            return Answer(False, "The user stopped the turn.", end_turn=True)
        if not self._can_ask:
            active.asked_in_vain = (
                f"{short_name(tool)} needs an answer from the user, and nobody can be asked here."
            )
            return Answer(False, active.asked_in_vain, end_turn=True)
        return await self._approvals.ask(active.turn.emit, tool, tool_use_id, tool_input, asked)

    def _answer_soon(self, request_id: str, answer: Answer) -> None:
        self._portal.post(self._approvals.settle, request_id, answer)

    # -- the process ----------------------------------------------------------------------------------

    async def _prewarm(self) -> None:
        if self._active is not None:
            return
        with contextlib.suppress(Exception):  # the first turn meets the same failure and reports it
            await self._connect()
        self._link.start_idle_timer(self._is_idle)

    async def _connect(self) -> Connection:
        """The open connection, to where the endpoint is now: a server of ours may have moved meanwhile."""
        async with self._connecting:
            if self._environ is None or not self._reach.is_ready:
                environ = await asyncio.to_thread(self._reach.open)
                if environ != self._environ:
                    self._environ = environ
                    await self._link.reset()
            changed, trouble = await self._outfit.refresh()
            if changed:
                await self._link.reset()
            if self._active is not None and trouble != self._told_trouble:
                self._told_trouble = trouble
                if trouble:
                    self._emit(Notice(trouble))
        connection = await self._link.ready()
        if self._active is not None:
            for notice in self._outfit.new_notices():
                self._emit(Notice(notice))
        return connection

    def _is_idle(self) -> bool:
        return self._active is None

    async def _make_options(self) -> ClaudeAgentOptions:
        self._process_cost_usd = 0.0
        return await self._outfit.options(
            self._environ or {},
            self._endpoint.model,
            self.session_id,
            has_history=self.has_history,
            resume=self._resume,
        )

    def _on_process_end(self, connection: Connection) -> None:
        from neuroworkflow_agent.engine.failures import describe

        active = self._active
        if active is not None and active.connection is connection and not active.ended.is_set():
            end, message = describe(connection.failure, connection.stderr, self.config)
            self._finish(active, *active.reason(end, self._hide(message)))

    async def _close(self) -> None:
        with self._start_lock:
            self._closed = True
        self._undo_on_stop()
        if (active := self._active) is not None:
            self._interrupt()
            await active.ended.wait()
        await self._link.close()
        self._reach.close()  # not on a pool's thread: at the interpreter's end there is none

    # -- small parts ----------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        if (active := self._active) is not None:
            active.turn.emit(event)

    @property
    def _code(self) -> RunCode | None:
        return self._outfit.code

    def _hide(self, text: str) -> str:
        from neuroworkflow_agent.text import redact

        return redact(text, self.config.secrets)
