"""Prompts served: the same chat, views and questions that a cell of a Python kernel has.

A `Conversation` belongs to the agent's thread, and owns its `Chat` and its client of the subkernel.
"""

from __future__ import annotations

import functools
import queue
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import ApprovalRequest, CellOutput, Event, TurnEnd
from neuroworkflow_agent.kernels.variables.elsewhere import VariableContextElsewhere
from neuroworkflow_agent.kernels.variables.namespace import MAX_CONTEXT_CHARS
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.state.undo import Undo
from neuroworkflow_agent.surfaces.cell_mentions import attach_cells
from neuroworkflow_agent.surfaces.cell_view import CellView
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.chat_kernel.kernel_client import SubkernelClient
from neuroworkflow_agent.surfaces.chat_kernel.saved_notebook import SavedNotebook
from neuroworkflow_agent.surfaces.chat_kernel.surroundings import HELP as HELP_HERE
from neuroworkflow_agent.surfaces.chat_kernel.surroundings import Surroundings
from neuroworkflow_agent.surfaces.chat_line import HELP, parse_chat
from neuroworkflow_agent.surfaces.file_links import FileLinks
from neuroworkflow_agent.surfaces.input_prompt import ask
from neuroworkflow_agent.surfaces.line_answers import LineAnswers, operate, require_text
from neuroworkflow_agent.surfaces.lint_line import lint_line
from neuroworkflow_agent.surfaces.shown_turns import ShownTurns
from neuroworkflow_agent.surfaces.terminal_view import TerminalView
from neuroworkflow_agent.surfaces.turn_errors import completed
from neuroworkflow_agent.text import Redaction

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.turn import Turn
    from neuroworkflow_agent.surfaces.chat_kernel.cell import Cell
    from neuroworkflow_agent.surfaces.chat_kernel.relay import Relay
    from neuroworkflow_agent.surfaces.chat_kernel.screen import Screen
    from neuroworkflow_agent.surfaces.chat_line import ChatLine


_CONTEXT_CHARS = 12_000
_TICK_S = 0.05
_CLOSE_S = 5.0
_NO_NOTEBOOK = "Which notebook is to be run anew is not known here: {why}. Use 'neuroworkflow-agent run NOTEBOOK --verify'."
_NO_EDITS = (
    "The agent edits no cells here, it can only propose new ones, so its turn leaves nothing to verify. '%chat --verify' without a text runs the notebook "
    "anew, as it was saved last."
)
_RUNNING_ANEW = "Running the notebook anew in a fresh kernel, as it was saved last …"


