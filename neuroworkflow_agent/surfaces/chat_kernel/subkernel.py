"""The process in which all code of a chat kernel runs, and where it listens.

A `Subkernel` owns one process, its process group and the directory with its connection file, from `start` to `end`. If the chat kernel
is killed, the system ends the process with it; the directory goes with the next start of a kernel. Nothing large is imported here: the process is
started before anything else is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import KernelStartError
from neuroworkflow_agent.private_files import write_private
from neuroworkflow_agent.scratch import Scratch
from neuroworkflow_agent.surfaces.chat_kernel.specs import Spec, find_spec

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_PR_SET_PDEATHSIG = 1


class Subkernel:
    """One kernel process.

    Parameters
    ----------
    spec
        Its kernelspec.
    front
        Where front ends connect to the chat kernel: the key is theirs, so that messages pass as they are, and the ports are others.
    options
        More arguments, which whoever starts the chat kernel has given.
    """

    def __init__(self, spec: Spec, *, front: Mapping[str, Any], options: Sequence[str] = ()) -> None:
        self.spec = spec
        # Whoever has us started quietly gives ipykernel's options; others would not start with them.
        self._options = options if any("ipykernel" in part for part in spec.argv) else ()
        taken = {int(front[port]) for port in _PORTS}
        self.connection: dict[str, Any] = {
            **dict(zip(_PORTS, _free_ports(len(_PORTS), taken), strict=True)),
            "ip": "127.0.0.1",
            "transport": "tcp",
            "key": front["key"],
            "signature_scheme": front.get("signature_scheme") or "hmac-sha256",
            "kernel_name": spec.name,
        }
        self._scratch: Scratch | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process.

        Raises
        ------
        KernelStartError
            If its program cannot be run, or there is no place for its connection file.
        """
        environ = {**self.spec.environ(os.environ), "JPY_PARENT_PID": str(os.getpid())}
        try:
            self._scratch = Scratch()
            write_private(self.file, json.dumps(self.connection).encode())
            self._process = subprocess.Popen(
                [*self.spec.command(str(self.file)), *self._options],
                env=environ,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_ends_with(os.getpid()),  # noqa: PLW1509 - no thread of ours runs yet, or none that matters here
            )
        except (OSError, ValueError) as error:  # also what no command or environment can hold
            self.end()
            why = (isinstance(error, OSError) and error.strerror) or str(error)
            raise KernelStartError.not_runnable(self.spec.name, why) from error

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def file(self) -> Path:
        """Its connection file."""
        assert self._scratch is not None
        return self._scratch.path / "kernel.json"

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def takes_messages(self) -> bool:
        """Whether it is interrupted by a message rather than a signal."""
        return self.spec.interrupt_mode == "message"

    def interrupt(self) -> None:
        """Interrupt by a signal what it runs."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGINT)

    def end(self) -> None:
        """End the process and what it has started, at once. Idempotent."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        if self._scratch is not None:
            self._scratch.remove()


def started(name: str, connection: Mapping[str, Any], options: Sequence[str]) -> Subkernel:
    """A subkernel that runs.

    Raises
    ------
    AgentError
        If there is no such kernelspec, or its program cannot be run.
    """
    made = Subkernel(find_spec(name), front=connection, options=options)
    made.start()
    return made


def _free_ports(count: int, taken: set[int]) -> list[int]:
    """Ports that nobody listens at, all held until the last is found, so that each is another."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            each = held.enter_context(socket.socket())
            each.bind(("127.0.0.1", 0))
            port = each.getsockname()[1]
            if port not in taken:
                found.append(port)
    return found


def _ends_with(parent: int) -> Callable[[], None] | None:
    """What a child does to end when its parent does, however that ends; None where the system has no such thing."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended in between
            os._exit(1)

    return ask
