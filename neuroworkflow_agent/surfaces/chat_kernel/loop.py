"""The loop of the kernel's main thread: messages by socket, and work that other threads post.

A `Loop` owns a pipe that wakes it and, while it runs, the process's signal handlers.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import traceback
from collections.abc import Callable

import zmq

from neuroworkflow_agent.surfaces.chat_kernel.sockets import arrived
from neuroworkflow_agent.surfaces.chat_kernel.wire import Frames


class Loop:
    """Hands messages to who takes them, one after the other."""

    def __init__(self) -> None:
        self._handlers: dict[zmq.Socket[bytes], Callable[[Frames], object]] = {}
        self._poller = zmq.Poller()
        self._posted: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._wake_r, self._wake_w = os.pipe()
        for end in (self._wake_r, self._wake_w):
            os.set_blocking(end, False)
        self._poller.register(self._wake_r, zmq.POLLIN)

    def watch(self, socket: zmq.Socket[bytes], handle: Callable[[Frames], object]) -> None:
        """Hand on each message that comes at a socket."""
        self._handlers[socket] = handle
        self._poller.register(socket, zmq.POLLIN)

    def forget(self, socket: zmq.Socket[bytes]) -> None:
        """Look at a socket no longer, after its last messages were handed on."""
        handle = self._handlers.pop(socket)
        self._poller.unregister(socket)
        for frames in arrived(socket):
            _take(handle, frames)

    def post(self, work: Callable[[], object]) -> None:
        """Have this done on the loop's thread. From any thread, and from a signal handler."""
        self._posted.put(work)
        with contextlib.suppress(OSError):  # full: it wakes anyway
            os.write(self._wake_w, b"\0")

    def take_signals(self, *, on_interrupt: Callable[[], object], on_end: Callable[[], object]) -> None:
        """Have signals be posted; the end of a child wakes the loop."""
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, lambda *_: self.post(on_interrupt))
        signal.signal(signal.SIGTERM, lambda *_: self.post(on_end))
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self, look: Callable[[], float | None]) -> None:
        """Run until `look` says None; else it gives the seconds after which it wants to look again."""
        while (patience_s := look()) is not None:
            for each, _ in self._poller.poll(int(patience_s * 1000)):
                if each == self._wake_r:
                    self._do_posted()
                elif (handle := self._handlers.get(each)) is not None:
                    for frames in arrived(each):
                        _take(handle, frames)

    def close(self) -> None:
        """Let go of signals and the pipe."""
        signal.set_wakeup_fd(-1)
        for end in (self._wake_r, self._wake_w):
            os.close(end)

    def _do_posted(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self._wake_r, 65536)
        with contextlib.suppress(queue.Empty):
            while True:
                _do(self._posted.get_nowait())


def _take(handle: Callable[[Frames], object], frames: Frames) -> None:
    _do(lambda: handle(frames))


def _do(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 - anybody may send anything, and one message must not end the kernel with all its variables
        traceback.print_exc()