class Conversation:
    """The agent of one chat kernel.

    Parameters
    ----------
    relay
        Where the code runs and the cells are.
    kernel_id
        As for `AgentThread`.
    """

    def __init__(self, relay: Relay, kernel_id: str = "") -> None:
        self._relay = relay
        self._kernel = SubkernelClient(relay)
        self._notebook = SavedNotebook(lambda: self.chat.config.environ, kernel_id, self._propose)
        self._document = NotebookDocument(self._notebook)
        self.chat = Chat(
            kernel=self._kernel,
            document=lambda: self._document,
            follows_environment=True,
            undo=Undo(kernel=self._kernel),
        )
        """Its sessions and settings."""
        self._variables = VariableContextElsewhere(self._kernel)
        self._told_session: str | None = None
        """Which one knows of them."""
        self._surroundings = Surroundings(relay, self.chat, self._kernel)
        self._hide = Redaction(lambda: self.chat.secrets)
        self._shown = ShownTurns()
        self._served: Cell | None = None

    def stop(self) -> None:
        """Stop the turn, if one runs. From any thread."""
        self.chat.stop()

    def close(self) -> None:
        """End the session and let go of the subkernel."""
        self.chat.close()
        portal = shared_portal()
        portal.submit(self._kernel.aclose()).result(_CLOSE_S)
        portal.stop()

    def serve(self, screen: Screen) -> None:
        """Do what a prompt says; returns when that is done.

        Raises
        ------
        AgentError
            If it cannot be done, or the turn did not complete.
        """
        self._served = screen.cell
        prompt = screen.cell.prompt
        match prompt.magic:
            case _ if prompt.line == "--help":
                self._show_help(screen)
            case "lint":
                screen.show(lint_line(prompt.line, self.chat.config.environ))
            case "context":
                self._surroundings.context_line(prompt.line, screen)
            case "subkernel":
                self._surroundings.subkernel_line(prompt.line, screen)
            case _:
                self._serve_chat(parse_chat(prompt.line, prompt.cell), screen)

    def _serve_chat(self, line: ChatLine, screen: Screen) -> None:
        if line.help:
            self._show_help(screen)
            return
        if line.verify and line.prompt.strip():
            raise ConfigError(_NO_EDITS)
        if line.undo is not None:
            self._undo(line, screen)
            return
        if line.changes:
            self.chat.select(**line.changes)
        require_text(line)
        operate(self.chat, line)
        if line.compact:
            self._run(self.chat.compact, screen)
        if self._answers(screen).give(line):
            return
        if line.prompt.strip():
            self._run(lambda: self._send(line.prompt, screen), screen)
        elif line.verify:
            self._verify(screen)

    def _show_help(self, screen: Screen) -> None:
        screen.cell.write(f"{HELP}\n{HELP_HERE}\n")

    def _answers(self, screen: Screen) -> LineAnswers:
        return LineAnswers(self.chat, screen.show, lambda: self._view(screen), self._hide)

    def _view(self, screen: Screen) -> CellView | TerminalView:
        if screen.cell.is_in_terminal:
            return TerminalView(screen.cell.write)
        config = self.chat.config
        links = FileLinks(config.now("JPY_SESSION_NAME"), config.workspace)
        return CellView(self._publish, screen.cell.clear, links.link_to)

    def _publish(self, *what: Any, **how: Any) -> None:
        """Show something in the cell that is served; what an undone turn showed changes by a message of the cell that undoes it."""
        assert self._served is not None
        self._served.publish(*what, **how)

    def _undo(self, line: ChatLine, screen: Screen) -> None:
        """Take the last turn back, after the user was asked."""
        from neuroworkflow_agent.surfaces.undo_line import UndoLine

        undoing = UndoLine(self.chat, line, screen.show, self._shown)
        undoing.prepare()
        prompt = functools.partial(screen.ask, is_over=lambda: False) if screen.ask else None
        if undoing.is_wanted(prompt):
            undoing.do()
            undoing.tell()

    def _verify(self, screen: Screen) -> None:
        """Run the notebook anew, as it was saved last, and compare."""
        from neuroworkflow_agent.render.parts import notice
        from neuroworkflow_agent.surfaces.verifying import as_listing, begin_to_verify

        found = self._notebook.find()
        if found.path is None:
            raise ConfigError(_NO_NOTEBOOK.format(why=found.said_by))
        running = begin_to_verify(found.path, self.chat.config.environ, cwd=found.path.resolve().parent)
        screen.show(notice(_RUNNING_ANEW))
        screen.show(as_listing(screen.wait(running), self._hide))

    # -- a turn ---------------------------------------------------------------------------------------

    def _send(self, prompt: str, screen: Screen) -> Turn:
        if self.chat.session_id != self._told_session:
            self._variables.forget()
        context, self._told_session = self._surroundings.context, self.chat.session_id
        first = context.variables if context is not None else ()
        looking = shared_portal().submit(self._variables.take(first, MAX_CONTEXT_CHARS, self._hide))
        variables = screen.wait(looking)
        self._notebook.begin()
        meant = attach_cells(prompt, self._document, secrets=self.chat.config.secrets)
        attached = screen.wait(shared_portal().submit(meant))
        seen = self._relay.seen.take(_CONTEXT_CHARS, self._hide)
        return self.chat.send(prompt, context=seen, variables=variables, attachments=attached)

    def _propose(self, source: str) -> None:
        """Have a new code cell stand below the one that is served."""
        assert self._served is not None
        self._served.proposed = source

    def _run(self, begin: Callable[[], Turn], screen: Screen) -> None:
        view = self._view(screen)
        self.chat.ready()
        screen.raise_if_stopped()
        turn = begin()
        self._shown.keep(turn.turn_id, view)
        if screen.stopped.is_set():
            turn.interrupt()
        self._follow(turn, screen, view)
        completed(turn)

    def _follow(self, turn: Turn, screen: Screen, view: CellView | TerminalView) -> None:
        prompt = functools.partial(screen.ask, is_over=lambda: turn.is_done) if screen.ask else None
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        turn.subscribe(events.put)
        ticked = time.monotonic()
        event: Event | None = None
        while not isinstance(event, TurnEnd):
            try:
                event = events.get(timeout=_TICK_S)
                view.handle(event)
            except queue.Empty:
                event = None
            if isinstance(event, CellOutput):
                screen.show_output(event.change, view.replay if isinstance(view, CellView) else None)
            elif isinstance(event, ApprovalRequest):
                view.tick()
                turn.answer(event.request_id, ask(event, prompt))
            if time.monotonic() - ticked > _TICK_S:
                view.tick()
                ticked = time.monotonic()
        view.tick()
