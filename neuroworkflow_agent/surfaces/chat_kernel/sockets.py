"""The two ends of the relay: where front ends connect, and where it is connected to its subkernel.

Both belong to the relay's thread. Requests and answers pass as they are: the key is the same at both ends, and ZeroMQ notes on a
request who is to have its answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import zmq

from neuroworkflow_agent.surfaces.chat_kernel.wire import Frames

Channel: TypeAlias = Literal["iopub", "shell", "control", "stdin"]
_LINGER_MS = 1000
_RECONNECT_MS = 20
_AT_ONCE = 200
"""Most messages that are taken from a socket before the others are looked at."""


def _url(connection: Mapping[str, Any], name: str) -> str:
    separator = "-" if connection["transport"] == "ipc" else ":"
    return f"{connection['transport']}://{connection['ip']}{separator}{connection[f'{name}_port']}"


class Front:
    """The sockets that a connection file names, as kernels have them."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], connection: Mapping[str, Any]) -> None:
        def bound(kind: int, name: str) -> zmq.Socket[bytes]:
            made = context.socket(kind)
            made.linger = _LINGER_MS
            if kind == zmq.ROUTER:
                made.router_handover = 1
            made.set_hwm(0)
            if connection.get("curve_secretkey"):  # where whoever starts us has everything encrypted
                made.curve_secretkey = connection["curve_secretkey"].encode()
                made.curve_publickey = connection["curve_publickey"].encode()
                made.curve_server = True
            made.bind(_url(connection, name))
            return made

        self.shell = bound(zmq.ROUTER, "shell")
        self.control = bound(zmq.ROUTER, "control")
        self.stdin = bound(zmq.ROUTER, "stdin")
        self.iopub = bound(zmq.XPUB, "iopub")
        self.heartbeat = bound(zmq.REP, "hb")

    def close(self) -> None:
        """Let go of them; what was sent still goes out."""
        for each in (self.shell, self.control, self.stdin, self.iopub, self.heartbeat):
            each.close()


class Back:
    """The sockets to one subkernel.

    Parameters
    ----------
    context
        ZeroMQ's.
    connection
        The subkernel's.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], connection: Mapping[str, Any]) -> None:
        identity = uuid.uuid4().hex.encode()  # one for all: a question goes to the sender of the request

        def connected(kind: int, name: str) -> zmq.Socket[bytes]:
            made = context.socket(kind)
            made.linger = 0
            made.set_hwm(0)
            made.reconnect_ivl = _RECONNECT_MS
            if kind == zmq.DEALER:
                made.identity = identity
            else:
                made.subscribe(b"")
            made.connect(_url(connection, name))
            return made

        self.sockets: dict[Channel, zmq.Socket[bytes]] = {
            "iopub": connected(zmq.SUB, "iopub"),
            "shell": connected(zmq.DEALER, "shell"),
            "control": connected(zmq.DEALER, "control"),
            "stdin": connected(zmq.DEALER, "stdin"),
        }
        """By channel, that of outputs first: what a cell shows comes before its answer."""


def arrived(source: zmq.Socket[bytes]) -> Iterator[Frames]:
    """Messages that are there, some at a time."""
    for _ in range(_AT_ONCE):
        try:
            yield source.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return
