"""Code of the chosen context that a subkernel which has to be started again runs before anything else. On the relay's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.surfaces.chat_kernel.answers import Answers
from neuroworkflow_agent.surfaces.chat_kernel.wire import SILENT, Frames, Message, Signer
from neuroworkflow_agent.text import one_line

_FAILED = "The subkernel was started again, but the context's code did not run to its end: {why}\n"
_DEADLY = "The subkernel died while it ran the context's code, which is not run again before the context is chosen anew. The next cell starts it again."
_WHY_CHARS = 300


class FirstCode:
    """Has it run, in silence.

    Parameters
    ----------
    signer
        Makes messages.
    answers
        Says at the cell that waits if it has failed.
    """

    def __init__(self, signer: Signer, answers: Answers) -> None:
        self._signer, self._answers = signer, answers
        self.source = ""
        """Empty for none."""
        self._asked = ""

    def send(self, send: Callable[[Frames], object]) -> None:
        """Ask a subkernel that has just been started, if there is any code."""
        if not self.source:
            return
        asked = self._signer.new("execute_request", {**SILENT, "code": self.source})
        self._asked = asked.id
        send(asked.frames)

    def after_death(self, why: str) -> str:
        """The subkernel has died; why, if its code was not the reason. What has ended it once would end it each time."""
        if not self._asked:
            return why
        self._asked = self.source = ""
        return _DEADLY

    def take_reply(self, asked: str, content: dict[str, Any], waiting: Message | None) -> bool:
        """The subkernel has answered a request of ours; False if that was another one. `waiting` is the cell behind it."""
        if not self._asked or asked != self._asked:
            return False
        self._asked = ""
        if content.get("status") == "error" and waiting is not None:
            why = one_line(f"{content.get('ename')}: {content.get('evalue')}", _WHY_CHARS)
            said = {"name": "stderr", "text": _FAILED.format(why=why)}
            self._answers.tell("stream", said, waiting.header)
        return True
