"""What came of the user's cells: a failure that a kernel does not tell, or not so that anybody sees it, is told.

An `Outcomes` lives on the relay's thread. What it knows of a cell begins when the subkernel is given it, and ends with its reply, which
passes as it is where nothing is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.kernels.languages import NO_REPLY, Language
from neuroworkflow_agent.surfaces.chat_kernel.answers import Answers
from neuroworkflow_agent.surfaces.chat_kernel.sockets import Front
from neuroworkflow_agent.surfaces.chat_kernel.wire import Frames, Message, Signer

_PRINTED_CHARS = 4_000
_PATIENCE_S = 1.0
"""How long a reply waits for the kernel's word that it is done, and that word for a reply."""


@dataclass(eq=False)
class _Cell:
    request: Message
    printed: str = ""
    """The end of its standard output, where a failure might be told there."""
    has_error: bool = False
    """Whether an output says that it has failed."""
    reply: Message | None = None
    idle: Frames | None = None
    """The kernel's word that it is done with it."""
    since: float = 0.0
    """When the first of the two came, and then the second."""
    question: str = ""
    """Id of a request that is answered after its reply, if there is one."""

    @property
    def is_complete(self) -> bool:
        """Whether both are there."""
        return self.reply is not None and self.idle is not None


class Outcomes:
    """Keeps them.

    Parameters
    ----------
    front
        Where front ends are.
    signer
        Makes messages.
    answers
        Publishes outputs.
    language
        The subkernel's, as it is now.
    ask
        Sends the subkernel a request on the shell channel.
    on_end
        Told of each cell whose reply has gone, and whether the cells behind it are not to run.
    """

    def __init__(
        self,
        front: Front,
        signer: Signer,
        answers: Answers,
        language: Callable[[], Language],
        ask: Callable[[Frames], object],
        on_end: Callable[[Message, bool], object],
    ) -> None:
        self._front, self._signer, self._answers = front, signer, answers
        self._language, self._ask, self._on_end = language, ask, on_end
        self._cells: dict[str, _Cell] = {}

    def begin(self, request: Message) -> None:
        """The subkernel is given a cell."""
        self._cells[request.id] = _Cell(request)

    def forget(self) -> None:
        """Nothing more comes from the subkernel: pass on what has come."""
        cells, self._cells = self._cells, {}
        for cell in cells.values():
            if cell.reply is not None:
                self._tell(cell)

    def take_output(self, message: Message, frames: Frames) -> Frames | None:
        """An output of code: passed on as what comes back, an error so that people can read it; None for what is kept until the reply comes."""
        cell = self._cells.get(str(message.parent.get("msg_id")))
        if message.kind == "error":
            content = message.content
            readable = self._language().visible_error(content)
            if any(content.get(key) != value for key, value in readable.items()):
                frames = self._signer.changed(message, {**content, **readable})
            if cell is not None:
                cell.has_error = True
        elif cell is not None and message.kind == "stream" and self._language().hides_failures:
            content = message.content
            if content.get("name") == "stdout":
                cell.printed = f"{cell.printed}{content.get('text', '')}"[-_PRINTED_CHARS:]
        elif cell is not None and message.kind == "status" and _is_idle(message):
            cell.idle = frames
            self._note(cell)
            return None
        return frames

    def take_reply(self, reply: Message) -> None:
        """The subkernel's reply to a cell, which is passed on when all outputs are there."""
        cell = self._cells.get(str(reply.parent.get("msg_id")))
        if cell is None:
            self._front.shell.send_multipart(reply.frames)
        else:
            cell.reply = reply
            self._note(cell)

    def _note(self, cell: _Cell) -> None:
        cell.since = time.monotonic()
        if cell.is_complete and not self._language().late_outputs_s:
            self._tell(cell)

    def take_own_reply(self, question: str) -> None:
        """The subkernel has answered a request of ours; a cell whose reply should have come before will get none."""
        for cell in list(self._cells.values()):
            if cell.question == question and cell.reply is None:
                content = {**NO_REPLY, "execution_count": 0, "user_expressions": {}, "payload": []}
                idents, parent = cell.request.idents, cell.request.header
                cell.reply = self._signer.new("execute_reply", content, idents=idents, parent=parent)
                self._tell(cell)

    def look(self) -> float | None:
        """See to cells of which something is late; seconds until this should be called again, None for no hurry."""
        late_s = self._language().late_outputs_s
        for cell in list(self._cells.values()):
            waited_s = time.monotonic() - cell.since if cell.since else 0.0
            if waited_s > (late_s if cell.is_complete else _PATIENCE_S):
                self._see_to(cell)
        return late_s if any(cell.is_complete for cell in self._cells.values()) else None

    def _see_to(self, cell: _Cell) -> None:
        if cell.reply is not None:
            self._tell(cell)
        elif not cell.question:
            asked = self._signer.new("kernel_info_request", {})
            cell.question = asked.id
            self._ask(asked.frames)

    def _tell(self, cell: _Cell) -> None:
        """Pass a reply on, now that it is known whether its cell has failed."""
        reply = cell.reply
        assert reply is not None
        self._cells.pop(cell.request.id, None)
        content = reply.content
        failure = self._failure(cell, content)
        if failure is None:
            self._front.shell.send_multipart(reply.frames)
        else:
            if not cell.has_error:
                self._answers.tell("error", failure, cell.request.header)
            content |= {"status": "error", **failure}
            self._front.shell.send_multipart(self._signer.changed(reply, content))
        if cell.idle is not None:
            self._front.iopub.send_multipart(cell.idle)
        is_failed = content.get("status") != "ok"
        self._on_end(cell.request, is_failed and bool(cell.request.content.get("stop_on_error", True)))

    def _failure(self, cell: _Cell, content: dict[str, Any]) -> dict[str, Any] | None:
        """Why a cell has failed, so that people can read it; None if it has not."""
        if content.get("status") == "error":
            return self._language().visible_error(content)
        return self._language().failure_in(cell.printed) if content.get("status") == "ok" else None


def _is_idle(message: Message) -> bool:
    return message.content.get("execution_state") == "idle"
