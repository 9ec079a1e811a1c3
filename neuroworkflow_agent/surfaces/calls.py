"""`chat("…")` and `await achat("…")`: the agent from code, in a kernel and in plain Python."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.events import ApprovalRequest, EndReason, Event
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.surfaces.kernel_chat import KernelChat
from neuroworkflow_agent.surfaces.to_main_thread import View
from neuroworkflow_agent.user_tokens import UserToken, checked_token

_PROMPTS = ("ps1", "ps2", "ps3")
"""Of `sys`, where Python is at a prompt."""

_IN_A_CELL = (
    "This cell holds your token, and whoever gets the notebook gets it, too: take it out. Give the path of a file that "
    'holds it (user_token="~/.workflow-token") or a function, or set NEUROWORKFLOW_USER_TOKEN.'
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent answered; prints as its text."""

    text: str = field(repr=False)
    """The final answer, Markdown."""
    end: EndReason
    """How the turn ended."""
    session_id: SessionId | None
    """The session."""
    _shown_in: int | None = field(default=None, repr=False, compare=False)
    """Count of the cell that has shown the turn while it ran."""

    def __str__(self) -> str:
        return self.text

    def _ipython_display_(self) -> None:
        """The answer, in a cell that has not shown it already."""
        from IPython.core.getipython import get_ipython

        from neuroworkflow_agent.surfaces.answer_display import show_answer

        shell: Any = get_ipython()
        show_answer(shell, "" if shell.execution_count == self._shown_in else self.text, repr(self))


def chat(prompt: str, *, user_token: UserToken | None = None) -> Reply:
    """Ask the agent and block until it is done.

    In IPython this is the session of `%chat`, shown in the cell. In plain Python the agent's code runs
    in `__main__`, on the thread that calls; at Python's prompt the turn is shown, in a script it is not.

    Parameters
    ----------
    prompt
        What the agent should do.
    user_token
        The user's JWT for a hub's workflow tools, from now on: the path of a file that holds it, a function that
        gives it, or the token itself. Goes before `NEUROWORKFLOW_USER_TOKEN`.

    Raises
    ------
    TurnFailedError
        If the turn did not complete.
    AgentError
        If it could not begin.
    """
    chat = _chat_for(user_token)
    return _reply(chat, chat.run_blocking(prompt))


async def achat(prompt: str, *, user_token: UserToken | None = None) -> Reply:
    """Ask the agent and await it; as `chat`, for the event loop of the main thread."""
    chat = _chat_for(user_token)
    return _reply(chat, await chat.run(prompt))


def _reply(chat: KernelChat, turn: Turn) -> Reply:
    end = turn.result(0)
    return Reply(turn.text, end.end, end.session_id, chat.shell.execution_count)


def _chat_for(user_token: UserToken | None) -> KernelChat:
    chat = _kernel_chat()
    if user_token is not None:
        chat.chat.use_user_token(user_token)
        token = checked_token(user_token)
        if isinstance(token, str) and token in _source_of_cell():
            sys.stderr.write(f"{_IN_A_CELL}\n")
    return chat


def _source_of_cell() -> str:
    """Of the cell that is running; empty in plain Python."""
    from IPython.core.getipython import get_ipython

    history = getattr(get_ipython(), "history_manager", None)
    sources = history.input_hist_raw if history is not None else ()
    return sources[-1] if sources else ""


def _kernel_chat() -> KernelChat:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        return _plain_chat()
    from neuroworkflow_agent.surfaces import magics

    return magics.load(shell).kernel_chat


@functools.cache
def _plain_chat() -> KernelChat:
    """The agent in a plain Python process, made at the first call."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    make_shell: Any = InteractiveShell
    prompts = {name: getattr(sys, name) for name in _PROMPTS if hasattr(sys, name)}
    shell = make_shell(config=settings, user_module=sys.modules["__main__"])
    for name in _PROMPTS:  # which it makes its own
        vars(sys).pop(name, None)
    vars(sys).update(prompts)
    return KernelChat(shell, _at_a_prompt if prompts else _OnlyQuestions)


def _at_a_prompt() -> View:
    """The turn as in a terminal; in a script the caller decides what to do with the reply."""
    from neuroworkflow_agent.surfaces.terminal_view import on_standard_output

    return on_standard_output(is_live=True)


class _OnlyQuestions:
    """Shows what the user is asked, and nothing else."""

    def handle(self, event: Event) -> None:
        """Show it, if it is a question to the user."""
        from neuroworkflow_agent.render.approval import approval
        from neuroworkflow_agent.surfaces.console import echo

        if isinstance(event, ApprovalRequest) and sys.stdin is not None and sys.stdin.isatty():
            echo(approval(event.name, event.input, event.reason).text, err=True)

    def show(self, events: Any) -> None:
        """Ignore them."""

    def tick(self) -> None:
        """Nothing waits."""
