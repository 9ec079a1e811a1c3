"""One job of a plan, in the process that was started for it: its run with a record, and once more where the model was away."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.runs.plan import Plan, PlannedJob
from neuroworkflow_agent.runs.record import RunRecord
from neuroworkflow_agent.runs.store import Store
from neuroworkflow_agent.runs.task import judging_of
from neuroworkflow_agent.surfaces import headless
from neuroworkflow_agent.surfaces.recorded import Recording, run_recorded

TRIES = 3
"""Of a run that is cut off, a rate limit among the reasons."""
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 900.0
_GRACE_S = 30.0


def run_job(plan: Plan, index: int, *, tries: int = TRIES, pause_s: float = _FIRST_PAUSE_S) -> int:
    """Run a job unless it has a result; gives the exit code of its run.

    Parameters
    ----------
    tries
        How often it is run as long as it is cut off.
    pause_s
        Before the second try; longer before each further one, and as long as the endpoint asks for.

    Raises
    ------
    AgentError
        If it cannot begin.
    """
    job, store = plan.job(index), Store(plan.store)
    for number in range(1, tries + 1):
        if store.result(job.key) is not None:
            return 0
        record = _run(job, store)
        if record.told.get("end") != "cut_off" or number == tries:
            return int(record.told.get("exit_code", 1))
        wait(_pause_s(record, pause_s * 4 ** (number - 1)))
    return 0


def wait(seconds: float) -> None:
    """Wait before another try."""
    time.sleep(seconds)


def end_with_parent() -> None:
    """Have this process interrupted when its standard input ends, and killed when that does not help."""
    threading.Thread(target=_watch_parent, name="parent", daemon=True).start()


def _watch_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_GRACE_S)
    os._exit(130)


def _run(job: PlannedJob, store: Store) -> RunRecord:
    task = job.task
    config = AgentConfig.from_env(workspace=Path(task["root"]), model=job.model, **task["session"])
    given = headless.Job(job.notebook, task["prompt"], parameters=job.parameters, **task["job"])
    recording = Recording(
        store,
        inputs=job.inputs,
        repetition=job.repetition,
        is_shared=True,
        judging=judging_of(task["judging"]),
        root=Path(task["root"]),
        has_own_output=True,
        is_isolated=bool(task["isolated"]),
        key=job.key,
    )
    return run_recorded(given, config, recording, headless.Progress())[0]


def _pause_s(record: RunRecord, pause_s: float) -> float:
    """How long to wait before another try: ever longer, and at least as long as the endpoint asks for."""
    asked = record.told.get("retry_after_s")
    return min(_LONGEST_PAUSE_S, max(pause_s, float(asked) if isinstance(asked, int | float) else 0.0))
