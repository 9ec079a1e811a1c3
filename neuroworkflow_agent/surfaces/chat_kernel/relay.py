"""Messages between front ends and the subkernel, passed on as they are but for those that are ours.

The `Relay` owns the kernel's main thread, the front ends' sockets and, by its `Keeper`, the subkernel; it ends when it is asked to,
or when the process that started it is gone. A prompt goes to the subkernel as a comment, so that it waits for the cells before it,
takes a number, and is not reached when one of them fails; its answer is held until the agent is done, and so are the cells behind
it. Other threads reach it by `post`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import zmq

from neuroworkflow_agent.kernels.languages import language_named
from neuroworkflow_agent.prompt_cells import Prompt
from neuroworkflow_agent.surfaces.chat_kernel.answers import Answers
from neuroworkflow_agent.surfaces.chat_kernel.cell import Cell, Failure
from neuroworkflow_agent.surfaces.chat_kernel.doubts import Doubts
from neuroworkflow_agent.surfaces.chat_kernel.first_code import FirstCode
from neuroworkflow_agent.surfaces.chat_kernel.keeper import Keeper
from neuroworkflow_agent.surfaces.chat_kernel.loop import Loop
from neuroworkflow_agent.surfaces.chat_kernel.order import Order
from neuroworkflow_agent.surfaces.chat_kernel.outcomes import Outcomes
from neuroworkflow_agent.surfaces.chat_kernel.prompts import as_comment, as_prompt, prompt_in
from neuroworkflow_agent.surfaces.chat_kernel.seen import Seen
from neuroworkflow_agent.surfaces.chat_kernel.sockets import Channel, Front
from neuroworkflow_agent.surfaces.chat_kernel.subkernel import Subkernel
from neuroworkflow_agent.surfaces.chat_kernel.wire import DELIMITER, Frames, Message, Signer, split
from neuroworkflow_agent.surfaces.terminals import Terminals

_LOOK_S = 1.0
_MAX_CONTROLS = 50
_NEEDS_NO_SUBKERNEL = ("subkernel", "context")
"""Magics that can choose another one where the current one does not start."""
_BANNER = "Cells that begin with %chat are for the agent; %chat --help says more.\n"


class Agent(Protocol):
    """What the relay needs of the agent."""

    def serve(self, cell: Cell) -> None:
        """Begin with a prompt."""

    def interrupt(self) -> None:
        """Stop what is served."""

    def close(self) -> None:
        """End everything."""


class Relay:
    """Passes messages on.

    Parameters
    ----------
    connection
        Where front ends connect: what the connection file says.
    name
        Kernelspec of the subkernel.
    subkernel
        That one, started; None if it could not be.
    make_agent
        Makes the agent.
    options
        More arguments of the subkernel's.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        name: str,
        subkernel: Subkernel | None,
        make_agent: Callable[[Relay], Agent],
        options: Sequence[str] = (),
    ) -> None:
        self._signer = Signer(connection["key"].encode(), connection.get("signature_scheme"))
        self.seen = Seen()
        self.agent_sessions: set[str] = set()
        """Wire sessions of the agent's own clients, whose outputs its turns show."""
        self._loop = Loop()
        self._front = Front(zmq.Context.instance(), connection)
        self._answers = Answers(self._front, self._signer)
        self._order = Order()

        def send(frames: Frames) -> None:
            self.keeper.send("shell", frames)

        self._outcomes = Outcomes(
            self._front,
            self._signer,
            self._answers,
            lambda: language_named(self.language),
            send,
            self._on_code_end,
        )
        self._doubts = Doubts(self._signer, self._answers, send, self._on_known, self._on_not_run)
        self._open: dict[str, Message] = {}
        """Requests that the subkernel has and has not answered."""
        self._controls: dict[str, Message] = {}
        """The latest requests on the control channel."""
        self._terminals = Terminals()
        handlers: dict[Channel, Callable[[Frames], object]] = {
            "iopub": self._on_output,
            "shell": self._on_reply,
            "control": lambda frames: self._front.control.send_multipart(self._addressed(frames)),
            "stdin": lambda frames: self._front.stdin.send_multipart(self._addressed(frames)),
        }
        self._first_code = FirstCode(self._signer, self._answers)
        self._make_keeper = functools.partial(
            Keeper, self._loop, self._signer, connection, options, handlers, self._on_start, self._on_lost
        )
        self.keeper = self._make_keeper(name)
        self._next: Keeper | None = None
        """Of a subkernel that is to take the place of the current one once it answers."""
        self._leaving: list[Keeper] = []
        """Of subkernels whose place was taken, until they have ended."""
        if subkernel is not None:
            self.keeper.take(subkernel)
        self._is_ending = False
        self._parent = os.getppid()
        self._agent = make_agent(self)

    def run(self) -> None:
        """Serve until the end."""
        front, watch = self._front, self._loop.watch
        watch(front.heartbeat, front.heartbeat.send_multipart)
        watch(front.iopub, self._answers.welcome)
        watch(front.control, self._on_control)
        watch(front.stdin, self._on_input)
        watch(front.shell, self._on_request)
        self._loop.take_signals(on_interrupt=self._interrupt, on_end=self._shut_down)
        try:
            self._loop.run(self._look)
        finally:
            self._agent.close()
            self._let_go_of_next()
            for keeper in (self.keeper, *self._leaving):
                keeper.let_go()
            self._front.close()
            self._loop.close()

    def post(self, work: Callable[[], object]) -> None:
        """Have this done on the relay's thread. From any thread."""
        self._loop.post(work)

    @property
    def language(self) -> str:
        """The subkernel's, lower case."""
        return self.keeper.language

    def run_first(self, code: str) -> None:
        """Have this run first whenever the subkernel has to be started again. From any thread."""

        def keep() -> None:
            self._first_code.source = code

        self.post(keep)

    def ask(self, cell: Cell, question: str, answer: Callable[[str], object]) -> None:
        """Ask whoever has sent a prompt; `answer` is called with one answer, on the relay's thread. From any thread."""

        def put() -> None:
            if self._order.cell is cell:
                self._answers.ask(cell.request, question, answer)

        self.post(put)

    def switch(self, name: str) -> Future[None]:
        """Have another subkernel once it answers; until then, and if it does not, there is the one before. From any thread.

        Cancelled, the future gives it up. An `AgentError` in it says why there is none.
        """
        made = self._make_keeper(name)
        switched: Future[None] = Future()

        def begin() -> None:
            self._next = made
            made.ensure_started().add_done_callback(end)

        def end(start: Future[None]) -> None:
            if self._next is not made or not switched.set_running_or_notify_cancel():  # given up meanwhile
                return
            self._next = None
            if (error := start.exception()) is not None:
                switched.set_exception(error)
                return
            before, self.keeper = self.keeper, made
            before.shut_down()
            self._leaving.append(before)
            self._fail_open(f"The subkernel was exchanged for {name!r} before it answered.")
            switched.set_result(None)

        def give_up(future: Future[None]) -> None:
            if future.cancelled():
                self.post(self._let_go_of_next)

        switched.add_done_callback(give_up)
        self.post(begin)
        return switched

    def _let_go_of_next(self) -> None:
        if self._next is not None:
            self._next.let_go()
            self._next = None

    def _shut_down(self) -> None:
        self._let_go_of_next()
        self.keeper.shut_down()

    def _look(self) -> float | None:
        for left in [each for each in self._leaving if each.is_over]:
            left.let_go()
            self._leaving.remove(left)
        others = [*self._leaving, self._next] if self._next is not None else self._leaving
        wanted_s = [self.keeper.look(), *(each.look() for each in others), self._outcomes.look()]
        if self.keeper.is_over or os.getppid() != self._parent:
            return None
        return min((each for each in wanted_s if each is not None), default=_LOOK_S)

    # -- from front ends ------------------------------------------------------------------------------

    def _on_request(self, frames: Frames) -> None:
        message = self._genuine(frames)
        if message is None:
            return
        self._terminals.note(message.header)
        if message.kind != "execute_request":
            self._pass("shell", message, frames)
        elif not self._order.holds(message, frames):
            self._execute(message, frames)

    def _genuine(self, frames: Frames) -> Message | None:
        """A message of somebody's with the key; None for others': anybody on the machine can send some, and no answer ends them."""
        message = split(frames)
        return message if message is not None and self._signer.is_genuine(message) else None

    def _execute(self, message: Message, frames: Frames) -> None:
        content = message.content
        code = str(content.get("code", ""))
        prompt = None if content.get("silent") else prompt_in(code, message.metadata)
        if prompt is not None:
            self._execute_prompt(message, prompt)
        elif self.keeper.start() and self._doubts.begin(message, frames, code, self.language):
            self._order.begin(message)
            self._open[message.id] = message
        else:
            self._execute_code(message, frames)

    def _execute_prompt(self, message: Message, prompt: Prompt) -> None:
        is_in_terminal = self._terminals.sent(message.header)
        cell = Cell(message, prompt, self._tell_later, self._end_later, is_in_terminal=is_in_terminal)
        self._order.begin(message, cell)
        content = message.content
        comment = as_comment(str(content.get("code", "")), self.language)
        self._pass("shell", message, self._signer.changed(message, {**content, "code": comment}))

    def _execute_code(self, message: Message, frames: Frames) -> None:
        self.seen.note_request(message)
        self._outcomes.begin(message)
        language = language_named(self.language)
        if language.hides_failures or language.goes_on:
            self._order.begin(message)
        self._pass("shell", message, frames)

    def _on_known(self, message: Message, frames: Frames, is_prompt: bool) -> None:
        """A cell that could be for the agent is, or is code."""
        if is_prompt:
            self._execute_prompt(message, as_prompt(str(message.content.get("code", ""))))
        else:
            self._execute_code(message, frames)

    def _on_not_run(self, message: Message) -> None:
        self._open.pop(message.id, None)
        self._unless_served(message)

    def _pass(self, channel: Channel, message: Message, frames: Frames) -> None:
        """Pass a request on; where there is no subkernel and none can be started, say why."""
        if not self.keeper.start():
            where = self._front.shell if channel == "shell" else self._front.control
            self._refuse(message, self.keeper.trouble, where)
            return
        if channel == "shell":
            if message.kind.endswith("_request"):  # a comm's messages have no answer
                self._open[message.id] = message
        else:
            self._controls[message.id] = message
            while len(self._controls) > _MAX_CONTROLS:
                del self._controls[next(iter(self._controls))]
        self.keeper.send(channel, frames)

    def _addressed(self, frames: Frames) -> Frames:
        """A message of the subkernel's with who is to have it, where it does not say so itself, as Deno's do not."""
        message = split(frames) if frames[:1] == [DELIMITER] else None
        if message is None:
            return frames
        asked = str(message.parent.get("msg_id"))
        request = self._open.get(asked) or self._controls.get(asked)
        return [*request.idents, *frames] if request is not None else frames

    def _on_control(self, frames: Frames) -> None:
        message = self._genuine(frames)
        if message is None:
            return
        if message.kind not in ("interrupt_request", "shutdown_request"):
            self._pass("control", message, frames)
        else:
            act = self._interrupt if message.kind == "interrupt_request" else self._shut_down
            act()
            self._answers.confirm(message)

    def _on_input(self, frames: Frames) -> None:
        message = self._genuine(frames)
        if message is not None and not self._answers.take_answer(message):
            self.keeper.send("stdin", frames)

    def _interrupt(self) -> None:
        """Interrupt what is under way: the agent, or else what the subkernel runs."""
        if self._order.is_served:
            self._agent.interrupt()
        elif not self._doubts.interrupt():
            self.keeper.interrupt()

    # -- from the subkernel ---------------------------------------------------------------------------

    def _on_output(self, frames: Frames) -> None:
        message = split(frames)
        if message is None or message.kind == "iopub_welcome":
            return
        parent = message.parent
        session = parent.get("session")
        is_agents = session in self.agent_sessions and not message.kind.startswith("comm_")
        if session == self._signer.session or is_agents:
            return
        if not self._order.is_about_prompt(parent):
            self.seen.note_output(parent, message)
            passed_on = self._outcomes.take_output(message, frames)
            if passed_on is None:
                return
            frames = passed_on
        elif message.kind == "status" and message.content.get("execution_state") == "idle":
            self._order.idle = frames
            return
        elif message.kind == "execute_input" and self._order.cell is not None:
            code = self._order.cell.request.content.get("code", "")
            frames = self._signer.changed(message, {**message.content, "code": code})
        self._front.iopub.send_multipart(frames)

    def _on_reply(self, frames: Frames) -> None:
        frames = self._addressed(frames)
        message = split(frames)
        if message is None:
            return
        parent = message.parent
        if parent.get("session") == self._signer.session:
            asked = str(parent.get("msg_id"))
            waiting = next(iter(self._open.values()), None)
            is_known = self._first_code.take_reply(asked, message.content, waiting)
            if not is_known and not self._doubts.take_reply(asked, message.content):
                self._outcomes.take_own_reply(asked)
            return
        self._open.pop(str(parent.get("msg_id")), None)
        is_prompts = self._order.is_about_prompt(parent)
        if is_prompts and self._order.cell is not None and message.content.get("status") == "ok":
            self._order.reply = message
            self._agent.serve(self._order.cell)
            return
        if message.kind == "execute_reply" and not is_prompts:
            self._outcomes.take_reply(message)
            return
        if message.kind == "kernel_info_reply":
            content = message.content
            content["banner"] = _BANNER + str(content.get("banner", ""))
            frames = self._signer.changed(message, content)
        self._front.shell.send_multipart(frames)
        if is_prompts:
            if self._order.idle is not None:
                self._front.iopub.send_multipart(self._order.idle)
            self._go_on(is_failed=True)

    def _on_code_end(self, request: Message, is_failed: bool) -> None:
        self._open.pop(request.id, None)  # also where the reply is ours, since there is none
        if self._order.is_about(request.header):
            self._go_on(is_failed=is_failed)

    def _on_start(self, keeper: Keeper) -> None:
        if keeper is self.keeper:
            self._first_code.send(lambda frames: keeper.send("shell", frames))

    def _on_lost(self, keeper: Keeper, why: str) -> None:
        if keeper is self.keeper:
            self._fail_open(self._first_code.after_death(why))

    def _fail_open(self, why: str) -> None:
        requests, self._open = list(self._open.values()), {}
        self._doubts.forget()  # before the next cell, which may be asked about, too
        self._outcomes.forget()
        for request in requests:
            self._refuse(request, why, self._front.shell)

    def _refuse(self, request: Message, why: str, where: zmq.Socket[bytes]) -> None:
        """There is no subkernel for a request; a prompt that chooses another one needs none."""
        cell = self._order.cell if self._order.is_about(request.header) else None
        if cell is not None and cell.prompt.magic in _NEEDS_NO_SUBKERNEL:
            self._order.reply, self._order.idle = self._answers.stand_in(request)
            self._agent.serve(cell)
            return
        self._answers.fail(request, why, where)
        self._unless_served(request)

    def _unless_served(self, request: Message) -> None:
        """On behind a prompt that did not come to the agent."""
        if self._order.is_about(request.header):
            self._go_on(is_failed=True)

    # -- prompts --------------------------------------------------------------------------------------

    def _tell_later(self, kind: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        self.post(lambda: self._answers.tell(kind, content, parent))

    def _end_later(self, cell: Cell, failure: Failure | None) -> None:
        self.post(lambda: self._end(cell, failure))

    def _end(self, cell: Cell, failure: Failure | None) -> None:
        """A prompt was served: its answer goes out, and the cells behind it have their turn."""
        reply, idle = self._order.reply, self._order.idle
        if self._order.cell is not cell or reply is None:
            return
        content = reply.content
        if cell.proposed:
            proposal = {"source": "set_next_input", "text": cell.proposed, "replace": False}
            content["payload"] = [*content.get("payload", ()), proposal]
        if failure is not None:
            self._answers.tell("error", failure.content, cell.request.header)
            content |= {"status": "error", **failure.content}
        self._front.shell.send_multipart(self._signer.changed(reply, content))
        if idle is not None:
            self._front.iopub.send_multipart(idle)
        self._go_on(is_failed=failure is not None and bool(cell.request.content.get("stop_on_error", True)))

    def _go_on(self, *, is_failed: bool) -> None:
        """On with the cells behind a prompt; they do not run if it has failed."""
        self._answers.forget_question()
        for message, frames in self._order.end():
            if is_failed:
                self._answers.abort(message)
            elif not self._order.holds(message, frames):
                self._execute(message, frames)
