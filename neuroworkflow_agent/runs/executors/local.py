"""Jobs as processes of this machine.

A `LocalExecutor` owns the processes and a thread for each of them that waits for its end; `close` ends both. A job's standard
input is a pipe that nobody writes to: it ends when this process does, however it dies, and the job with it.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import IO

import psutil

from neuroworkflow_agent.runs.executors.base import Ended

_SESSION_BYTES = 300_000_000
_KERNEL_BYTES = 200_000_000
_GRACE_S = 15.0
_TAIL_BYTES = 4_000


def fitting() -> int:
    """How many jobs this machine takes at once: one a core, as far as there is memory."""
    room = psutil.virtual_memory().available // (_SESSION_BYTES + _KERNEL_BYTES)
    return max(1, min(os.cpu_count() or 1, room))


class LocalExecutor:
    """Runs jobs here.

    Parameters
    ----------
    command
        Gives the command of a job.
    capacity
        How many run at once.
    """

    def __init__(self, command: Callable[[int], Sequence[str]], capacity: int) -> None:
        self.capacity: int | None = capacity
        self._command = command
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()

    def submit(self, indexes: Sequence[int]) -> None:
        """See `Executor.submit`."""
        for index in indexes:
            said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the thread
            process = subprocess.Popen(
                self._command(index), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True,
            )  # fmt: skip
            self._processes[index] = process
            threading.Thread(target=self._wait_for, args=(index, process, said), daemon=True).start()

    def wait(self) -> list[Ended]:
        """See `Executor.wait`."""
        found = [self._ended.get()] if self._processes else []
        while not self._ended.empty():
            found.append(self._ended.get())
        for each in found:
            self._processes.pop(each.index, None)
        return found

    def withdraw(self) -> None:
        """See `Executor.withdraw`."""
        # None waits: all that were submitted run.

    def close(self) -> None:
        """See `Executor.close`."""
        processes, self._processes = self._processes, {}
        for process in processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in processes.values():
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_for(self, index: int, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        """Wait for one process, on a thread of its own."""
        code = process.wait()
        assert process.stdin is not None
        process.stdin.close()
        with said:
            self._ended.put(Ended(index, code, _tail(said)))


def _tail(said: IO[bytes]) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - _TAIL_BYTES))
    lines = said.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
