"""Jobs on a Dask cluster, whoever started it: dask-jobqueue, dask-kubernetes, Coiled, `dask scheduler`.

A `DaskExecutor` owns its client of the scheduler. A worker needs this package and the directory of the plan, the scheduler
neither: what is sent brings its code along, and says what its process said where the package is missing. Each job is a
process of its own there, which ends with its worker. A worker that dies has its jobs started on another one by the
scheduler; what came of a job is found as files.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neuroworkflow_agent.errors import ConfigError, RunError
from neuroworkflow_agent.runs.executors.base import Ended

_CONNECT_S = 30
_POLL_S = 5.0
_TAIL_CHARS = 2_000


def _for_workers() -> Callable[[str, int], tuple[int, str]]:
    """What runs a job on a worker. A function of a function is sent with its code, so that nobody has to import it."""
    tail_chars = _TAIL_CHARS

    def run_on_worker(plan: str, index: int) -> tuple[int, str]:
        command = [
            sys.executable,
            "-m",
            "neuroworkflow_agent",
            "batch-job",
            "--with-parent",
            plan,
            str(index),
        ]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            assert process.stderr is not None
            said = process.stderr.read().decode(errors="replace").strip()
            lines = said[-tail_chars:].splitlines()
            return process.wait(), lines[-1] if lines else ""
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stderr):
                if stream is not None:
                    stream.close()

    return run_on_worker


class DaskExecutor:
    """Runs jobs on a cluster.

    Parameters
    ----------
    address
        Of its scheduler, such as tcp://host:8786, or a scheduler file.
    plan
        The plan's directory, as workers see it.
    capacity
        How many are handed over at once.

    Raises
    ------
    ConfigError
        If `distributed` is missing.
    RunError
        If the scheduler does not answer, or while jobs are waited for goes away.
    """

    def __init__(self, address: str, plan: Path, capacity: int) -> None:
        try:
            import distributed
        except ModuleNotFoundError as error:
            raise ConfigError(
                f'--dask needs {error.name}: pip install "neuroworkflow-agent[dask]".'
            ) from error
        is_file = Path(address).is_file()
        if not is_file and Path(address).suffix == ".json":
            raise RunError(
                f"There is no scheduler file {address!r}. Give the one that --scheduler-file names."
            )
        where: dict[str, Any] = {"scheduler_file": address} if is_file else {"address": address}
        try:
            self._distributed: Any = distributed  # which has no types
            self._client: Any = self._distributed.Client(**where, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise RunError(
                f"No Dask scheduler answers at {address!r}. Start one with 'dask scheduler', or give the address that it "
                "says, such as tcp://host:8786, or the file of its --scheduler-file."
            ) from error
        self.capacity: int | None = capacity
        self._address = address
        self._plan = str(plan.resolve())
        self._under_way: dict[str, tuple[int, Any]] = {}

    def submit(self, indexes: Sequence[int]) -> None:
        """See `Executor.submit`."""
        run_on_worker = _for_workers()
        for index in indexes:
            future = self._client.submit(run_on_worker, self._plan, index, pure=False)
            self._under_way[future.key] = (index, future)

    def wait(self) -> list[Ended]:
        """See `Executor.wait`."""
        futures = [future for _, future in self._under_way.values()]
        if not futures:
            return []
        try:
            with self._client.as_current():
                self._distributed.wait(futures, timeout=_POLL_S, return_when="FIRST_COMPLETED")
        except TimeoutError:
            return []
        except self._distributed.client.FuturesCancelledError as error:
            if self._client.status != "running":
                logging.getLogger("distributed.client").setLevel(
                    logging.CRITICAL
                )  # its traceback says no more
                raise RunError(
                    f"The Dask scheduler at {self._address!r} went away. Once one is there, the same line does the rest."
                ) from error
        done = [key for key, (_, future) in self._under_way.items() if future.done()]
        return [_ended(*self._under_way.pop(key)) for key in done]

    def withdraw(self) -> None:
        """See `Executor.withdraw`."""
        # Few wait, for no more are handed over than run.

    def close(self) -> None:
        """See `Executor.close`."""
        under_way, self._under_way = self._under_way, {}
        for _, future in under_way.values():
            future.cancel()
        self._client.close()


def _ended(index: int, future: Any) -> Ended:
    if future.status == "finished":
        return Ended(index, *future.result())
    if future.status == "error":
        # As much a worker that has died too often as one where the package is missing.
        error = future.exception()
        return Ended(index, None, f"{type(error).__name__}: {error}".splitlines()[0])
    return Ended(index, None, f"Dask says {future.status}.")
