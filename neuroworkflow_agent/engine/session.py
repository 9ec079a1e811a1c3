"""A session: one turn at a time over one long-lived `claude` process.

`Session` is called from any thread; its state lives on the portal's loop. It owns the `Supervisor` of its
process and the current `Turn`, and ends with `close` or with the portal. A process that dies
is replaced at the next turn, which resumes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.approvals import Approvals
from neuroworkflow_agent.engine.claude.setup import ProcessSetup
from neuroworkflow_agent.engine.claude.supervisor import Supervisor
from neuroworkflow_agent.engine.closing import Closing
from neuroworkflow_agent.engine.connection import Connection
from neuroworkflow_agent.engine.figures import Figures
from neuroworkflow_agent.engine.follow_ups import FollowUps
from neuroworkflow_agent.engine.left_code import LeftCode
from neuroworkflow_agent.engine.permissions import Answer, Ask, offers_run_code
from neuroworkflow_agent.engine.portal import Portal, shared_portal
from neuroworkflow_agent.engine.prompts import Attachment, message_blocks
from neuroworkflow_agent.engine.session_record import SessionRecord, in_time
from neuroworkflow_agent.engine.turn import Listener, Turn
from neuroworkflow_agent.engine.turn_lock import ELSEWHERE
from neuroworkflow_agent.errors import (
    ConfigError,
    SessionBusyError,
    SessionClosedError,
    sentence,
)
from neuroworkflow_agent.events import (
    EndReason,
    Event,
    FollowUp,
    Notice,
    TurnStart,
    Waiting,
)
from neuroworkflow_agent.ids import SessionId, new_session_id
from neuroworkflow_agent.kernels.base import Kernel
from neuroworkflow_agent.models.choose import choose_endpoint
from neuroworkflow_agent.tools.changed_names import summary
from neuroworkflow_agent.tools.registry import short_name
from neuroworkflow_agent.user_tokens import TokenSource, UserToken

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.claude.messages import Message, MessageReader, Outcome
    from neuroworkflow_agent.engine.claude.process import ClaudeProcess, Start
    from neuroworkflow_agent.notebooks.document import NotebookDocument
    from neuroworkflow_agent.tools.run_code import RunCode
    from neuroworkflow_agent.tools.turn_watch import TurnWatch

COMPACT = "/compact"
"""The command that has a summary stand for what was said so far."""
_STOP_GRACE_S = 0.35
"""How long a stopped turn waits for the CLI's own word before it ends without it."""
_INTERRUPTED_RUN_TIMEOUT_S = 5.0


