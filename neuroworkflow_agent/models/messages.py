"""Requests as any server of the Messages API takes them, and messages written block by block. Pure.

Source: Anthropic Messages API, "Streaming messages".
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, Literal, TypeAlias

from neuroworkflow_agent.wire import sse

StopReason: TypeAlias = Literal["end_turn", "max_tokens", "tool_use"]

_FOLLOW_UP = re.compile(
    r"(?:<system-reminder>\s*)?The user sent a new message while you were working:\n(.*?)"
    r"\n\nThis is how Claude Code surfaces messages [^\n]*(?:\s*</system-reminder>)?",
    re.DOTALL,
)
"""How Claude Code hands on what the user says while tools run: from the system, or beside a tool's result."""


def plain_request(body: dict[str, Any]) -> dict[str, Any]:
    """A request body as any server of the API takes it: without what only Anthropic's newest know.

    Claude Code says what it knows of the machine in a message of the role `system` between the others;
    elsewhere a conversation has users and assistants, and such text belongs to the system prompt; what the
    user said stays the user's, in its place.
    """
    messages = follow_ups_as_users(body.get("messages", []))
    system_messages = [m["content"] for m in messages if m["role"] == "system"]
    system = [_text(part) for part in (body.get("system", ""), *system_messages)]
    plain = {k: v for k, v in body.items() if k not in ("output_config", "thinking", "context_management")}
    plain["messages"] = [m for m in messages if m["role"] != "system"]
    if any(system):
        plain["system"] = "\n\n".join(filter(None, system))
    return plain


def follow_ups_as_users(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages, with what the user said while tools ran as messages of the user's."""
    plain: list[dict[str, Any]] = []
    for message in messages:
        before, said = _split(_blocks(message["content"]))
        if message["role"] == "assistant" or not said:
            plain.append(message)
            continue
        if before:
            plain.append({**message, "content": before})
        plain.append({"role": "user", "content": said})
    return plain


def _split(blocks: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is not from a follow-up, and what is, with the pictures that stand behind it."""
    before: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    for block in blocks:
        text = str(block.get("text") or "")
        found = [{"type": "text", "text": each} for each in _FOLLOW_UP.findall(text)]
        rest = _FOLLOW_UP.sub("", text).strip() if found else text
        if rest or not found:
            (said if said and block.get("type") == "image" else before).append(
                {**block, "text": rest} if found else block
            )
        said += found
    return before, said


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


class MessageWriter:
    """One message of a model, written block by block; each method returns the events to send.

    Parameters
    ----------
    model
        Name to report.
    input_tokens
        Tokens of the prompt.
    """

    def __init__(self, model: str, input_tokens: int) -> None:
        self._message: dict[str, Any] = {
            "id": f"msg_{uuid.uuid4().hex[:20]}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": input_tokens, "output_tokens": 0},
        }
        self._text_is_open = False
        self.output_tokens = 0
        """Tokens written so far; the caller counts."""

    @property
    def message(self) -> dict[str, Any]:
        """The message so far, as a request without streaming gets it."""
        return self._message

    def start(self) -> str:
        """Open the message."""
        return sse("message_start", message={**self._message, "content": []})

    def text(self, delta: str) -> str:
        """More text."""
        events = ""
        if not self._text_is_open:
            self._message["content"].append({"type": "text", "text": ""})
            events = sse("content_block_start", index=self._index, content_block={"type": "text", "text": ""})
            self._text_is_open = True
        self._message["content"][-1]["text"] += delta
        return events + sse(
            "content_block_delta", index=self._index, delta={"type": "text_delta", "text": delta}
        )

    def tool_use(self, name: str, tool_input: dict[str, Any]) -> str:
        """A whole tool use."""
        events = self._close_text()
        block = {
            "type": "tool_use",
            "id": f"toolu_{uuid.uuid4().hex[:20]}",
            "name": name,
            "input": tool_input,
        }
        self._message["content"].append(block)
        partial = {"type": "input_json_delta", "partial_json": json.dumps(tool_input)}
        return "".join(
            (
                events,
                sse("content_block_start", index=self._index, content_block={**block, "input": {}}),
                sse("content_block_delta", index=self._index, delta=partial),
                sse("content_block_stop", index=self._index),
            )
        )

    def end(self, stop_reason: StopReason) -> str:
        """Close the message."""
        self._message["stop_reason"] = stop_reason
        self._message["usage"]["output_tokens"] = self.output_tokens
        delta = {"stop_reason": stop_reason, "stop_sequence": None}
        return "".join(
            (
                self._close_text(),
                sse("message_delta", delta=delta, usage={"output_tokens": self.output_tokens}),
                sse("message_stop"),
            )
        )

    @property
    def _index(self) -> int:
        return len(self._message["content"]) - 1

    def _close_text(self) -> str:
        if not self._text_is_open:
            return ""
        self._text_is_open = False
        return sse("content_block_stop", index=self._index)
