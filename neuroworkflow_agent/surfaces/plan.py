"""The agent's plan of a task with several steps, from its calls of Claude Code's task tools. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from neuroworkflow_agent.engine.permissions import PLAN_TOOLS
from neuroworkflow_agent.events import ToolResult, ToolUse

_CREATED = re.compile(r"Task #(\S+) created")
_STATES = ("pending", "in_progress", "completed")


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    text: str
    state: str = "pending"
    """`pending`, `in_progress` or `completed`."""


@dataclass(eq=False, slots=True)
class Plan:
    """The steps as they are at the end of a turn, or now; shown where the turn first changed them."""

    steps: dict[str, Step] = field(default_factory=dict)
    """By the tool's ids, in their order."""

    @property
    def rows(self) -> list[tuple[str, str]]:
        """State and text of each step."""
        return [(step.state, step.text) for step in self.steps.values()]


class PlanReader:
    """Follows the steps of a session through its calls."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}
        self._calls: dict[str, ToolUse] = {}

    def take_use(self, use: ToolUse) -> bool:
        """Take in a call; whether it is one of the plan's."""
        if use.name in PLAN_TOOLS:
            self._calls[use.tool_use_id] = use
        return use.name in PLAN_TOOLS

    def take_result(self, result: ToolResult) -> tuple[bool, dict[str, Step] | None]:
        """Take in an answer: whether it is to a call of the plan's, and all steps if they are others now."""
        use = self._calls.pop(result.tool_use_id, None)
        if use is None:
            return False, None
        before = dict(self._steps)
        if not result.is_error and use.name == "TaskCreate":
            self._create(use.input, result.text)
        elif not result.is_error and use.name == "TaskUpdate":
            self._change(use.input)
        return True, dict(self._steps) if self._steps != before else None

    def _create(self, given: dict[str, Any], answer: str) -> None:
        created = _CREATED.match(answer)
        step_id = created.group(1) if created else str(len(self._steps) + 1)
        self._steps[step_id] = Step(str(given.get("subject", "")))

    def _change(self, given: dict[str, Any]) -> None:
        step_id, status = str(given.get("taskId", "")), given.get("status")
        step = self._steps.get(step_id)
        if step is None:
            return
        if status == "deleted":
            del self._steps[step_id]
            return
        text = str(given.get("subject") or step.text)
        self._steps[step_id] = Step(text, status if status in _STATES else step.state)
