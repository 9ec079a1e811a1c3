"""A turn as plain text: in a terminal IPython, and wherever there is no cell to fill."""

from __future__ import annotations

from collections.abc import Callable

from neuroworkflow_agent.events import (
    ApprovalDecision,
    ApprovalRequest,
    Event,
    Notice,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
)
from neuroworkflow_agent.render import parts
from neuroworkflow_agent.render.approval import approval
from neuroworkflow_agent.text import for_terminal


class TerminalView:
    """Writes the events of one turn as text; code the agent runs prints by itself.

    Parameters
    ----------
    write
        Takes text, line ends included.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._at_line_start = True

    def handle(self, event: Event) -> None:
        """Write what `event` stands for."""
        match event:
            case TextDelta(text=text):
                self._put(text)
            case ToolUse(name=name, input=tool_input):
                self._line(parts.tool_use(name, tool_input).text)
            case ToolResult(text=text, is_error=True):
                self._line(parts.tool_result(text, is_error=True).text)
            case ApprovalRequest(name=name, input=tool_input, reason=reason):
                self._line(approval(name, tool_input, reason).text)
            case ApprovalDecision(allowed=False, reason=reason):
                self._line(f"Not allowed. {reason}".strip())
            case Notice(message=message):
                self._line(message)
            case TurnEnd():
                self._line(parts.turn_end(event).text)
            case _:
                pass

    def tick(self) -> None:
        """Nothing waits to be sent."""

    def _put(self, text: str) -> None:
        text = for_terminal(text)
        self._write(text)
        self._at_line_start = text.endswith("\n")

    def _line(self, text: str) -> None:
        if text:
            self._put(("" if self._at_line_start else "\n") + text + "\n")
