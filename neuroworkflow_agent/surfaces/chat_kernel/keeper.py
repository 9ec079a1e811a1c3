"""Sees that there is a subkernel: started, waited for, started again after it has died, given up.

A `Keeper` lives on the relay's thread, and owns the current `Subkernel` and the sockets to it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import zmq

from neuroworkflow_agent.errors import AgentError, KernelDiedError, KernelStartError
from neuroworkflow_agent.surfaces.chat_kernel.loop import Loop
from neuroworkflow_agent.surfaces.chat_kernel.sockets import Back, Channel
from neuroworkflow_agent.surfaces.chat_kernel.subkernel import Subkernel, started
from neuroworkflow_agent.surfaces.chat_kernel.wire import Frames, Signer, split

_STARTS = 2
"""How often a subkernel is started that ends before it answers: another process may have taken a port."""
_START_S = 120.0
_OTHERS = "'%subkernel' lists the kernels that there are."
_ASK_AGAIN_S = 0.05
_SHUTDOWN_S = 3.0
"""How long the subkernel may take to end; whoever has asked kills us two seconds later."""


class Keeper:
    """Keeps a subkernel.

    Parameters
    ----------
    loop
        Whose thread it lives on.
    signer
        Makes messages.
    connection
        Where front ends connect.
    options
        More arguments of the subkernel's.
    handlers
        Take what it sends, by channel.
    on_start
        Told of each start, before anything is sent.
    on_lost
        Told why nothing that was sent to it will be answered.
    name
        Kernelspec of the subkernel.
    """

    def __init__(
        self,
        loop: Loop,
        signer: Signer,
        connection: Mapping[str, Any],
        options: Sequence[str],
        handlers: Mapping[Channel, Callable[[Frames], object]],
        on_start: Callable[[Keeper], None],
        on_lost: Callable[[Keeper, str], None],
        name: str,
    ) -> None:
        self.name = name
        self.current: Subkernel | None = None
        self.language = "python"
        """Of the one that is or was there, lower case."""
        self.trouble = ""
        """Why there is none."""
        self._loop, self._signer, self._connection, self._options = loop, signer, connection, options
        self._handlers, self._on_start, self._on_lost = handlers, on_start, on_lost
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self._back: Back | None = None
        self._is_ready = self._has_answered = self._was_heard = False
        self._asked_at = self._started_at = 0.0
        self._starts = 0
        self._early: deque[tuple[Channel, Frames]] = deque()
        """What came before it was ready."""
        self._waiting: list[Future[None]] = []
        self._ends_at: float | None = None

    def take(self, subkernel: Subkernel) -> None:
        """Go on with a process that was started."""
        self.current, self.trouble = subkernel, ""
        self.language = subkernel.spec.language
        self._starts += 1
        self._back = back = Back(self._context, subkernel.connection)
        self._is_ready = self._has_answered = self._was_heard = False
        self._started_at = time.monotonic()
        for channel, socket in back.sockets.items():
            self._loop.watch(socket, self._noting(channel, self._handlers[channel]))
        self._ask()
        if self._starts == 1:  # what comes early stays for the second attempt
            self._on_start(self)

    def start(self) -> bool:
        """Start one where there is none; whether there is one now."""
        if self.current is None:
            try:
                self.take(started(self.name, self._connection, self._options))
            except AgentError as error:
                self.trouble = f"{error} {_OTHERS}"
        return self.current is not None

    def send(self, channel: Channel, frames: Frames) -> None:
        """Send something as soon as it can be taken."""
        if self._is_ready and self._back is not None:
            self._back.sockets[channel].send_multipart(frames)
        else:
            self._early.append((channel, frames))

    def ensure_started(self) -> Future[None]:
        """Done when there is a subkernel that answers. From any thread."""
        future: Future[None] = Future()

        def ensure() -> None:
            if not self.start():
                _settle(future, KernelDiedError(self.trouble))
            elif self._is_ready:
                _settle(future)
            else:
                self._waiting.append(future)

        self._loop.post(ensure)
        return future

    def look(self) -> float | None:
        """See to what no message tells of; seconds until it should be called again, None for no hurry."""
        if self.current is not None and not self.current.is_alive:
            self._on_death()
        elif self.current is not None and not self._is_ready:
            self._shake_hands()
        return None if self._is_ready and self._ends_at is None else _ASK_AGAIN_S

    @property
    def is_over(self) -> bool:
        """Whether it was to end, and has, or should have."""
        return self._ends_at is not None and (self.current is None or time.monotonic() > self._ends_at)

    def interrupt(self) -> None:
        """Interrupt what it runs."""
        if self.current is None or self._back is None:
            return
        if self.current.takes_messages:
            self._back.sockets["control"].send_multipart(self._signer.make("interrupt_request", {}))
        else:
            self.current.interrupt()
        # A kernel that awaits sleeps in its selector, and may notice the signal only when woken.
        self._back.sockets["shell"].send_multipart(self._signer.make("kernel_info_request", {}))

    def shut_down(self) -> None:
        """Ask it to end; it has some seconds."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + _SHUTDOWN_S
            if self._back is not None:
                said = self._signer.make("shutdown_request", {"restart": False})
                self._back.sockets["control"].send_multipart(said)

    def let_go(self) -> None:
        """End it, with what it has started; its last messages are handed on."""
        if self.current is not None:
            self.current.end()
        if self._back is not None:
            for socket in self._back.sockets.values():
                self._loop.forget(socket)
                socket.close()
        self.current, self._back, self._is_ready = None, None, False

    # -- small parts ----------------------------------------------------------------------------------

    def _noting(self, channel: Channel, handle: Callable[[Frames], object]) -> Callable[[Frames], object]:
        """A handler that also notes the signs that it is ready."""

        def note(frames: Frames) -> None:
            if not self._is_ready and channel == "iopub":
                self._was_heard = True
            elif not self._is_ready and channel == "shell" and (message := split(frames)) is not None:
                self._has_answered |= message.parent.get("session") == self._signer.session
            handle(frames)

        return note

    def _ask(self) -> None:
        assert self._back is not None
        self._asked_at = time.monotonic()
        self._back.sockets["shell"].send_multipart(self._signer.make("kernel_info_request", {}))

    def _shake_hands(self) -> None:
        """It is ready when it has answered and its outputs are heard."""
        if self._has_answered and self._was_heard:
            self._is_ready, self._starts = True, 0
            while self._early:
                self.send(*self._early.popleft())
            while self._waiting:
                _settle(self._waiting.pop())
        elif self._has_answered and time.monotonic() - self._asked_at > _ASK_AGAIN_S:
            self._has_answered = False
            self._ask()
        elif time.monotonic() - self._started_at > _START_S:
            self._give_up(
                f"The kernel {self.name!r} did not answer within {_START_S:g} s of its start. {_OTHERS}"
            )

    def _on_death(self) -> None:
        """The next request starts it again."""
        was_ready, starts = self._is_ready, self._starts
        self.let_go()
        if was_ready:
            self._lose(
                f"The subkernel {self.name!r} died, and its variables are lost. The next cell starts it again."
            )
        elif starts >= _STARTS or not self.start():
            self._give_up(self.trouble or f"{KernelStartError.ended(self.name)} {_OTHERS}")

    def _give_up(self, why: str) -> None:
        self.let_go()
        self._starts, self.trouble = 0, why
        while self._waiting:
            _settle(self._waiting.pop(), KernelStartError(why, name=self.name))
        self._lose(why)

    def _lose(self, why: str) -> None:
        self._early.clear()
        self._on_lost(self, why)


def _settle(future: Future[None], error: AgentError | None = None) -> None:
    """Tell who waits how it went, unless they gave up waiting, as a turn does that is stopped."""
    if not future.set_running_or_notify_cancel():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
