"""The conversation of one shell: what `%chat` and `chat()` stand on.

`KernelChat` belongs to the shell that loaded the extension and owns its `Session`, the queue to the main
thread, and the watch over what the user does. A turn is served by the cell that asked, on the main thread;
events cross from the engine's thread through the same queue as the agent's code, so what a person sees is
in the order in which it happened.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import AgentError, SessionBusyError, TurnFailedError
from neuroworkflow_agent.kernels.activity import Activity
from neuroworkflow_agent.kernels.cell_kernel import CellKernel
from neuroworkflow_agent.kernels.contexts import keep_context
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.kernels.user_code import UserCode
from neuroworkflow_agent.surfaces.chat_line import ChatLine
from neuroworkflow_agent.text import Redaction

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.session import Session
    from neuroworkflow_agent.engine.turn import Turn
    from neuroworkflow_agent.events import ApprovalRequest, Event
    from neuroworkflow_agent.ids import SessionId

_CONTEXT_CHARS = 12_000


class TurnStoppedError(TurnFailedError, KeyboardInterrupt):
    """The user stopped the turn; like any interrupted cell, the cells behind it do not run."""

    def _render_traceback_(self) -> list[str]:
        return [f"Stopped: {self}"] if str(self) != "Stopped." else ["Stopped."]


class TurnNotCompleteError(TurnFailedError):
    """The turn ended some other way; cells that count on it should not run."""

    def _render_traceback_(self) -> list[str]:
        return [f"The agent's turn ended as '{self.end}': {self}"]


class View(Protocol):
    """What shows the events of one turn; lives on the main thread."""

    def handle(self, event: Event) -> None:
        """Take in one event."""

    def tick(self) -> None:
        """Send what changed."""


class KernelChat:
    """The agent in one shell.

    Parameters
    ----------
    shell
        The `InteractiveShell`.
    make_view
        Makes the view of a turn.
    """

    def __init__(self, shell: Any, make_view: Callable[[], View]) -> None:
        self._shell = shell
        self._make_view = make_view
        self._queue = MainThreadQueue()
        self._kernel = CellKernel(shell, self._queue, Redaction(self._secrets))
        self._activity = Activity(shell)
        self._activity.attach()
        self._config: AgentConfig | None = None
        self._session: Session | None = None
        self._is_closed = False
        self._lock = threading.RLock()
        """Held while the conversation is made or replaced: `prewarm` does so on a thread of its own."""

    @property
    def config(self) -> AgentConfig:
        """Settings of the conversation, read from the environment when first needed."""
        if self._config is None:
            self._config = AgentConfig.from_env()
        return self._config

    @property
    def session(self) -> Session:
        """The current session, begun if there is none."""
        from neuroworkflow_agent.engine.session import Session

        with self._lock:
            if self._session is None:
                self._session = Session(self.config, kernel=self._kernel)
            return self._session

    def prewarm(self) -> None:
        """Get ready in the background; a machine without an endpoint hears of it at the first turn."""
        threading.Thread(target=self._get_ready, name="neuroworkflow-agent imports", daemon=True).start()

    def _get_ready(self) -> None:
        with self._lock:
            try:
                if not self._is_closed:
                    self.session.prewarm()
            except AgentError:
                self._session = self._config = None
        _import_renderer()

    def use_user_token(self, token: str | None) -> None:
        """Show this token to a hub's workflow tools from now on; None keeps what is."""
        if token is None:
            return
        with self._lock:
            self._config = self.config.with_changes(user_token=token)
            if self._session is not None:
                self._session.use_user_token(token)

    def close(self) -> None:
        """End the conversation and stop watching. Idempotent."""
        self._activity.detach()
        with self._lock:
            self._is_closed = True
            session, self._session = self._session, None
        if session is not None:
            session.close()

    async def select(self, line: ChatLine) -> None:
        """Make the conversation the one the options ask for, without blocking the kernel."""
        replaced = self._replace(line)
        if replaced is not None:
            await replaced.aclose()

    def select_blocking(self, line: ChatLine) -> None:
        """As `select`, for a plain call."""
        replaced = self._replace(line)
        if replaced is not None:
            replaced.close()

    async def run(self, prompt: str) -> Turn:
        """Run a turn in the cell that awaits this.

        Raises
        ------
        TurnFailedError
            If the turn did not complete; the cell has shown why.
        """
        turn, view = self._start(prompt)
        keep_context(self._shell)
        with self._kernel.turn(turn.interrupt, view.tick) as on_tick:
            await self._queue.serve(on_interrupt=turn.interrupt, on_tick=on_tick)
        return self._finished(turn)

    def run_blocking(self, prompt: str) -> Turn:
        """As `run`, blocking the calling thread."""
        turn, view = self._start(prompt)
        keep_context(self._shell)
        with self._kernel.turn(turn.interrupt, view.tick) as on_tick:
            self._queue.serve_blocking(on_interrupt=turn.interrupt, on_tick=on_tick)
        return self._finished(turn)

    def _secrets(self) -> frozenset[str]:
        return self._config.secrets if self._config is not None else frozenset()

    # -- one turn -------------------------------------------------------------------------------------

    def _start(self, prompt: str) -> tuple[Turn, View]:
        if self._queue.is_open:
            raise SessionBusyError("The agent is at work in another cell; wait for it, or interrupt it.")
        view = self._make_view()
        session = self._up_to_date_session()
        self._queue.open()
        self._kernel.begin(on_interrupt=session.interrupt, on_clear=getattr(view, "replay", None))
        try:
            turn = session.start(prompt, context=self._activity.take(_CONTEXT_CHARS))
        except BaseException:
            self._queue.close()
            raise
        _ToMainThread(self._shell, self._queue, view).follow(turn)
        return turn, view

    def _up_to_date_session(self) -> Session:
        """The session; another one if the user has named another endpoint before anything was said."""
        with self._lock:
            session = self.session
            if session.has_history:
                return session
            # The directory that is current now may be gone, and has no say in this.
            fresh = AgentConfig.from_env(workspace=self.config.workspace)
            if fresh.endpoint == self.config.endpoint:
                return session
            self._config = dataclasses.replace(
                self.config, endpoint=fresh.endpoint, found_secrets=self.config.secrets | fresh.secrets
            )
            self._session = None
            session.close_soon()
            return self.session

    def _finished(self, turn: Turn) -> Turn:
        end = turn.result(0)
        if end.end == "interrupted":
            raise TurnStoppedError(end.message or "Stopped.", end=end.end, session_id=end.session_id)
        if end.end != "complete":
            raise TurnNotCompleteError(end.message or end.end, end=end.end, session_id=end.session_id)
        return turn

    def _replace(self, line: ChatLine) -> Session | None:
        """Set up the conversation that `line` asks for; returns the one to close, if any."""
        from neuroworkflow_agent.engine.session import Session

        changes = {"model": line.model, "mode": line.mode}
        if not (line.new or line.fork or line.resume is not None or any(changes.values())):
            return None
        with self._lock:
            before = self._session
            if before is not None and before.is_busy:
                raise SessionBusyError(
                    "A turn is running; wait for it to end before changing the conversation."
                )
            config = self.config.with_changes(**changes)
            resume = self._wanted(line, config)
            fork = line.fork and bool(resume)
            self._session = Session(config, kernel=self._kernel, resume=resume, fork=fork)
            self._config = config
            return before

    def _wanted(self, line: ChatLine, config: AgentConfig) -> SessionId | None:
        """Which conversation to load: the named one, the latest, the present one, or none."""
        if line.new:
            return None
        if line.resume is not None:
            from neuroworkflow_agent.engine.claude import transcripts

            return transcripts.pick(line.resume, config).session_id
        return self._session.session_id if self._session is not None and self._session.has_history else None


