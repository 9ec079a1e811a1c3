"""One request in a real kernel: the agent's turn, then the judge's verdict from the kernel itself."""

from __future__ import annotations

import ast
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tasks.requests import Task
from benchmarks.tasks.suite import GRADER, prepare_of
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import TextDelta, ToolUse, TurnEnd
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel
from neuroworkflow_agent.runs.shown import Shown

_WARM_UP_S = 1.5
"""For the `claude` process to be there, as it is when a person has typed a request."""


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
        portal.call(kernel.execute(prepare_of(task)))
        context = _context([portal.call(kernel.execute(source)) for source in task.cells])
        config = AgentConfig.from_env(workspace=folder, model=model)
        with Session(config, kernel=kernel, can_ask=False) as session:
            session.prewarm()
            time.sleep(_WARM_UP_S)
            return _turn(session, kernel, task, context)
    finally:
        portal.call(kernel.aclose())


def _turn(session: Session, kernel: ClientKernel, task: Task, context: str) -> Result:
    started, first, answer, shown, codes = time.monotonic(), None, "", Shown(), []
    end = "?"
    for event in session.start(task.prompt, context=context):
        shown.add(event)
        if first is None and isinstance(event, TextDelta | ToolUse):
            first = time.monotonic() - started
        if isinstance(event, TextDelta):
            answer += event.text
        elif isinstance(event, ToolUse):
            codes.append(str(event.input.get("code")))
        elif isinstance(event, TurnEnd):
            end = event.end
    total = time.monotonic() - started
    passed, is_false = _verdict(kernel, task, answer, shown.text, end)
    return Result(task.name, task.kind, passed, is_false, first, total, answer.strip(), end, codes)


def _verdict(kernel: ClientKernel, task: Task, answer: str, shown: str, end: str) -> tuple[bool, bool]:
    ran: Execution = shared_portal().call(
        kernel.execute(
            f"(lambda v: (v.passed, v.is_false))({GRADER}.verdict({answer!r}, {shown!r}, {end!r}))"
        )
    )
    if ran.error is not None:
        raise RuntimeError(f"{task.name} could not be judged: {ran.error.ename}: {ran.error.evalue}")
    passed, is_false = ast.literal_eval(ran.outputs[-1]["data"]["text/plain"])
    return passed, is_false


def _context(ran: list[Execution]) -> str:
    """What a surface would tell of the cells."""
    parts = []
    for number, execution in enumerate(ran, 1):
        failed = f"\nError: {execution.error.ename}: {execution.error.evalue}" if execution.error else ""
        parts.append(f"Cell [{number}]:\n{execution.source}{failed}")
    return "\n\n".join(parts)
