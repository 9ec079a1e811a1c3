"""Which session is current, and all that a person does with sessions; the one controller of every surface.

A `Chat` belongs to its surface, is called from any thread, and owns the current `Session`; `close` ends it. Whoever must
not wait for the disk or for an import calls it through a pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import ConfigError, SessionBusyError, SessionClosedError, SessionNotFoundError
from neuroworkflow_agent.events import FollowUp, TurnEnd, TurnStart, TurnUndone
from neuroworkflow_agent.kernels.variables.namespace import MAX_CONTEXT_CHARS, VariableContext
from neuroworkflow_agent.offer import Offer
from neuroworkflow_agent.user_tokens import UserToken, checked_token

if TYPE_CHECKING:
    from neuroworkflow_agent.credentials import SignIn
    from neuroworkflow_agent.engine.claude.transcripts import StoredSession
    from neuroworkflow_agent.engine.permissions import Answer
    from neuroworkflow_agent.engine.portal import Portal
    from neuroworkflow_agent.engine.prompts import Attachment
    from neuroworkflow_agent.engine.session import Session
    from neuroworkflow_agent.engine.turn import Listener, Turn
    from neuroworkflow_agent.events import Event
    from neuroworkflow_agent.ids import SessionId, TurnId
    from neuroworkflow_agent.kernels.base import Kernel
    from neuroworkflow_agent.notebooks.document import NotebookDocument
    from neuroworkflow_agent.state.undo import Undo
    from neuroworkflow_agent.surfaces.turn_surgery import TurnSurgery
    from neuroworkflow_agent.surfaces.undo_turn import UndoTurn

BUSY = "The agent is at work. Wait for it to end, or stop it."
"""Said to who wants something else while a turn runs."""
RUNS_ON = "Code of the agent's still runs. Wait for it to end, or stop it."
_CLOSED = "This chat was closed meanwhile."


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that waits for the running turn to end."""

    prompt: str
    attached: Any = None
    """What the user points at, as the surface has it."""
    message_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    is_on_its_way: bool = False
    """Whether the running turn is to take it in."""


