"""The turn of the moment, as its session sees it: what is open, how it ends, what it cost.

An `ActiveTurn` lives on the portal's loop from the turn's start to its end; nothing outlives it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import TYPE_CHECKING

from neuroworkflow_agent.engine.running import RunningTurn
from neuroworkflow_agent.engine.turn import TurnReader
from neuroworkflow_agent.events import EndReason, Event, ToolResult, ToolUse, TurnEnd
from neuroworkflow_agent.ids import SessionId, ToolUseId

if TYPE_CHECKING:
    from claude_agent_sdk import Message

    from neuroworkflow_agent.engine.connection import Connection

_LONG_TOOLS = frozenset({"Bash", "Agent", "Task"})


class ActiveTurn:
    """A running turn and what must be known about it."""

    def __init__(self, turn: RunningTurn) -> None:
        self.turn = turn
        self.reader = TurnReader()
        self.connection: Connection | None = None
        """The process that serves it."""
        self.stopping = False
        """Whether the user has stopped it."""
        self.asked_in_vain = ""
        """Why it needs the user, where nobody can be asked."""
        self.looking: asyncio.Task[None] | None = None
        """Looks whether the endpoint is there at all."""
        self.ended = asyncio.Event()
        self._started = self._last_sign = time.monotonic()
        self._open_tools: dict[ToolUseId, str] = {}

    def read(self, message: Message) -> None:
        """Tell the turn's listeners what a message says."""
        self._last_sign = time.monotonic()
        for event in self.reader.read(message):
            self.turn.emit(self._track(event))

    def silent_s(self, *, is_working: bool) -> float:
        """Seconds without a sign of life; work of ours and tools that take long are one.

        Parameters
        ----------
        is_working
            Whether code runs or the user is asked.
        """
        if is_working or _LONG_TOOLS.intersection(self._open_tools.values()):
            self._last_sign = time.monotonic()
        return time.monotonic() - self._last_sign

    def reason(self, end: EndReason, message: str) -> tuple[EndReason, str]:
        """What the CLI calls aborted was either stopped by the user or had nobody to ask."""
        if self.asked_in_vain:
            return "interaction", self.asked_in_vain
        if self.stopping:
            return "interrupted", "Stopped."
        return end, message

    def end(
        self, end: EndReason, message: str, *, session_id: SessionId, cost_usd: float | None, checked: str
    ) -> None:
        """Emit the turn's last event."""
        outcome = self.reader.outcome
        self.ended.set()
        self.turn.emit(
            TurnEnd(
                turn_id=self.turn.turn_id,
                end=end,
                message=message,
                session_id=session_id,
                duration_s=time.monotonic() - self._started,
                model=self.reader.model,
                input_tokens=outcome.input_tokens if outcome else 0,
                output_tokens=outcome.output_tokens if outcome else 0,
                cost_usd=cost_usd,
                checked=checked,
                last_message_id=self.reader.last_message_id,
            )
        )

    def _track(self, event: Event) -> Event:
        """Keep count of open tool uses; after a stop, say so rather than what the CLI tells the model."""
        if isinstance(event, ToolUse):
            self._open_tools[event.tool_use_id] = event.name
        elif isinstance(event, ToolResult):
            self._open_tools.pop(event.tool_use_id, None)
            if self.stopping:
                return dataclasses.replace(
                    event, text="Stopped; this did not run to its end.", is_stopped=True
                )
        return event