class Session:
    """A session with the agent.

    Parameters
    ----------
    config
        Settings; None reads the environment.
    model
        Which model serves, as for `--model`; goes before what `config` says.
    kernel
        Where code runs; None offers no `run_code`.
    document
        The notebook whose cells the agent sees and edits; None offers no tools for cells.
    resume
        Id of a session to go on with.
    fork
        With `resume`: leave that session as it is and continue in a copy.
    can_ask
        Whether somebody answers `ApprovalRequest` events; if not, a request ends the turn as `interaction`.
    portal
        The worker thread; None for the process's own.
    watch
        Told of what a turn is about to change.
    new_id
        Id of a session that is new; None makes one.
    leaves_code
        Whether a turn ends though its code runs on; who listens to the turn is then told of that after its end.
    """

    def __init__(
        self,
        config: AgentConfig | None = None,
        *,
        model: str | None = None,
        kernel: Kernel | None = None,
        document: NotebookDocument | None = None,
        resume: str | None = None,
        fork: bool = False,
        can_ask: bool = True,
        portal: Portal | None = None,
        watch: TurnWatch | None = None,
        new_id: SessionId | None = None,
        leaves_code: bool = False,
    ) -> None:
        if fork and not resume:
            raise ConfigError("fork needs a session to copy; give resume=ID as well.")
        self.config = (config or AgentConfig.from_env()).with_changes(model=model)
        self._endpoint = choose_endpoint(self.config)
        self._figures = Figures(self._endpoint)
        self._is_introduced = False
        offered = kernel if offers_run_code(self.config.mode) else None
        self._can_ask = can_ask
        self._portal = portal or shared_portal()
        self._resume: SessionId | None = SessionId(resume) if resume else None
        self.session_id = (new_id or new_session_id()) if fork or not resume else SessionId(resume)
        self._start_lock = threading.Lock()
        self._busy = False
        self._stop_wanted = False
        self._closed = False
        self._turn: Turn | None = None
        self._missing_servers: set[str] = set()
        """Of the user's MCP servers, as far as they were told."""
        self._reader: MessageReader | None = None
        """Of the current turn."""
        self._process: ClaudeProcess | None = None
        """What serves it."""
        self._looking: asyncio.Task[None] | None = None
        """Looks whether the endpoint is there at all."""
        self._approvals = Approvals()
        self._follow_ups = FollowUps()
        self._record = SessionRecord(self.session_id, self.config, self._resume, self._hide)
        self._setup = ProcessSetup(
            self.config,
            offered,
            document,
            self._ask_user,
            self._emit,
            self._hand_over_follow_ups,
            self._record.pinned,
            watch,
        )
        self._supervisor = Supervisor(
            self.session_id,
            self._make_start,
            self._on_message,
            self._on_process_end,
            self.config.idle_timeout_s,
        )
        self._stop_timer: asyncio.TimerHandle | None = None
        self._closing = Closing(self._setup, waits_for_code=not leaves_code)
        self._left = LeftCode()
        self._connection = Connection(
            self._endpoint, self._setup, self._supervisor, lambda: self._turn is not None, self._emit
        )
        self.has_history = bool(resume)
        """Whether there is anything to resume."""
        self.needs_sign_in = False
        """Whether the last turn ended because the key that the user signed in with was refused."""
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

    @property
    def left_code_s(self) -> float:
        """How long code of a turn that has ended has run; 0 where none does."""
        return self._left.duration_s

    @property
    def runs_on(self) -> bool:
        """Whether code of a turn that has ended still runs."""
        return self._left.is_running

    def use_user_token(self, token: UserToken | TokenSource) -> None:
        """Show this token to workflow tools from now on; goes before the environment's."""
        self.config = self._setup.config = self.config.with_user_token(token)

    def prewarm(self, *, with_sdk: bool = True) -> None:
        """Start the `claude` process in the background, so that the first turn finds it ready.

        Parameters
        ----------
        with_sdk
            Whether the SDK is imported as well, which takes 50 MiB and most of a second of the interpreter.
        """
        self._portal.submit(self._prewarm(with_sdk=with_sdk))

    def start(
        self,
        prompt: str,
        *,
        context: str = "",
        variables: str = "",
        attachments: Sequence[Attachment] = (),
        listener: Listener | None = None,
        verify: bool = False,
        is_command: bool = False,
    ) -> Turn:
        """Begin a turn and return at once.

        Parameters
        ----------
        prompt
            What the user said.
        context
            What happened in the notebook since the last turn; the model reads it before the prompt.
        variables
            What is new of the namespace, likewise.
        attachments
            What the user points at.
        listener
            Called with every event, on the engine's thread; must not block.
        verify
            Whether, if it edits cells, the notebook is run anew before it ends; with `AgentConfig.verify` always.
        is_command
            Whether it is a command of Claude Code's, as `COMPACT`: the model is told nothing else with it.

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
        turn = Turn(prompt, interrupt=self.interrupt, answer=self._answer_soon)
        with self._start_lock:
            if self._closed:
                raise SessionClosedError("This session is closed; start a new one, or resume it by its id.")
            if self._busy:
                raise SessionBusyError("A turn of this session is running. Wait for it to end, or stop it.")
            self._busy, self._stop_wanted = True, False
            self._follow_ups.begin()
        if listener is not None:
            turn.subscribe(listener)
        turn.emit(TurnStart(turn.turn_id, turn.prompt, tuple(each.label for each in attachments)))
        try:
            wanted = verify or self.config.verify
            self._portal.submit(
                self._run(turn, context, variables, attachments, verify=wanted, is_command=is_command)
            )
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
        verify: bool = False,
    ) -> Turn:
        """Begin a turn and block until it has ended; Ctrl-C stops the turn."""
        turn = self.start(prompt, context=context, attachments=attachments, listener=listener, verify=verify)
        try:
            turn.result()
        except KeyboardInterrupt:
            turn.interrupt()
            turn.result(_INTERRUPTED_RUN_TIMEOUT_S)
            raise
        return turn

    def follow_up(self, message_id: str, prompt: str, *, attachments: Sequence[Attachment] = ()) -> bool:
        """Have the running turn take in another message when its next tool use is answered; False if none runs.

        A turn that ends before has nothing of it; that it was taken in is told by a `FollowUp` event.

        Parameters
        ----------
        message_id
            An id that the event will have.
        prompt, attachments
            As for `start`.
        """
        event = FollowUp(message_id, prompt, tuple(each.label for each in attachments))
        return self._follow_ups.add(event, message_blocks(prompt, "", self._hidden(attachments)))

    def withdraw(self, message_id: str) -> bool:
        """Take such a message back; False if it is too late."""
        return self._follow_ups.withdraw(message_id)

    def interrupt(self) -> None:
        """Stop the running turn, if any: no further statement runs."""
        self._portal.post(self._interrupt)

    def rest(self) -> None:
        """End the process if no turn runs; the next turn starts another one, and remembers."""
        self._portal.post(self._rest)

    def flush(self) -> None:
        """Write down what was seen so far; not for the engine's own thread."""
        if self._portal.is_alive:
            self._portal.call(self._record.flush())

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

    async def _run(
        self,
        turn: Turn,
        context: str,
        variables: str,
        attachments: Sequence[Attachment],
        *,
        verify: bool,
        is_command: bool,
    ) -> None:
        self._turn, self._process, self._looking = turn, None, None
        self.needs_sign_in = False
        self._setup.nodes.begin()
        self._closing.begin(is_wanted=verify)
        if not self._is_introduced:
            self._is_introduced = True
            turn.emit(Notice(self.introduction, is_introduction=True))
        watch = asyncio.create_task(self._watch_for_silence(turn))
        logged = asyncio.create_task(self._record.follow(turn))
        checking = asyncio.create_task(self._record.check_transcript(turn))
        if self._stop_wanted:  # before the turn had come as far as this
            self._interrupt()
        try:
            process = await self._ready_process(turn)
            await in_time(logged)  # the user's message is kept before the model is called
            if not turn.ended.is_set() and logged.done() and not logged.exception() and not logged.result():
                raise SessionBusyError(ELSEWHERE)
            if not is_command:
                context = "\n\n".join(filter(None, [await self._news(), context]))
            if process is not None and not turn.ended.is_set():
                self.has_history = True
                blocks = message_blocks(
                    turn.prompt,
                    self._hide(context),
                    self._hidden(attachments),
                    variables=self._hide(variables),
                )
                process.send_user_message(blocks, is_command=is_command)
                turn.emit(Waiting("model"))
            await turn.ended.wait()
        except Exception as error:  # noqa: BLE001 - a turn that cannot start ends like any other
            self._finish(turn, "error", self._hide(sentence(error)))
        finally:
            watch.cancel()
            checking.cancel()
            if self._turn is turn:  # after a Stop the next one may have begun before this is told of it
                self._turn = self._reader = self._process = None
            self._supervisor.start_idle_timer(self._is_idle)

    async def _news(self) -> str:
        """How code ended that ran on when the model had answered, or that it has not."""
        if self._code is None:
            return ""
        if (still := self._code.detachments.still) and self._left.is_running:
            return still
        blocks = await self._code.detachments.news()
        return "\n".join(block["text"] for block in blocks if block["type"] == "text")

    async def _ready_process(self, turn: Turn) -> ClaudeProcess | None:
        """The process for this turn; None when the turn was stopped before there was one."""
        connecting = asyncio.ensure_future(self._connection.process())
        # A turn that is stopped meanwhile does not wait for it, nor ask why it failed.
        connecting.add_done_callback(lambda done: done.cancelled() or done.exception())
        ended = asyncio.ensure_future(turn.ended.wait())
        await asyncio.wait([connecting, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if turn.ended.is_set():
            return None
        if self._code is not None:
            self._code.stopped = turn.is_stopping
            self._code.changes = []
        process = self._process = await connecting
        from neuroworkflow_agent.engine.claude.messages import (
            MessageReader,
        )  # imports the SDK: now it is there

        self._reader = MessageReader(self._missing_servers, self._follow_ups.take)
        if not process.is_open:
            self._on_process_end(process)
        return process

    def _on_message(self, message: Message) -> None:
        turn, reader = self._turn, self._reader
        if turn is None or reader is None or turn.ended.is_set():
            return
        turn.note_sign_of_life()
        for event in reader.read(message):
            turn.emit(event)
        if reader.is_in_trouble and (trouble := self._connection.access.trouble()):
            self._supervisor.abandon()
            self._finish(turn, "cut_off", trouble)
        elif reader.is_refused:
            self._supervisor.interrupt()
            self.needs_sign_in = self._endpoint.is_signed_in
            self._end_ahead(turn, "error", self._endpoint.refused_text)
        elif reader.may_be_gone:
            self._looking = self._looking or asyncio.create_task(self._look_for_endpoint(turn, reader))
        elif reader.outcome is not None:
            self._take_outcome(turn, reader.outcome)

    async def _look_for_endpoint(self, turn: Turn, reader: MessageReader) -> None:
        """End a turn whose endpoint is gone: the CLI does not tell that from a network that comes back."""
        refusal = await asyncio.to_thread(self._connection.access.refusal)
        if self._turn is turn:
            self._looking = None
        if reader.outcome is not None:
            self._take_outcome(turn, reader.outcome, refusal)
        elif refusal and reader.may_be_gone:
            self._supervisor.interrupt()
            self._end_ahead(turn, "cut_off", refusal)

    def _take_outcome(self, turn: Turn, outcome: Outcome, refusal: str = "") -> None:
        if self._follow_ups.end() and not turn.is_stopping:
            # It came to a limit just then. What it did not take in is not to become a turn by itself.
            self._supervisor.interrupt()
            self._supervisor.drain()
        message = refusal or self._hide(outcome.message)
        if outcome.end == "complete" and not turn.is_stopping and self._closing.is_due:
            self._closing.start(turn, self._hide, lambda: self._finish(turn, outcome.end, message))
        elif not self._closing.is_running:
            self._finish(turn, outcome.end, message)

    def _finish(self, turn: Turn, end: EndReason, message: str) -> None:
        if turn.ended.is_set():
            return
        end, message = turn.reason(end, message)
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        is_of_this_turn = end == "interrupted" or not self._left.is_running
        if self._code is not None and end != "complete" and is_of_this_turn:
            self._code.stop()
        self._closing.stop()
        self._approvals.settle_all("The turn has ended.")
        self._follow_ups.end()
        self._busy = False
        self._record.tell_end(turn, end)
        figures = self._figures.of(self._reader, has_run_code=turn.has_run_code)
        figures |= {
            "checked": self._setup.nodes.summary,
            "verified": turn.verified or self._hide(self._closing.word),
        }
        figures["changed"] = summary(self._code.changes) if self._code is not None else ""
        figures["runs_on"] = self._leave_code(turn, end)
        turn.end(end, message, session_id=self.session_id, **figures)

    def _leave_code(self, turn: Turn, end: EndReason) -> bool:
        """Whether code of a turn that is complete goes on; whose it is stays known."""
        running = self._code.detachments.running if self._code is not None else None
        if self._code is None or running is None or end != "complete" or self._left.is_running:
            return False  # or it is an earlier turn's
        self._left.leave(turn, self._code, running)
        return True

    async def _watch_for_silence(self, turn: Turn) -> None:
        limit = self.config.silence_timeout_s
        while not turn.ended.is_set():
            await asyncio.sleep(min(1.0, limit / 4))
            working = (self._code is not None and self._code.is_running) or self._approvals.is_waiting
            if turn.silent_s(is_working=working or self._closing.is_running) > limit:
                self._supervisor.abandon()
                self._finish(turn, "cut_off", f"No sign of life from the model for {limit:g} s; gave up.")

    # -- stop -----------------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        self._stop_wanted = True
        turn = self._turn
        if turn is None:
            self._left.stop()
        if turn is None or turn.is_stopping or turn.ended.is_set():
            return
        turn.is_stopping = True
        if self._code is not None:
            self._code.stop()
        self._closing.stop()
        self._approvals.settle_all("The user stopped the turn.")
        self._supervisor.interrupt()
        loop = asyncio.get_running_loop()
        self._stop_timer = loop.call_later(_STOP_GRACE_S, self._end_ahead, turn, "interrupted", "Stopped.")

    def _end_ahead(self, turn: Turn, end: EndReason, message: str) -> None:
        """End a turn for the user now and let the CLI, told to stop, catch up in the background."""
        if not turn.ended.is_set():
            self._supervisor.drain()
        self._finish(turn, end, message)

    # -- what the user is asked -----------------------------------------------------------------------

    async def _ask_user(
        self, tool: str, tool_use_id: str | None, tool_input: dict[str, Any], asked: Ask
    ) -> Answer:
        turn = self._turn
        if turn is None or turn.is_stopping or turn.ended.is_set():
            return Answer(False, "The user stopped the turn.", end_turn=True)
        if not self._can_ask:
            turn.unanswered = (
                f"{short_name(tool)} needs an answer from the user, and nobody can be asked here."
            )
            return Answer(False, turn.unanswered, end_turn=True)
        answer = await self._approvals.ask(turn.emit, tool, tool_use_id, tool_input, asked)
        if answer.end_turn and self._process is not None:
            await self._follow_ups.get_back(self._process)
        return answer

    async def _hand_over_follow_ups(self) -> None:
        """Before a tool use is answered: unless the turn is over then, the model will be asked again."""
        turn, reader, process = self._turn, self._reader, self._process
        if turn is None or reader is None or process is None or turn.is_stopping or turn.ended.is_set():
            return
        limit = self.config.max_turns
        if limit is None or reader.request_count < limit:
            await self._follow_ups.hand_over(process)

    def _answer_soon(self, request_id: str, answer: Answer) -> None:
        self._portal.post(self._approvals.settle, request_id, answer)

    # -- the process ----------------------------------------------------------------------------------

    async def _prewarm(self, *, with_sdk: bool) -> None:
        if self._turn is not None:
            return
        with contextlib.suppress(Exception):  # the first turn meets the same failure and reports it
            await self._connection.process(with_sdk=with_sdk)
        self._supervisor.start_idle_timer(self._is_idle)

    def _rest(self) -> None:
        if not self._busy and not self._left.is_running:
            self._supervisor.rest()

    def _is_idle(self) -> bool:
        return self._turn is None

    async def _make_start(self) -> Start:
        self._figures.process_started()
        return await self._setup.start(
            self._connection.environ,
            self._endpoint.model,
            self.session_id,
            has_history=self.has_history,
            resume=self._resume,
        )

    def _on_process_end(self, process: ClaudeProcess) -> None:
        turn = self._turn
        if turn is not None and self._process is process and not turn.ended.is_set():
            from neuroworkflow_agent.engine.claude.failures import describe

            end, message = describe(process.failure, process.stderr, self.config)
            self._finish(turn, end, self._hide(message))

    async def _close(self) -> None:
        with self._start_lock:
            self._closed = True
        self._undo_on_stop()
        if (turn := self._turn) is not None:
            self._interrupt()
            await turn.ended.wait()
        await self._left.aclose()
        await self._supervisor.close()
        await self._record.flush()
        self._connection.close()  # not on a pool's thread: at the interpreter's end there is none

    # -- small parts ----------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        if self._left.take(event):
            return
        if self._turn is not None:
            self._turn.emit(event)

    @property
    def _code(self) -> RunCode | None:
        return self._setup.code

    def _hidden(self, attachments: Sequence[Attachment]) -> list[Attachment]:
        """Attachments without known secrets."""
        return [replace(each, text=self._hide(each.text)) for each in attachments]

    def _hide(self, text: str) -> str:
        from neuroworkflow_agent.text import redact

        return redact(text, self.config.secrets)
