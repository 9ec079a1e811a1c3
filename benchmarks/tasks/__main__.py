"""`python -m benchmarks.tasks [--model MODEL] [--only NAME …] [--repeat N]`: how far a model gets, in real kernels."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.tasks.requests import TASKS, Task
from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import shared_portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.events import CellOutput, TextDelta, ToolUse, TurnEnd
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.kernels.client import ClientKernel

_WARM_UP_S = 1.5
"""For the `claude` process to be there, as it is when a person has typed a request."""


@dataclass(frozen=True)
class Result:
    """How one task went."""

    passed: bool
    first_text_s: float | None
    """Seconds to the first text or code; None if there was none."""
    total_s: float
    answer: str
    end: str
    codes: list[str]
    """What it ran."""


def main() -> int:
    """Run the tasks and print a table; exit 1 if fewer than `--pass` of them passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None, help="as for `run`")
    parser.add_argument("--only", nargs="*", help="names of tasks")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--pass", dest="target", type=int, default=0, help="exit 1 below this many passes")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    chosen = [task for task in TASKS if not options.only or task.name in options.only] * options.repeat
    table = Table(
        "task", "passed", "first text", "seconds", "ended", title=f"model: {options.model or 'auto'}"
    )
    results = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["CLAUDE_CONFIG_DIR"] = home
        for task in chosen:
            result = run(task, options.model, Path(home))
            results.append(result)
            first = "-" if result.first_text_s is None else f"{result.first_text_s:.1f} s"
            table.add_row(
                task.name, "yes" if result.passed else "NO", first, f"{result.total_s:.1f}", result.end
            )
            if options.verbose:
                said = "\n".join([*result.codes, f"-> {result.answer}"])
                print(f"[{'ok' if result.passed else 'NO'}] {task.name}\n{said}\n", file=sys.stderr)
    passed = sum(result.passed for result in results)
    Console(width=100).print(table)
    firsts = [result.first_text_s for result in results if result.first_text_s is not None]
    print(
        f"{passed} of {len(results)} passed; first text: median {statistics.median(firsts):.1f} s, "
        f"worst {max(firsts):.1f} s; {sum(result.total_s for result in results):.0f} s in all"
    )
    return int(passed < options.target)


def run(task: Task, model: str | None, home: Path) -> Result:
    """One task in a kernel of its own."""
    portal = shared_portal()
    kernel = portal.call(ClientKernel.start("python3", cwd=home))
    try:
        ran = [portal.call(kernel.execute(source)) for source in ("%matplotlib inline", *task.cells)][1:]
        config = AgentConfig.from_env(workspace=home, model=model)
        with Session(config, kernel=kernel, can_ask=False) as session:
            session.prewarm()
            time.sleep(_WARM_UP_S)
            return _turn(session, kernel, task, _context(ran))
    finally:
        portal.call(kernel.aclose())


def _turn(session: Session, kernel: ClientKernel, task: Task, context: str) -> Result:
    started, first, answer, shown, codes = time.monotonic(), None, "", [], []
    turn = session.start(task.prompt, context=context)
    end = "?"
    for event in turn:
        if first is None and isinstance(event, TextDelta | ToolUse):
            first = time.monotonic() - started
        if isinstance(event, TextDelta):
            answer += event.text
        elif isinstance(event, ToolUse):
            codes.append(str(event.input.get("code")))
        elif isinstance(event, CellOutput) and event.change["op"] == "append":
            output = event.change["output"]
            shown.append(
                output.get("text")
                or " ".join([*output.get("data", {}), str(output.get("data", {}).get("text/plain", ""))])
            )
        elif isinstance(event, TurnEnd):
            end = event.end
    total = time.monotonic() - started
    check = f"(lambda answer, shown: bool({task.check}))({json.dumps(answer)}, {json.dumps(' '.join(shown))})"
    verdict: Execution = shared_portal().call(kernel.execute(check))
    passed = any(o.get("data", {}).get("text/plain") == "True" for o in verdict.outputs)
    return Result(passed, first, total, answer.strip(), end, codes)


def _context(ran: list[Any]) -> str:
    """What a surface would tell of the cells."""
    parts = []
    for number, execution in enumerate(ran, 1):
        failed = f"\nError: {execution.error.ename}: {execution.error.evalue}" if execution.error else ""
        parts.append(f"Cell [{number}]:\n{execution.source}{failed}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
