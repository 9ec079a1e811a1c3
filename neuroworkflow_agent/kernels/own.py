"""The kernel we live in while no cell asks us: its main thread, reached by a message to ourselves.

`OwnKernel` owns a client of the kernel's own shell channel, opened at the first execution and closed by
`aclose`. Each piece of code sends one request there; the kernel takes it in order with the cells of the
user, so the code begins when what runs now has ended, and no other cell begins before it is done. From then
on it is run as in a `%chat` cell: by a `LiveKernel`, with its guards, its capture and its way to stop.

Plain `execute_request`s would give the agent's code less: there `exit()` ends the kernel, and nothing stops
code that is busy after it has awaited.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar

from neuroworkflow_agent.errors import KernelError
from neuroworkflow_agent.kernels.base import Execution, NamespaceWatch
from neuroworkflow_agent.kernels.live import LiveKernel
from neuroworkflow_agent.kernels.main_thread import MainThreadQueue
from neuroworkflow_agent.kernels.numbered import CellNumbers
from neuroworkflow_agent.kernels.variables.namespace import Namespace
from neuroworkflow_agent.outputs import OutputListener

_REQUEST = "neuroworkflow_agent_request"
T = TypeVar("T")


class OwnKernel:
    """The `InteractiveShell` of this process as a `Kernel` that serves itself.

    Parameters
    ----------
    shell
        The shell of an ipykernel.
    on_interrupt
        Called on the main thread when the user interrupts the kernel while code of the agent's runs there.
    hide
        Applied to the texts the code puts out; takes known secrets out.
    around
        Entered on the main thread around each piece of code.
    is_in_cell
        Whether a cell of the user's, in a subshell, waits for the code.
    watch
        As for `LiveKernel`.

    Raises
    ------
    KernelError
        If the shell has no Jupyter kernel around it.
    """

    def __init__(
        self,
        shell: Any,
        *,
        on_interrupt: Callable[[], None],
        hide: Callable[[str], str] | None = None,
        around: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
        is_in_cell: bool = False,
        watch: NamespaceWatch | None = None,
    ) -> None:
        self._watch = watch
        kernel = kernel_around(shell)
        self._numbers = CellNumbers(shell, is_inside=is_in_cell)
        self._around = around
        self.on_clear: Callable[[bool], bool] | None = None
        """As `LiveKernel.on_clear`."""
        self.namespace = Namespace(shell)
        """What the user's variables are."""
        self._shell = shell
        self._on_interrupt = on_interrupt
        self._hide = hide
        self._door = _RequestHandler.of(kernel)
        self._client: Any = None
        self._lock = asyncio.Lock()
        self._queue: MainThreadQueue | None = None

    @property
    def language(self) -> str:
        """Always Python."""
        return "python"

    async def execute(
        self,
        source: str,
        *,
        on_start: Callable[[], None] | None = None,
        on_output: OutputListener | None = None,
        timeout_s: float | None = None,
        as_cell: bool = False,
        on_number: Callable[[int], None] | None = None,
    ) -> Execution:
        """See `Kernel.execute`; the time limit counts from the start of the code."""
        async with self._lock, self._main_thread() as queue:
            kernel = LiveKernel(self._shell, queue, self._hide, self._numbers, self._watch)
            kernel.on_clear = self.on_clear
            return await kernel.execute(
                source,
                on_start=on_start,
                on_output=on_output,
                timeout_s=timeout_s,
                as_cell=as_cell,
                on_number=on_number,
            )

    async def call(self, function: Callable[[], T], *, wait_s: float) -> T:
        """Call a short function on the main thread.

        Raises
        ------
        TimeoutError
            If the kernel was not free within `wait_s`; the function was not called.
        """
        called: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def job() -> None:
            # On the main thread; whatever the function raises belongs to the caller.
            try:
                result = function()
            except Exception as error:  # noqa: BLE001
                _resolve(called, error=error)
            else:
                _resolve(called, result)

        async with self._lock, self._main_thread(wait_s) as queue:
            queue.post(job, lambda: _resolve(called, error=KernelError("The call was dropped.")))
            return await called

    async def interrupt(self) -> None:
        """Stop what runs; a second Stop, if it was stopped before."""
        if self._queue is not None:
            self._queue.interrupt(again=True)

    async def aclose(self) -> None:
        """Close the client. Idempotent."""
        client, self._client = self._client, None
        if client is not None:
            client.stop_channels()

    @asynccontextmanager
    async def _main_thread(self, wait_s: float | None = None) -> AsyncIterator[MainThreadQueue]:
        """The main thread, waiting for jobs, once it has come to our request."""
        loop = asyncio.get_running_loop()
        queue, here = MainThreadQueue(), asyncio.Event()
        queue.open()

        async def serve() -> None:
            with contextlib.suppress(RuntimeError):  # the engine's loop has closed
                loop.call_soon_threadsafe(here.set)
                with self._around():
                    await queue.serve(on_interrupt=self._on_interrupt)

        try:
            with self._door.expecting(serve) as token:
                self._send(token)
                async with asyncio.timeout(wait_s):
                    await here.wait()
            self._queue = queue
            yield queue
        finally:
            self._queue = None
            queue.finish()

    def _send(self, token: str) -> None:
        if self._client is None:
            self._client = _own_client()
        session = self._client.session
        self._client.shell_channel.send(session.msg(_REQUEST, {"token": token}))


def kernel_around(shell: Any) -> Any:
    """The Jupyter kernel that `shell` belongs to.

    Raises
    ------
    KernelError
        If there is none.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not hasattr(kernel, "shell_handlers"):
        raise KernelError("This Python has no Jupyter kernel around it; use '%chat' in a terminal.")
    return kernel


class _RequestHandler:
    """What the kernel does with our requests; one a kernel, kept among its message handlers."""

    def __init__(self) -> None:
        self._expected: dict[str, Callable[[], Any]] = {}

    @classmethod
    def of(cls, kernel: Any) -> _RequestHandler:
        """The handler of a kernel, put in if there is none."""
        registered = kernel.shell_handlers.setdefault(_REQUEST, cls().open)
        handler = registered.__self__
        assert isinstance(handler, cls)
        return handler

    @contextlib.contextmanager
    def expecting(self, serve: Callable[[], Any]) -> Any:
        """Let `serve` be called, on the main thread, by the request with the token this gives.

        Leaving the block before that forgets it: the request then finds nothing to do.
        """
        token = uuid.uuid4().hex
        self._expected[token] = serve
        try:
            yield token
        finally:
            self._expected.pop(token, None)

    async def open(self, _stream: Any, _ident: Any, msg: dict[str, Any]) -> None:
        """Handle a request, in the kernel's own order; one that nobody expects any more does nothing."""
        serve = self._expected.pop(str(msg["content"].get("token")), None)
        if serve is not None:
            await serve()


def _own_client() -> Any:
    """A client with nothing but the shell channel."""
    from ipykernel.connect import get_connection_file
    from jupyter_client.asynchronous.client import AsyncKernelClient

    client = AsyncKernelClient(connection_file=get_connection_file())
    client.load_connection_file()
    client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)  # noqa: S604 - no OS shell
    return client


def _resolve(future: asyncio.Future[T], result: Any = None, error: Exception | None = None) -> None:
    """Settle a future of another thread's loop."""

    def settle() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    with contextlib.suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(settle)
