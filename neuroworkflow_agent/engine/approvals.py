"""Tool uses that wait for the user. Lives on the portal's loop; a wait may last as long as it likes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from neuroworkflow_agent.engine.permissions import Answer, Ask
from neuroworkflow_agent.events import ApprovalDecision, ApprovalRequest, Event
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.tools.registry import short_name


class Approvals:
    """The open requests of one session."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._numbers = itertools.count(1)

    @property
    def is_waiting(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    async def ask(
        self,
        emit: Callable[[Event], None],
        tool: str,
        tool_use_id: str | None,
        tool_input: dict[str, Any],
        asked: Ask,
    ) -> Answer:
        """Announce a request and wait for its answer; both are emitted as events."""
        request_id = tool_use_id or f"ask_{next(self._numbers)}"
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answered
        known_id = ToolUseId(tool_use_id) if tool_use_id else None
        emit(
            ApprovalRequest(
                request_id, known_id, short_name(tool), tool_input, asked.reason, asked.can_remember
            )
        )
        answer = Answer(False, "The question was withdrawn.")
        try:
            answer = await answered
        finally:
            self._waiting.pop(request_id, None)
            emit(ApprovalDecision(request_id, answer.allowed, answer.reason, answer.answers))
        return answer

    def settle(self, request_id: str, answer: Answer) -> None:
        """Answer a request; one that no longer waits is left alone."""
        waiting = self._waiting.get(request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def settle_all(self, reason: str) -> None:
        """Refuse whatever waits and end the turn that asked."""
        for request_id in list(self._waiting):
            self.settle(request_id, Answer(False, reason, end_turn=True))
