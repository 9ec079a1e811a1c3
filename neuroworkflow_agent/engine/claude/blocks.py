"""Content blocks of a message → our events, whether they stream in or were stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroworkflow_agent.events import Event, TextDelta, ThinkingDelta, ToolResult, ToolUse
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.tools.registry import short_name

_HINTS = ("[Image: source:", "[Image: original")
"""What the CLI puts beside a picture for the model."""


def read_block(block: Mapping[str, Any]) -> Event | None:
    """The event that a block stands for, if it is for people."""
    match block:
        case {"type": "text", "text": str(text)} if text:
            return TextDelta(text)
        case {"type": "thinking", "thinking": str(text)} if text:
            return ThinkingDelta(text)
        case {"type": "tool_use", "id": str(tool_use_id), "name": str(name), "input": dict(given)}:
            return ToolUse(ToolUseId(tool_use_id), short_name(name), given)
        case {"type": "tool_result", "tool_use_id": tool_use_id}:
            parts = result_parts(block)
            text = "\n".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
            images = sum(part.get("type") == "image" for part in parts)
            return ToolResult(ToolUseId(str(tool_use_id)), text, bool(block.get("is_error")), images)
        case _:
            return None


def result_parts(block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The content blocks within a tool result."""
    content = block.get("content") or ""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return [part for part in parts if not str(part.get("text", "")).startswith(_HINTS)]