class Chat:
    """One session after another, and the settings of the next turn.

    A change of session, model or mode counts once the new session is there; what cannot work changes nothing.

    Parameters
    ----------
    config
        Settings to begin with; None reads the environment when they are first needed.
    kernel
        Where code runs; None offers no `run_code`.
    document
        Gives the notebook whose cells the agent sees and edits, if there is one; asked when a session is made.
    can_ask
        Whether somebody answers questions.
    portal
        The worker thread; None for the process's own.
    follows_environment
        Whether another endpoint that the environment names counts as long as nothing has been said.
    undo
        Remembers what turns change; None where nothing is taken back.
    new_id
        Id of the session that begins here, whatever is set before its first message; None makes one.
    leaves_code
        As for `Session`.
    """

    def __init__(
        self,
        config: AgentConfig | None = None,
        *,
        kernel: Kernel | None = None,
        document: Callable[[], NotebookDocument | None] = lambda: None,
        can_ask: bool = True,
        portal: Portal | None = None,
        follows_environment: bool = False,
        undo: Undo | None = None,
        new_id: SessionId | None = None,
        leaves_code: bool = False,
    ) -> None:
        self._undo = undo
        self._leaves_code = leaves_code
        self._new_id = new_id
        self._shown_document: NotebookDocument | None = None
        """The notebook of the current session."""
        self._beside = ""
        """What the model is to be told with the next message."""
        self._went_back = False
        """Whether the current session shows turns that it does not remember."""
        self._config = config
        self._kernel = kernel
        namespace = getattr(kernel, "namespace", None)
        self._variables = VariableContext(namespace) if namespace is not None else None
        """What the model knows of the kernel's variables."""
        self.tells_variables = True
        """Whether what is new of them goes with each message."""
        self._document = document
        self._can_ask = can_ask
        self._portal = portal
        self._follows_environment = follows_environment
        self._session: Session | None = None
        self._resume: SessionId | None = None
        """The stored session to go on with, until there is an object for it."""
        self._wanted: AgentConfig | None = None
        """Settings that were asked for while a turn ran."""
        self._turn: Turn | None = None
        self.queue: list[QueuedMessage] = []
        """Messages to send, the first one first; its surface sends the next when a turn was complete."""
        self._is_closed = False
        self._lock = threading.RLock()
        """Held while the session is made or replaced; never while one is closed."""

    # -- what is so -----------------------------------------------------------------------------------

    @property
    def config(self) -> AgentConfig:
        """Settings of the next turn."""
        config = self._wanted or self._config
        if config is None:
            with self._lock:
                config = self._config = self._config or AgentConfig.from_env()
        return config

    @property
    def secrets(self) -> frozenset[str]:
        """What must not be shown, as far as it is known by now."""
        return self._config.secrets if self._config is not None else frozenset()

    @property
    def session_id(self) -> SessionId | None:
        """Id of the current session; None before there is one."""
        session = self._session
        return session.session_id if session is not None else self._resume

    @property
    def is_busy(self) -> bool:
        """Whether a turn runs."""
        session = self._session
        return session is not None and session.is_busy

    @property
    def left_code_s(self) -> float:
        """How long code of a turn that has ended has run; 0 where none does."""
        session = self._session
        return session.left_code_s if session is not None else 0.0

    @property
    def needs_sign_in(self) -> bool:
        """Whether the last turn ended because the key that the user signed in with was refused."""
        session = self._session
        return session is not None and session.needs_sign_in

    @property
    def has_history(self) -> bool:
        """Whether anything was said in the current session."""
        session = self._session
        return session.has_history if session is not None else self._resume is not None

    # -- which session --------------------------------------------------------------------------------

    def ready(self) -> Session:
        """The current session, made if there is none or what it was made for has changed.

        Raises
        ------
        ConfigError
            If no model can be had.
        SessionClosedError
            If the chat was closed.
        """
        with self._lock:
            if self._is_closed:
                raise SessionClosedError(_CLOSED)
            session, config = self._session, self._current_config()
            if session is not None and config is self._config:
                return session
            if session is not None and (session.is_busy or session.runs_on):
                return session
            resume = session.session_id if session is not None and session.has_history else self._resume
            made = self._make(config, resume)
            self._take(made, config)
        if session is not None:
            session.close()
        return made

    @property
    def introduction(self) -> str:
        """Which model serves the session, and why; empty before there is one."""
        session = self._session
        return session.introduction if session is not None else ""

    def prewarm(self, *, with_sdk: bool = True) -> None:
        """Have the session's process started in the background; see `Session.prewarm`.

        Raises
        ------
        ConfigError
            If no model can be had; the environment is read again next time.
        """
        try:
            session = self.ready()
        except ConfigError:
            with self._lock:
                if self._session is None and self._follows_environment:
                    self._config = None
            raise
        with self._lock:
            if session is self._session:
                session.prewarm(with_sdk=with_sdk)

    def rest(self) -> None:
        """Have the session's process end; see `Session.rest`."""
        with self._lock:
            if self._session is not None:
                self._session.rest()

    def select(
        self,
        *,
        new: bool = False,
        resume: str | None = None,
        fork: bool = False,
        up_to: str | None = None,
        model: str | None = None,
        mode: str | None = None,
        keep_wish: bool = False,
    ) -> None:
        """Go to another session, or on with the present one under other settings.

        Parameters
        ----------
        new
            To a new one.
        resume
            To a stored one: its id, the beginning of it, or `""` for the latest.
        fork
            To a copy of that one, or of the present one.
        up_to
            Id of the last message to copy; None for all.
        model, mode
            From now on; None keeps what is.
        keep_wish
            Whether, if no model can be had now and there is no session yet, the first turn goes on with this
            once one can.

        Raises
        ------
        ConfigError
            If a setting cannot work, or there is nothing to copy.
        SessionNotFoundError
            If there is no such session.
        SessionBusyError
            If a turn runs.
        """
        if not (new or fork or resume is not None or model or mode):
            return
        if fork:
            self._flush()
        with self._lock:
            self.require_idle()
            self._require_no_code()
            config = self.config.with_changes(model=model, mode=mode)
            before = self._session
            found = self._find(config, new=new, resume=resume, fork=fork, up_to=up_to)
            try:
                made = self._make(config, found)
            except ConfigError:
                if keep_wish and before is None:
                    self._resume, self._config = found, config
                raise
            self._take(made, config)
        if before is not None:
            before.close()

    def change(self, *, model: str | None = None, mode: str | None = None) -> None:
        """As `select` for settings; while a turn runs, they count from the next one on."""
        with self._lock:
            if self.is_busy:
                changed = self.config.with_changes(model=model, mode=mode)
                _require_endpoint(changed)
                self._wanted = changed
                return
        self.select(model=model, mode=mode)

    def use_user_token(self, given: UserToken) -> None:
        """Show this token to a hub's workflow tools from now on."""
        token = checked_token(given)  # one for all, so that each hides what another was given
        with self._lock:
            if self._wanted is not None:
                self._wanted = self._wanted.with_user_token(token)
            self._config = (self._config or self.config).with_user_token(token)
            if self._session is not None:
                self._session.use_user_token(token)

    def use_sign_in(self, kept: SignIn) -> None:
        """Have what the user has just signed in with count from the next turn on, in the current session, too."""
        with self._lock:
            config = self.config
            self._wanted = dataclasses.replace(
                config, sign_in=kept, sign_in_trouble="", found_secrets=config.secrets
            )

    def offer(self, *, skills: Offer | None = None, tools: Offer | None = None) -> None:
        """Have another choice of skills and tools from the next turn on, in the current session, too.

        None leaves one as it is; what the model is told of the kernel is told anew in any case.
        """
        with self._lock:
            self._wanted = self.config.with_changes(skills=skills, tools=tools)

    def sessions(self, limit: int | None = None) -> list[StoredSession]:
        """The stored sessions of the workspace, newest first."""
        from neuroworkflow_agent.engine.claude import transcripts

        return transcripts.sessions(self.config, limit=limit)

    def stored(self) -> StoredSession | None:
        """What is stored of the current session; None if nothing is yet."""
        from neuroworkflow_agent.engine.claude import transcripts

        with contextlib.suppress(SessionNotFoundError):
            return transcripts.find(self.session_id, self.config) if self.session_id else None
        return None

    def has_stored(self, session_id: str) -> bool:
        """Whether there is such a session in the workspace."""
        from neuroworkflow_agent.engine.claude import transcripts

        with contextlib.suppress(SessionNotFoundError):
            return bool(transcripts.find(session_id, self.config))
        return False

    def history(self) -> list[Event]:
        """What was seen of the current session, turn by turn."""
        from neuroworkflow_agent.engine.history import history

        self._flush()
        with contextlib.suppress(SessionNotFoundError):
            # Of a session with a given id there may be a log alone: it was cut off before it had a transcript.
            is_shown = self.has_history or self._went_back or self.session_id == self._new_id
            return history(self.session_id, self.config) if self.session_id and is_shown else []
        return []

    def copy(self, *, up_to: str | None = None) -> SessionId:
        """Copy the current session, which stays the current one; returns the copy's id.

        Parameters
        ----------
        up_to
            Id of the last message to copy; None for all.

        Raises
        ------
        ConfigError
            If nothing was said yet, or there is no such message.
        """
        self._flush()
        found = self._find(self.config, new=False, resume=None, fork=True, up_to=up_to)
        assert found is not None
        return found

    def rename(self, session_id: str, title: str) -> SessionId:
        """Give a stored session a title; returns its id."""
        from neuroworkflow_agent.engine.claude import transcripts

        return transcripts.rename(session_id, title, self.config)

    def delete(self, session_id: str) -> SessionId:
        """Delete a stored session, for good; returns its id. From the current one it goes to a new one first.

        Raises
        ------
        SessionBusyError
            If it is the current one and a turn runs.
        """
        from neuroworkflow_agent.engine.claude import transcripts
        from neuroworkflow_agent.state.forgetting import delete_session

        found = transcripts.find(session_id, self.config).session_id
        if found == self.session_id:
            self.select(new=True)  # the process that writes it goes first
        return delete_session(found, self.config)

    # -- taken back -----------------------------------------------------------------------------------

    @property
    def surgery(self) -> TurnSurgery:
        """Lists the turns of the current session, takes some out, pins them."""
        from neuroworkflow_agent.surfaces.turn_surgery import TurnSurgery

        return TurnSurgery(self)

    @property
    def undo_turn(self) -> UndoTurn:
        """Takes turns back.

        Raises
        ------
        ConfigError
            If nothing is remembered of them here.
        """
        from neuroworkflow_agent.engine.portal import shared_portal
        from neuroworkflow_agent.surfaces.undo_turn import UndoTurn

        if self._undo is None:
            raise ConfigError("Turns cannot be undone here.")
        return UndoTurn(self, self._undo, lambda: self._portal or shared_portal())

    def go_back(self, end: TurnEnd | None, *, shown_before: TurnId | None = None) -> None:
        """Go on in a copy of the session that ends with this turn.

        Parameters
        ----------
        end
            Of the last turn to be remembered; None for none.
        shown_before
            The turn that is not shown any more, as all behind it; None for what is shown to stay.

        Raises
        ------
        ConfigError
            If the session as it was then is not stored.
        SessionBusyError
            If a turn runs.
        """
        from neuroworkflow_agent.engine.claude import transcripts
        from neuroworkflow_agent.engine.event_log import copy_log

        self._flush()
        with self._lock:
            self.require_idle()
            self._require_no_code()
            config, before, shown = self.config, self._session, self.session_id
            found: SessionId | None = None
            if end is not None:
                if end.session_id is None or end.last_message_id is None:
                    raise ConfigError("It is not known where in the session the turn before ended.")
                title = transcripts.find(end.session_id, config).title
                if shown_before is not None and (stored := self.stored()) is not None:
                    title = transcripts.title_of_copy(stored.title)
                found = transcripts.fork(
                    end.session_id,
                    config,
                    title=title,
                    up_to=end.last_message_id,
                    log_of=shown,
                    log_before=shown_before,
                )
            made = self._make(config, found)
            if found is None and shown is not None:
                copy_log(shown, made.session_id, before=shown_before)
            self._take(made, config)
            self._went_back = True
        if before is not None:
            before.close()

    def note_undone(self, undone: TurnUndone) -> None:
        """Write down that a turn was taken back; tell the model where it remembers the turn."""
        from neuroworkflow_agent.surfaces.undo_turn import told_to_model

        if not undone.is_whole:
            self.hand_on(told_to_model(undone))
        self.note_later(undone.turn_id, undone)

    def tell_beside(self, text: str) -> None:
        """Have the model be told something of this process with the next message, whichever session it is in."""
        self._beside = "\n\n".join(filter(None, (self._beside, text)))

    def hand_on(self, text: str) -> None:
        """Have the model be told something with the current session's next message, whichever process sends it."""
        from neuroworkflow_agent.engine.handed_on import hand_on
        from neuroworkflow_agent.text import redact

        if self.session_id is None or not hand_on(self.session_id, redact(text, self.config.secrets)):
            self.tell_beside(text)

    def note_later(self, turn_id: TurnId, event: Event) -> None:
        """Write down what became of a turn after its end."""
        from neuroworkflow_agent.engine.event_log import add_to_log
        from neuroworkflow_agent.text import redact

        if self.session_id is not None:
            self._flush()
            add_to_log(self.session_id, turn_id, event, lambda text: redact(text, self.config.secrets))

    def require_idle(self) -> None:
        """Refuse what cannot be done while a turn runs.

        Raises
        ------
        SessionBusyError
            If one does.
        SessionClosedError
            If the chat was closed.
        """
        if self._is_closed:
            raise SessionClosedError(_CLOSED)
        if self.is_busy:
            raise SessionBusyError(BUSY)

    def _require_no_code(self) -> None:
        """Refuse what would end the session while code of its runs on."""
        if self._session is not None and self._session.runs_on:
            raise SessionBusyError(RUNS_ON)

    # -- turns ----------------------------------------------------------------------------------------

    def send(
        self,
        prompt: str,
        *,
        context: str = "",
        variables: str = "",
        attachments: Sequence[Attachment] = (),
        listener: Listener | None = None,
        verify: bool = False,
    ) -> Turn:
        """Begin a turn of the current session; see `Session.start`.

        Where code runs in this process, what variables are new is looked up here.
        """
        from neuroworkflow_agent.engine.handed_on import forget_handed_on, handed_on

        is_told = self._variables is not None and self.tells_variables
        beside, self._beside = self._beside, ""
        try:
            session_id = self.ready().session_id
            kept = handed_on(session_id)
            told = "\n\n".join(filter(None, (kept, beside, context)))
            if self._variables is not None and is_told:
                variables = self._variables.take(MAX_CONTEXT_CHARS)
            turn = self._start(
                prompt, listener, context=told, variables=variables, attachments=attachments, verify=verify
            )
        except BaseException:
            self._beside = beside
            raise
        if kept:
            forget_handed_on(session_id)
        return turn

    def _start(self, prompt: str, listener: Listener | None, **given: Any) -> Turn:
        """Begin a turn that is remembered, and told to whoever listens."""
        session = self.ready()

        def on_event(event: Event) -> None:
            self._remember(event, session.config)
            self._follow(event)
            if listener is not None:
                listener(event)

        self._turn = session.start(prompt, listener=on_event, **given)
        return self._turn

    def compact(self, *, listener: Listener | None = None) -> Turn:
        """Have a summary stand for what was said so far, as a turn of its own; see `Session.start`.

        Raises
        ------
        ConfigError
            If nothing was said yet.
        """
        from neuroworkflow_agent.engine.session import COMPACT

        self.require_idle()
        if not self.has_history:
            raise ConfigError("Nothing was said in this session yet, so there is nothing to summarize.")
        return self._start(COMPACT, listener, is_command=True)

    def send_now(self, message_id: str, *, attachments: Sequence[Attachment] = ()) -> bool:
        """Have the running turn take in a message that waits, when its next tool use is answered; False if none runs.

        Until then it stays in the queue, before the others; a turn that ends before leaves it there.
        """
        session = self._session
        waits = next((each for each in self.queue if each.message_id == message_id), None)
        if session is None or waits is None or waits.is_on_its_way:
            return False
        if not session.follow_up(message_id, waits.prompt, attachments=attachments):
            return False
        self.queue.remove(waits)
        first = sum(each.is_on_its_way for each in self.queue)
        self.queue.insert(first, dataclasses.replace(waits, is_on_its_way=True))
        return True

    def take_back(self, message_id: str) -> None:
        """Take a message out of the queue that is not to be sent after all.

        Raises
        ------
        ConfigError
            If the agent has it by now.
        """
        session = self._session
        if session is not None and not session.withdraw(message_id):
            raise ConfigError("The agent has this message already; stop it if it should not go on.")
        self.take_queued(message_id)

    def take_queued(self, message_id: str | None = None) -> QueuedMessage | None:
        """Take a message out of the queue: the first one, or that one; None if it is not there."""
        for index, message in enumerate(self.queue):
            if message_id in (None, message.message_id):
                return self.queue.pop(index)
        return None

    def stop(self) -> None:
        """Stop the running turn, if any. Takes no lock: also for a signal handler."""
        if (session := self._session) is not None:
            session.interrupt()

    def answer(self, request_id: str, answer: Answer) -> None:
        """Decide a call that waits for the user.

        Raises
        ------
        ConfigError
            If nothing waits any more.
        """
        turn = self._turn
        if turn is None or turn.is_done:
            raise ConfigError("Nothing waits for an answer any more; the turn has ended.")
        turn.answer(request_id, answer)

    def close(self) -> None:
        """End the current session's turn and process. Idempotent."""
        if (session := self._let_go()) is not None:
            session.close()

    async def aclose(self) -> None:
        """As `close`, from any loop."""
        try:
            session = await asyncio.to_thread(self._let_go)
        except RuntimeError:  # at the interpreter's end there are no pools
            session = self._let_go()
        if session is not None:
            await session.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # -- small parts ----------------------------------------------------------------------------------

    def _remember(self, event: Event, config: AgentConfig) -> None:
        """Have what a turn changes be remembered, from its first event on."""
        if self._undo is None:
            return
        if isinstance(event, TurnStart):
            self._undo.begin(
                event.turn_id, event.prompt, workspace=config.workspace, document=self._shown_document
            )
        self._undo.handle(event)

    def _follow(self, event: Event) -> None:
        """Keep the queue as the turn leaves it."""
        if isinstance(event, FollowUp):
            self.take_queued(event.message_id)
        elif isinstance(event, TurnEnd):
            self.queue[:] = [dataclasses.replace(each, is_on_its_way=False) for each in self.queue]

    def _current_config(self) -> AgentConfig:
        """The settings that the next turn must have; the object that is current if nothing is new."""
        config, session = self.config, self._session
        if not self._follows_environment:
            return config
        # The directory that is current now may be gone, and has no say in this.
        fresh = AgentConfig.from_env(workspace=config.workspace)
        if session is not None and session.has_history:
            # Who was told that their key is refused has signed in again.
            is_renewed = _address(fresh) == _address(config) and fresh.sign_in != config.sign_in
            fresh = dataclasses.replace(config, sign_in=fresh.sign_in) if is_renewed else config
        if _leads(fresh) == _leads(config):
            return config
        return dataclasses.replace(
            config,
            endpoint=fresh.endpoint,
            sign_in=fresh.sign_in,
            sign_in_trouble=fresh.sign_in_trouble,
            found_secrets=config.secrets | fresh.secrets,
        )

    def _find(
        self, config: AgentConfig, *, new: bool, resume: str | None, fork: bool, up_to: str | None
    ) -> SessionId | None:
        """The session to go on with: none, the named one, or the present one; a copy of it if it is to be one."""
        from neuroworkflow_agent.engine.claude import transcripts

        if new:
            return None
        if resume is not None:
            found: SessionId | None = transcripts.pick(resume, config).session_id
        else:
            found = self.session_id if self.has_history else None
        if not fork:
            return found
        if found is None or not transcripts.exists(found, config.workspace):
            raise ConfigError("There is nothing to fork yet.")
        _require_endpoint(config)
        return transcripts.fork(found, config, up_to=up_to)

    def _make(self, config: AgentConfig, resume: SessionId | None) -> Session:
        from neuroworkflow_agent.engine.session import Session

        self._shown_document = self._document()
        return Session(
            config,
            kernel=self._kernel,
            document=self._shown_document,
            resume=resume,
            can_ask=self._can_ask,
            portal=self._portal,
            watch=self._undo,
            new_id=None if self.has_history else self._new_id,
            leaves_code=self._leaves_code,
        )

    def _take(self, session: Session, config: AgentConfig) -> None:
        if self._variables is not None and session.session_id != self.session_id:
            self._variables.forget()
        self._session, self._config, self._wanted, self._resume = session, config, None, None
        self._went_back = False

    def _flush(self) -> None:
        """Have what was seen written down, so that it can be read or copied."""
        if (session := self._session) is not None:
            session.flush()

    def _let_go(self) -> Session | None:
        with self._lock:
            self._is_closed = True
            session, self._session = self._session, None
        return session


def _require_endpoint(config: AgentConfig) -> None:
    from neuroworkflow_agent.models.choose import choose_endpoint

    choose_endpoint(config)


def _address(config: AgentConfig) -> tuple[str, str] | None:
    """Where the key belongs that the user signed in with."""
    return (config.sign_in.kind, config.sign_in.url) if config.sign_in is not None else None


def _leads(config: AgentConfig) -> tuple[object, ...]:
    """What decides the endpoint, but for the model's name."""
    return config.endpoint, config.sign_in, config.sign_in_trouble
