"""Kernel processes and clients of them: started, waited for, told dead from busy.

A `KernelProcess` owns the process, its manager and the directory with its connection file from `start` to `aclose`; what
owners have left that were killed is removed at the next start. Clients belong to their callers.
Whether a kernel of ours lives is what its manager says, which watches the process: a heartbeat judges by one
second, which kernels that start slowly, or that compute in their only thread, do not answer in.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel, HBChannel
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

from neuroworkflow_agent.errors import KernelStartError, NoKernelSpecError
from neuroworkflow_agent.scratch import Scratch, sweep

START_TIMEOUT_S = 120.0
"""How long a kernel may take from its start to its first answer, unless said otherwise."""
_PROBE_TIMEOUT_S = 2.0


class KernelProcess:
    """A kernel that we started, and its manager.

    Parameters
    ----------
    name
        Its kernelspec.
    cwd
        Where it starts; None for this process's own directory.
    env
        Its environment; None for this process's own.
    timeout_s
        How long it may take, a second try included, until it answers.

    Raises
    ------
    NoKernelSpecError
        If no kernelspec has that name.
    """

    def __init__(
        self,
        name: str,
        *,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        check_kernelspec(name)
        self.name = name
        self.manager = Manager(kernel_name=name)
        """Of the current process; each start has one of its own."""
        self._scratch: Scratch | None = None
        self._timeout_s = timeout_s
        # What kernels print on their own is for the person at the terminal, not for whoever reads our answer.
        self._arguments: dict[str, Any] = {"stdout": _stderr()}
        if cwd is not None:
            self._arguments["cwd"] = str(cwd)
        if env is not None:
            self._arguments["env"] = env
        if self.manager.kernel_spec is not None and _is_ipykernel(self.manager.kernel_spec):
            # Its start-up warnings (loopback TCP is not encrypted) are no news to whoever runs a notebook, and
            # what it runs is not history of the user's.
            self._arguments["extra_arguments"] = [
                "--IPKernelApp.log_level=40",
                "--HistoryManager.hist_file=:memory:",
            ]

    @property
    def language(self) -> str:
        """As the kernelspec names it, lower case."""
        return language_of(self.manager)

    @property
    def is_chat_kernel(self) -> bool:
        """Whether cells of it that begin with `%chat` are for the agent as a whole."""
        return self.manager.kernel_spec is not None and _is_chat_kernel(self.manager.kernel_spec)

    async def start(self) -> AsyncKernelClient:
        """Start the process, ending the one before, and return a client once it answers.

        A process that ends before it answers is started once more.
        Another process may have taken a port between its choice and its use, so the second try has new ports.

        Raises
        ------
        KernelStartError
            If the program cannot be run, ended twice without an answer, or gave none within the time limit.
        """
        deadline = time.monotonic() + self._timeout_s
        try:
            await asyncio.to_thread(sweep)
            client = await self._try_start(deadline) or await self._try_start(deadline)
            if client is None:
                raise KernelStartError.ended(self.name)
        except BaseException:
            await asyncio.shield(self.aclose())
            raise
        return client

    async def aclose(self) -> None:
        """End the process. Idempotent."""
        try:
            await self.manager.shutdown_kernel(now=True)
        finally:
            scratch, self._scratch = self._scratch, None
            if scratch is not None:
                scratch.remove()
                if self.is_chat_kernel:  # it has a directory for its subkernel, and was killed
                    await asyncio.to_thread(sweep)

    async def _try_start(self, deadline: float) -> AsyncKernelClient | None:
        """A client of a new process in place of the old one; None if it ended before it answered."""
        await self.aclose()
        self._scratch = Scratch()
        file = self._scratch.path / "kernel.json"
        self.manager = Manager(kernel_name=self.name, connection_file=str(file))
        try:
            await self.manager.start_kernel(**self._arguments)
        except OSError as error:
            raise KernelStartError.not_runnable(self.name, error.strerror or str(error)) from error
        try:
            return await open_client(client_of(self.manager), deadline - time.monotonic())
        except TimeoutError as error:
            raise KernelStartError.silent(self.name, self._timeout_s) from error
        except RuntimeError:
            return None


class _Heartbeat(HBChannel):
    """A heartbeat that may be stopped before its thread has begun.

    jupyter_client's would then beat on without a pause, with a new socket each time, until there are no more:
    https://github.com/jupyter/jupyter_client/issues/988
    """

    def call_handlers(self, since_last_heartbeat: float) -> None:  # noqa: ARG002 - the base class's
        if self._exit.is_set():
            self._running = False


class _Channel(AsyncZMQSocketChannel):
    """A channel that may send while a task waits for a message on it.

    jupyter_client sends behind the back of pyzmq's event loop. Sending takes in what has arrived, and with it the
    sign that would wake the task, which then waits until the next message; that may be never:
    https://github.com/jupyter/nbclient/issues/312
    """

    def send(self, msg: dict[str, Any]) -> None:
        super().send(msg)
        self.socket.get(zmq.EVENTS)  # pyzmq wakes the task if there is something for it


class _Client(AsyncKernelClient):
    shell_channel_class = Type(_Channel)
    control_channel_class = Type(_Channel)
    hb_channel_class = Type(_Heartbeat)


class Manager(AsyncKernelManager):
    """A manager whose clients are like ours, also those that others ask it for."""

    def client(self, **_more: Any) -> AsyncKernelClient:  # type: ignore[override]
        """See `client_of`."""
        return client_of(self)


class ConnectedClient(_Client):
    """A client of a kernel whose process somebody else watches.

    It lives as long as it beats *or* its port takes connections: a kernel that computes in its only thread
    does not beat, while the system goes on taking connections for it until the process ends.
    """

    async def _async_is_alive(self) -> bool:
        return self.hb_channel.is_beating() or await _takes_connections(self)

    is_alive = _async_is_alive  # as the base class does


def client_of(manager: AsyncKernelManager) -> AsyncKernelClient:
    """A client that asks its manager whether the kernel lives, with a wire session of its own.

    Clients of one manager may share its session, and a session takes a message it has seen for a replay: of two
    clients that both listen to IOPub, one would miss what the other has read.
    """
    client = _Client(parent=manager)
    client.load_connection_info(manager.get_connection_info())
    return client


def client_of_file(connection_file: str | Path) -> AsyncKernelClient:
    """A client of the kernel with this connection file."""
    client = ConnectedClient(connection_file=str(connection_file))
    client.load_connection_file()
    return client


async def open_client(client: AsyncKernelClient, timeout_s: float) -> AsyncKernelClient:
    """Open a client's channels and wait for the kernel's first answer.

    Raises
    ------
    RuntimeError
        If the kernel died; the channels are closed then.
    TimeoutError
        If it gave no answer within `timeout_s`; likewise.
    """
    client.start_channels()
    try:
        async with asyncio.timeout(timeout_s):
            await client.wait_for_ready()
    except BaseException:
        client.stop_channels()
        raise
    return client


def check_kernelspec(name: str) -> None:
    """Raise unless a kernelspec has this name.

    Raises
    ------
    NoKernelSpecError
        With the names there are.
    """
    specs = KernelSpecManager()
    try:
        specs.get_kernel_spec(name)
    except NoSuchKernel:
        raise NoKernelSpecError(name, list(specs.find_kernel_specs())) from None


def _is_ipykernel(spec: Any) -> bool:
    """Whether it takes ipykernel's options, as does a chat kernel over one."""
    is_over_one = _is_chat_kernel(spec) and spec.argv[-1] == "python3"
    return is_over_one or any("ipykernel" in part for part in spec.argv)


def _is_chat_kernel(spec: Any) -> bool:
    return any(part.endswith("chat_kernel") for part in spec.argv)


def language_of(manager: AsyncKernelManager) -> str:
    """The language of a manager's kernelspec, lower case."""
    return str(manager.kernel_spec.language).lower() if manager.kernel_spec else "python"


async def _takes_connections(client: AsyncKernelClient) -> bool:
    """Whether something listens where the kernel's shell channel is."""
    if client.transport == "ipc":
        opening = asyncio.open_unix_connection(f"{client.ip}-{client.shell_port}")
    else:
        opening = asyncio.open_connection(client.ip, client.shell_port)
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            _reader, writer = await opening
    except OSError:
        return False
    writer.close()
    return True


def _stderr() -> int | None:
    """The descriptor of standard error; None where there is none to inherit."""
    try:
        return sys.__stderr__.fileno() if sys.__stderr__ is not None else None
    except (OSError, ValueError):
        return None
