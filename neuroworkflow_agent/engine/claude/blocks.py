"""Content blocks of a message → our events, whether they stream in or were stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from neuroworkflow_agent.events import Event, TextDelta, ThinkingDelta, ToolResult, ToolUse
from neuroworkflow_agent.ids import ToolUseId
from neuroworkflow_agent.tools.registry import short_name

_HOOK_ERROR = re.compile(r"\APreToolUse:\S+ hook error: (?:\[[^\]]*\]: )?")
_WRAPPED = re.compile(r"\A<tool_use_error>(.*)</tool_use_error>\Z", re.DOTALL)
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
            return ToolResult(
                ToolUseId(str(tool_use_id)), _for_people(text), bool(block.get("is_error")), images
            )
        case _:
            return None


def _for_people(text: str) -> str:
    """A result's text without what the CLI puts around it for the model."""
    return _HOOK_ERROR.sub("", _WRAPPED.sub(r"\1", text))


def result_parts(block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The content blocks within a tool result."""
    content = block.get("content") or ""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return [part for part in parts if not str(part.get("text", "")).startswith(_HINTS)]
