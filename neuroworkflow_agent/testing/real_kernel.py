"""A real ipykernel, driven over ZMQ as a front end drives it.

`RealKernel` owns the kernel process and its client from its making to `close`; `SomeonesKernel` only a client
of a kernel that somebody else started.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from neuroworkflow_agent.outputs import OutputList, change_from_msg


@dataclass
class Ran:
    """What a cell left behind."""

    status: str
    outputs: list[dict[str, Any]]
    """As the front end would show them at the end."""
    msgs: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)
    stopped_after_s: float = 0.0
    """Seconds from the interrupt to the end of the cell."""

    @property
    def text(self) -> str:
        """Everything readable without HTML."""
        parts = []
        for output in self.outputs:
            data = output.get("data", {})
            parts.append(
                output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))
            )
        return "\n".join(parts)

    @property
    def end(self) -> str | None:
        """How the turn ended, from the metadata of its closing line."""
        ends = [
            output.get("metadata", {}).get("neuroworkflow_agent", {}).get("end") for output in self.outputs
        ]
        return next((end for end in reversed(ends) if end), None)


class Driver:
    """Runs cells in a kernel."""

    def __init__(self, client: BlockingKernelClient, interrupt: Callable[[], None]) -> None:
        self.client = client
        self._interrupt = interrupt
        self._replies: dict[str, dict[str, Any]] = {}
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=60)
        except BaseException:
            self.client.stop_channels()
            raise

    def run(
        self,
        code: str,
        *,
        timeout_s: float = 60,
        interrupt_when: Callable[[dict[str, Any]], bool] | None = None,
        answers: list[str] | None = None,
        is_silent: bool = False,
        subshell_id: str | None = None,
    ) -> Ran:
        """Run a cell to its end, as a notebook would.

        Parameters
        ----------
        code
            Source of the cell.
        timeout_s
            When to give up.
        interrupt_when
            Interrupt the kernel 0.2 s after the first message for which this holds.
        answers
            Replies to the cell's input prompts, in order; None allows no input.
        is_silent
            Leave no trace in the shell's history and count.
        subshell_id
            The subshell that runs it, from `open_subshell`; None for the main thread.
        """
        outputs, msgs = OutputList(), []
        msg_id = self.send(
            code, is_silent=is_silent, allow_stdin=answers is not None, subshell_id=subshell_id
        )
        deadline = time.monotonic() + timeout_s
        interrupted_at = 0.0
        while True:
            if time.monotonic() > deadline:
                raise TimeoutError(f"The cell did not end; so far: {outputs.outputs!r}")
            if answers is not None:
                self._answer(answers)
            try:
                msg = self.client.get_iopub_msg(timeout=0.05)
            except queue.Empty:
                continue
            if msg["parent_header"].get("msg_id") != msg_id:
                continue
            msgs.append(msg)
            if (change := change_from_msg(msg)) is not None:
                outputs.apply(change)
            if interrupt_when is not None and interrupt_when(msg):
                interrupt_when = None
                time.sleep(0.2)
                interrupted_at = time.monotonic()
                self._interrupt()
            if msg["msg_type"] == "status" and msg["content"]["execution_state"] == "idle":
                break
        reply = self.reply_to(msg_id)
        stopped = time.monotonic() - interrupted_at if interrupted_at else 0.0
        return Ran(reply["status"], list(outputs.outputs), msgs, reply, stopped)

    def send(
        self, code: str, *, is_silent: bool = False, allow_stdin: bool = False, subshell_id: str | None = None
    ) -> str:
        """Send a cell and wait for nothing; its message id, for `reply_to`."""
        content = {
            "code": code,
            "silent": is_silent,
            "store_history": not is_silent,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        }
        msg = self.client.session.msg("execute_request", content)
        if subshell_id is not None:
            msg["header"]["subshell_id"] = subshell_id
        self.client.shell_channel.send(msg)
        msg_id: str = msg["header"]["msg_id"]
        return msg_id

    def open_subshell(self) -> str:
        """Begin a subshell, as JupyterLab does for a console beside a notebook; its id."""
        self.client.control_channel.send(self.client.session.msg("create_subshell_request"))
        while (reply := self.client.get_control_msg(timeout=10))["msg_type"] != "create_subshell_reply":
            pass
        subshell_id: str = reply["content"]["subshell_id"]
        return subshell_id

    def reply_to(self, msg_id: str, timeout_s: float = 30) -> dict[str, Any]:
        """The reply to one request; replies to others that come meanwhile are kept for who asks for them.

        Raises
        ------
        TimeoutError
            If it did not come.
        """
        deadline = time.monotonic() + timeout_s
        while (kept := self._replies.pop(msg_id, None)) is None:
            try:
                msg = self.client.get_shell_msg(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"No reply to {msg_id} after {timeout_s:g} s.") from None
            self._replies[str(msg["parent_header"].get("msg_id"))] = msg["content"]
        return kept

    def _answer(self, answers: list[str]) -> None:
        try:
            self.client.get_stdin_msg(timeout=0)
        except queue.Empty:
            return
        self.client.input(answers.pop(0))


class _PatientClient(BlockingKernelClient):
    """Whether somebody else's kernel lives they know; a heartbeat takes a slow start for a death."""

    async def _async_is_alive(self) -> bool:
        return True


class SomeonesKernel(Driver):
    """A kernel that runs already, by its connection file."""

    def __init__(self, connection_file: Path) -> None:
        client = _PatientClient(connection_file=str(connection_file))
        client.load_connection_file()
        super().__init__(client, self._cannot_interrupt)

    def _cannot_interrupt(self) -> None:
        raise NotImplementedError("Whoever started the kernel interrupts it.")

    def close(self) -> None:
        """Leave the kernel alone."""
        self.client.stop_channels()


class RealKernel(Driver):
    """A kernel process and its client.

    Parameters
    ----------
    cwd
        Where it starts.
    environ
        Its environment; None for this process's own.
    name
        Its kernelspec.
    """

    def __init__(self, cwd: Path, environ: Mapping[str, str] | None = None, name: str = "python3") -> None:
        self.manager = KernelManager(kernel_name=name)
        given = os.environ if environ is None else environ
        # ipykernel does not watch file descriptors where this is set; people's kernels do.
        env = {name: value for name, value in given.items() if name != "PYTEST_CURRENT_TEST"}
        self.manager.start_kernel(cwd=str(cwd), env=env, extra_arguments=["--IPKernelApp.log_level=40"])
        self._is_closed = False
        try:
            super().__init__(self.manager.client(), self.manager.interrupt_kernel)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the kernel's process."""
        return int(getattr(self.manager.provisioner, "pid"))  # noqa: B009 - local provisioners have one

    def close(self) -> None:
        """End the kernel as a server does. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self.manager.cleanup_resources()
