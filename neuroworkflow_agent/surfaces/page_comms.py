"""Comms by which pages with our extension hand their notebooks to the kernel.

`PageComms` belongs to its kernel, which keeps it among its comm targets. Every page of a notebook opens a comm of the same
id, so what is sent on one is heard by all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

TARGET = "neuroworkflow_agent.notebook_page"
Receive = Callable[[Any], None]


class PageComms:
    """The comms of one kernel's pages."""

    def __init__(self) -> None:
        self._comms: dict[str, Any] = {}
        """Those that are open, by id."""
        self._kept: list[Any] = []
        """All of them: one that nobody holds any more would close its id for every page."""
        self._receivers: list[Receive] = []

    @classmethod
    def of(cls, shell: Any) -> Self | None:
        """Those of a shell's kernel, made if there are none; None where no comm can be."""
        manager = getattr(getattr(shell, "kernel", None), "comm_manager", None)
        if manager is None:
            return None
        opener = manager.targets.setdefault(TARGET, cls().open)
        found = opener.__self__
        assert isinstance(found, cls)
        return found

    @property
    def are_open(self) -> bool:
        """Whether a page has opened one."""
        return bool(self._comms)

    def open(self, comm: Any, _msg: dict[str, Any]) -> None:
        """Take in a page's comm; on the main thread or a subshell's."""
        keep_the_thread_asked_for(comm)
        comm.on_msg(self._receive)
        self._comms[comm.comm_id] = comm
        self._kept.append(comm)
        comm.send({"type": "heard"})

    def send(self, message: Any) -> None:
        """Send a message to every page; on any thread."""
        for comm in list(self._comms.values()):
            comm.send(message)

    def listen(self, receive: Receive) -> Callable[[], None]:
        """Have what pages send handed on, on the main thread or a subshell's; returns how to end that."""
        self._receivers.append(receive)
        return lambda: self._receivers.remove(receive)

    def _receive(self, msg: dict[str, Any]) -> None:
        for receive in list(self._receivers):
            receive(msg["content"]["data"])


def keep_the_thread_asked_for(comm: Any) -> None:
    """Let a page's messages go to the subshell it sends them to, even while a cell runs.

    From 7.4 on ipykernel routes what comes in on a comm to the thread that last sent on it, by default the
    main one, which may be busy for hours; Stop must not wait for that. We answer from a thread of our own.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, asked_for: asked_for
