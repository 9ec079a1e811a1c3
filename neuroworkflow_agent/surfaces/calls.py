"""`chat("…")` and `await achat("…")`: the agent from code, in a kernel and in plain Python."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.events import EndReason
from neuroworkflow_agent.ids import SessionId
from neuroworkflow_agent.surfaces.kernel_chat import KernelChat


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent answered; prints as its text."""

    text: str
    """The final answer, Markdown."""
    end: EndReason
    """How the turn ended."""
    session_id: SessionId | None
    """The session."""

    def __str__(self) -> str:
        return self.text

    def _ipython_display_(self) -> None:
        """Nothing: the turn has been shown while it ran."""


def chat(prompt: str, *, user_token: str | None = None) -> Reply:
    """Ask the agent and block until it is done.

    In IPython this is the session of `%chat`, shown in the cell. In plain Python the agent's code runs
    in `__main__`, on the thread that calls.

    Parameters
    ----------
    prompt
        What the agent should do.
    user_token
        The user's JWT for a hub's workflow tools, from now on; goes before `NEUROWORKFLOW_USER_TOKEN`.

    Raises
    ------
    TurnFailedError
        If the turn did not complete.
    AgentError
        If it could not begin.
    """
    return _reply(_chat_for(user_token).run_blocking(prompt))


async def achat(prompt: str, *, user_token: str | None = None) -> Reply:
    """Ask the agent and await it; as `chat`, for the event loop of the main thread."""
    return _reply(await _chat_for(user_token).run(prompt))


def _reply(turn: Turn) -> Reply:
    end = turn.result(0)
    return Reply(turn.text, end.end, end.session_id)


def _chat_for(user_token: str | None) -> KernelChat:
    chat = _kernel_chat()
    if user_token is not None:
        chat.chat.use_user_token(user_token)
    return chat


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
    shell = make_shell(config=settings, user_module=sys.modules["__main__"])
    return KernelChat(shell, _Silent)


class _Silent:
    """Shows nothing: in a script the caller decides what to do with the reply."""

    def handle(self, event: Any) -> None:
        """Ignore it."""

    def show(self, events: Any) -> None:
        """Ignore them."""

    def tick(self) -> None:
        """Nothing waits."""
