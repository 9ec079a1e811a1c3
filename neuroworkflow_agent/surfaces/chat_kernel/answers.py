"""What the chat kernel itself says to front ends. On the relay's thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import zmq

from neuroworkflow_agent._version import __version__
from neuroworkflow_agent.surfaces.chat_kernel.cell import Failure
from neuroworkflow_agent.surfaces.chat_kernel.sockets import Front
from neuroworkflow_agent.surfaces.chat_kernel.wire import VERSION, Frames, Message, Signer

_SUBSCRIBES = b"\x01"
_NO_NUMBER: dict[str, Any] = {"execution_count": 0, "user_expressions": {}, "payload": []}
"""Of a cell that was not run."""


class Answers:
    """Says it.

    Parameters
    ----------
    front
        Where to.
    signer
        Makes messages.
    """

    def __init__(self, front: Front, signer: Signer) -> None:
        self._front, self._signer = front, signer
        self._asked: tuple[Message, Callable[[str], object]] | None = None
        """The question that waits, and who takes its answer."""

    def tell(self, kind: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        """Publish something that belongs to the request with this header."""
        topic = f"kernel.{self._signer.session}.{kind}".encode()
        self._front.iopub.send_multipart(self._signer.make(kind, content, idents=[topic], parent=parent))

    def begin(self, request: Message) -> None:
        """Say that a request is taken up; what follows says that it is done."""
        self.tell("status", {"execution_state": "busy"}, request.header)

    def ask(self, request: Message, question: str, answer: Callable[[str], object]) -> None:
        """Ask whoever has sent a request; `answer` is called once, if at all: the next question takes its place."""
        content = {"prompt": question, "password": False}
        asked = self._signer.new("input_request", content, idents=request.idents, parent=request.header)
        self._asked = asked, answer
        self._front.stdin.send_multipart(asked.frames)

    def forget_question(self) -> None:
        """Nobody waits for an answer any more."""
        self._asked = None

    def take_answer(self, message: Message) -> bool:
        """Hand on the answer to the question that waits; False if it is none: nothing was asked, or somebody else, or another thing."""
        if self._asked is None:
            return False
        (asked, answer), about = self._asked, message.parent.get("msg_id")
        if message.idents != asked.idents or about not in (None, "", asked.id):
            return False
        self._asked = None
        answer(str(message.content.get("value", "")))
        return True

    def welcome(self, frames: Frames) -> None:
        """Greet who begins to listen, as the protocol has it."""
        if frames[0][:1] == _SUBSCRIBES:
            topic = frames[0][1:]
            content = {"subscription": topic.decode(errors="replace")}
            self._front.iopub.send_multipart(self._signer.make("iopub_welcome", content, idents=[topic]))

    def confirm(self, request: Message) -> None:
        """Say that a request on the control channel is being seen to."""
        kind = request.kind.replace("_request", "_reply")
        with self._busy(request):
            self._answer(self._front.control, request, kind, {"status": "ok", **request.content})

    def abort(self, request: Message) -> None:
        """Say that a cell is not run, since one before it has failed."""
        with self._busy(request):
            self._answer(self._front.shell, request, "execute_reply", {"status": "aborted"})

    def fail(self, request: Message, why: str, where: zmq.Socket[bytes]) -> None:
        """Answer a request that no subkernel can.

        Parameters
        ----------
        why
            One sentence.
        where
            The socket that it came from.
        """
        self._fail(request, Failure("KernelError", why, (why,)), where)

    def stand_in(self, request: Message) -> tuple[Message, Frames]:
        """Take up a cell that no subkernel can; what one would have answered, and said at its end."""
        self.begin(request)
        about: dict[str, Any] = {"idents": request.idents, "parent": request.header}
        reply = self._signer.new("execute_reply", {"status": "ok", **_NO_NUMBER}, **about)
        idle = self._signer.make("status", {"execution_state": "idle"}, **about | {"idents": [b"status"]})
        return reply, idle

    def stop(self, request: Message) -> None:
        """Say that a cell was interrupted before it ran."""
        self._fail(request, Failure("KeyboardInterrupt", "", ("KeyboardInterrupt",)), self._front.shell)

    def _fail(self, request: Message, failure: Failure, where: zmq.Socket[bytes]) -> None:
        content = {"status": "error", **failure.content}
        with self._busy(request):
            if request.kind == "execute_request":
                self.tell("error", failure.content, request.header)
                content |= _NO_NUMBER
            elif request.kind == "kernel_info_request":
                content = _information(failure.evalue)
            if request.kind.endswith("_request"):
                self._answer(where, request, request.kind.replace("_request", "_reply"), content)

    def _answer(self, where: zmq.Socket[bytes], request: Message, kind: str, content: dict[str, Any]) -> None:
        where.send_multipart(self._signer.make(kind, content, idents=request.idents, parent=request.header))

    @contextlib.contextmanager
    def _busy(self, request: Message) -> Iterator[None]:
        self.begin(request)
        yield
        self.tell("status", {"execution_state": "idle"}, request.header)


def _information(why: str) -> dict[str, Any]:
    """What is said of a kernel without a subkernel."""
    language = {"name": "text", "version": "", "mimetype": "text/plain", "file_extension": ".txt"}
    return {
        "status": "ok",
        "protocol_version": VERSION,
        "implementation": "neuroworkflow_agent",
        "implementation_version": __version__,
        "language_info": language,
        "banner": why,
        "help_links": [],
    }