def _import_renderer() -> None:
    """Load what the first answer needs; on the kernel's loop it would be felt."""
    from neuroworkflow_agent.render import parts
    from neuroworkflow_agent.render.stream import MarkdownStream

    stream = MarkdownStream()
    stream.feed("`warm` $x$\n\n```python\nx\n```\n")
    stream.tail()
    parts.tool_use("run_code", {"code": "x"})


@dataclasses.dataclass(eq=False)
class _ToMainThread:
    """Carries events from the engine's thread to the view, and questions to the user and back."""

    shell: Any
    queue: MainThreadQueue
    view: View
    asking: UserCode | None = None

    def follow(self, turn: Turn) -> None:
        """Hand on everything that happens in `turn`, once the cell serves."""
        self.turn = turn
        turn.subscribe(self)

    def __call__(self, event: Event) -> None:
        """On the engine's thread."""
        from neuroworkflow_agent.events import ApprovalDecision, ApprovalRequest, TurnEnd

        if isinstance(event, ApprovalDecision | TurnEnd) and self.asking is not None:
            self.queue.interrupt(self.asking)
        self.queue.post(lambda: self._show(event))
        if isinstance(event, ApprovalRequest):
            self.queue.post(lambda: self._question(event))
        if isinstance(event, TurnEnd):
            self.queue.finish()

    def _show(self, event: Event) -> None:
        from neuroworkflow_agent.events import ApprovalRequest, TurnEnd

        self.view.handle(event)
        if isinstance(event, ApprovalRequest | TurnEnd):
            self.view.tick()

    def _question(self, request: ApprovalRequest) -> UserCode:
        """On the main thread: ask, as something an interrupt may end."""

        async def ask_user() -> None:
            from neuroworkflow_agent.surfaces import input_prompt

            try:
                self.turn.answer(
                    request.request_id, input_prompt.ask(request, input_prompt.prompt_of(self.shell))
                )
            finally:
                self.asking = None

        self.asking = UserCode(ask_user, is_async=False)
        return self.asking
