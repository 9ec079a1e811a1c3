"""The answers of a recorded run as a script, so that they can be given again to today's code and data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from neuroworkflow_agent.errors import RunError
from neuroworkflow_agent.events import Event, TextDelta, ThinkingDelta, ToolResult, ToolUse
from neuroworkflow_agent.tools.registry import MCP_SERVER, called_name

Block = dict[str, Any]


def script_of(events: Iterable[Event]) -> list[list[Block]]:
    """What the model said, message by message, as `scripted:` reads it.

    A message ends where tools were answered.

    Raises
    ------
    RunError
        If the model said nothing.
    """
    replies: list[list[Block]] = []
    is_answered = True
    for event in events:
        if isinstance(event, ToolResult):
            is_answered = True
        elif (block := _block(event)) is not None:
            if is_answered:
                replies.append([])
                is_answered = False
            _add(replies[-1], block)
    if not replies:
        raise RunError("The run has no answer of a model that could be given again.")
    if "tool" in replies[-1][-1]:  # it was stopped there; the turn has to end
        replies.append([{"text": "The recording ends here."}])
    return replies


def _block(event: Event) -> Block | None:
    match event:
        case TextDelta(text=text):
            return {"text": text}
        case ThinkingDelta(text=text):
            return {"thinking": text}
        case ToolUse(name=name, input=tool_input):
            return {"tool": _called(name), "input": tool_input}
    return None


def _called(name: str) -> str:
    """A tool's name as the model called it, from the one that people see."""
    server, separator, tool = name.partition(":")
    if separator:
        return called_name(server, tool)
    # Claude Code's own tools begin with a capital.
    return called_name(MCP_SERVER, name) if name[:1].islower() else name


def _add(reply: list[Block], block: Block) -> None:
    """Put a block at the end of a message; pieces of one text become one."""
    for kind in ("text", "thinking"):
        if kind in block and reply and kind in reply[-1]:
            reply[-1][kind] += block[kind]
            return
    reply.append(block)
