"""Jobs of a plan as small shell commands, and drivers of such batches; light, for they are started again and again."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from neuroworkflow_agent.runs.batch import Batch
from neuroworkflow_agent.runs.executors.local import LocalExecutor
from neuroworkflow_agent.runs.plan import Plan

_A_WHILE = "sleep 0.$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')"


def job_that(
    plan: Plan,
    index: int,
    *,
    end: str = "complete",
    cost_usd: float = 0.0,
    message: str = "",
    before: str = "",
    name: str = "run",
) -> list[str]:
    """A command that keeps a run as a job does, by `.part` and a rename; one with another name than `run` is no result."""
    home = plan.store / plan.job(index).key
    told = json.dumps({"end": end, "cost_usd": cost_usd, "exit_code": 0, "message": message})
    keep = f"printf %s {shlex.quote(told)} > $((n + 1)).part/run.json && mv -nT $((n + 1)).part {name}"
    begin = f"mkdir -p {home} && cd {home} && n=$(ls | wc -l) && mkdir $((n + 1)).part"
    return ["sh", "-c", f"{begin} && {before or 'true'} && {keep}"]


if __name__ == "__main__":
    made = Plan(Path(sys.argv[1]))
    print("begun", flush=True)
    Batch(made, LocalExecutor(lambda index: job_that(made, index, before=_A_WHILE), 4)).run()
