"""One request in a real kernel: the agent's turn, then the judge's verdict from the kernel itself."""

from __future__ import annotations

import ast
import json
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tasks.requests import Task
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import CellOutput, TextDelta, ToolUse, TurnEnd
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel

_WARM_UP_S = 1.5
"""For the `claude` process to be there, as it is when a person has typed a request."""
_ROOT = Path(__file__).parents[2]
_PREPARE = f"""\
import sys
sys.path.append({str(_ROOT)!r})
from benchmarks.tasks import judge as _judge
_figures = _judge.watch_figures()
sys.path.remove({str(_ROOT)!r})
del sys"""


@dataclass(frozen=True)
class Result:
    """How one request went."""

    name: str
    kind: str
    passed: bool
    is_false: bool
    """Whether something false was stated as fact."""
    first_text_s: float | None
    """Seconds to the first text or code; None if there was none."""
    total_s: float
    answer: str
    end: str
    codes: list[str]
    """What it ran."""


def run(task: Task, model: str | None, folder: Path) -> Result:
    """One request in a kernel and an empty folder of its own."""
    portal = shared_portal()
    kernel = portal.call(ClientKernel.start("python3", cwd=folder))
    try:
        for source in ("%matplotlib inline", _PREPARE, *filter(None, [task.setup])):
            portal.call(kernel.execute(source))
        context = _context([portal.call(kernel.execute(source)) for source in task.cells])
        config = AgentConfig.from_env(workspace=folder, model=model)
        with Session(config, kernel=kernel, can_ask=False) as session:
            session.prewarm()
            time.sleep(_WARM_UP_S)
            return _turn(session, kernel, task, context)
    finally:
        portal.call(kernel.aclose())


def _turn(session: Session, kernel: ClientKernel, task: Task, context: str) -> Result:
    started, first, answer, shown, codes = time.monotonic(), None, "", [], []
    end = "?"
    for event in session.start(task.prompt, context=context):
        if first is None and isinstance(event, TextDelta | ToolUse):
            first = time.monotonic() - started
        if isinstance(event, TextDelta):
            answer += event.text
        elif isinstance(event, ToolUse):
            codes.append(str(event.input.get("code")))
        elif isinstance(event, CellOutput) and event.change["op"] == "append":
            output = event.change["output"]
            data = output.get("data", {})
            shown.append(output.get("text") or " ".join([*data, str(data.get("text/plain", ""))]))
        elif isinstance(event, TurnEnd):
            end = event.end
    total = time.monotonic() - started
    verdict = _verdict(kernel, task, answer, "\n".join(shown), end)
    return Result(
        task.name, task.kind, verdict["passed"], verdict["is_false"], first, total, answer.strip(), end, codes
    )


def _verdict(kernel: ClientKernel, task: Task, answer: str, shown: str, end: str) -> dict[str, bool]:
    told = json.dumps([task.name, answer, shown, end])
    ran: Execution = shared_portal().call(
        kernel.execute(
            f"import sys, json\nsys.path.append({str(_ROOT)!r})\n"
            f"from benchmarks.tasks.judge import verdict_in_kernel\n"
            f"verdict_in_kernel(*json.loads({told!r}), globals())"
        )
    )
    if ran.error is not None:
        raise RuntimeError(f"{task.name} could not be judged: {ran.error.ename}: {ran.error.evalue}")
    verdict: dict[str, bool] = ast.literal_eval(ran.outputs[-1]["data"]["text/plain"])
    return verdict


def _context(ran: list[Execution]) -> str:
    """What a surface would tell of the cells."""
    parts = []
    for number, execution in enumerate(ran, 1):
        failed = f"\nError: {execution.error.ename}: {execution.error.evalue}" if execution.error else ""
        parts.append(f"Cell [{number}]:\n{execution.source}{failed}")
    return "\n\n".join(parts)
