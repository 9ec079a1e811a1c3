"""Cells that read as sentences: whoever has sent one is asked whether it is for the agent.

`Doubts` lives on the relay's thread, and has one such cell at a time, which holds those behind it. It asks when the subkernel has
done with the cells before, and not at all when one of them has failed; what it learns that way takes no number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.kernels.languages import language_named
from neuroworkflow_agent.surfaces.chat_kernel.answers import Answers
from neuroworkflow_agent.surfaces.chat_kernel.prose import is_prose
from neuroworkflow_agent.surfaces.chat_kernel.wire import SILENT, Frames, Message, Signer

_QUESTION = "This is no code of {title}. Ask the agent? [y]es, [n]o, [a]lways, ne[v]er: "


class Doubts:
    """Asks.

    Parameters
    ----------
    signer
        Makes messages.
    answers
        Where front ends are asked.
    send
        Sends the subkernel a request on the shell channel.
    on_known
        Told of each cell whether it is for the agent.
    on_failed
        Told of each cell that is not to run: one before it has failed, or it was interrupted.
    """

    def __init__(
        self,
        signer: Signer,
        answers: Answers,
        send: Callable[[Frames], object],
        on_known: Callable[[Message, Frames, bool], object],
        on_failed: Callable[[Message], object],
    ) -> None:
        self._signer, self._answers, self._send = signer, answers, send
        self._on_known, self._on_failed = on_known, on_failed
        self._cell: tuple[Message, Frames] | None = None
        self._title = ""
        self._before = ""
        """Id of the request that is answered when the cells before it are done; empty once it is."""
        self._always: bool | None = None
        """What the user wants of all of them; None as long as they are to be asked."""

    def begin(self, message: Message, frames: Frames, code: str, language: str) -> bool:
        """Have a cell wait for its answer; False if there is nothing to ask about it. `language` is the subkernel's."""
        content = message.content
        is_known = self._always is False or content.get("silent") or not content.get("allow_stdin", True)
        if is_known or not is_prose(code, language):
            return False
        asked = self._signer.new("execute_request", SILENT)
        self._cell, self._before = (message, frames), asked.id
        self._title = language_named(language).title
        self._send(asked.frames)
        return True

    def take_reply(self, asked: str, content: dict[str, Any]) -> bool:
        """The subkernel has answered a request of ours; False if that was another one."""
        if self._cell is None or asked != self._before:
            return False
        self._before = ""
        message, frames = self._cell
        if content.get("status") != "ok":
            self._end()
            self._answers.abort(message)
            self._on_failed(message)
        elif self._always:
            self._end()
            self._on_known(message, frames, True)
        else:
            self._answers.begin(message)
            self._answers.ask(message, _QUESTION.format(title=self._title), self._take_answer)
        return True

    def interrupt(self) -> bool:
        """Run nothing of a cell whose question waits; False if none does."""
        if self._cell is None or self._before:
            return False
        message, _ = self._cell
        self._end()
        self._answers.stop(message)
        self._on_failed(message)
        return True

    def forget(self) -> None:
        """The subkernel has gone, and with it the cell."""
        self._end()

    def _take_answer(self, text: str) -> None:
        if self._cell is None:
            return
        message, frames = self._cell
        self._end()
        word = text.strip().lower()
        if word in ("a", "always", "v", "never"):
            self._always = word[0] == "a"
        self._on_known(message, frames, word in ("y", "yes", "a", "always"))

    def _end(self) -> None:
        if self._cell is not None:
            self._answers.forget_question()
        self._cell, self._before = None, ""
