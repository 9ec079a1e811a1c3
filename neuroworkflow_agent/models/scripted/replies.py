"""What a scripted model says: values, and their form on the wire.

Source: Anthropic Messages API, "Streaming messages" and "Errors".
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.wire import sse

_WORDS = re.compile(r"\S*\s*")


@dataclass(frozen=True, slots=True)
class Text:
    """Text, streamed word by word."""

    text: str
    delay_s: float = 0.0
    """Pause before each piece."""
    pieces: int | None = None
    """How many pieces; None for one a word."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """Thinking, streamed in one piece."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool use."""

    name: str
    """As on the wire: `Read`, `mcp__neuroworkflow__run_code` …"""
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of the model, streamed."""

    blocks: tuple[Text | Thinking | ToolCall, ...]
    input_tokens: int = 10
    output_tokens: int = 5
    first_byte_delay_s: float = 0.0
    """Pause before anything is sent."""
    until: threading.Event | None = None
    """What it calls, and its end, are held back until this is set, where it is streamed."""

    @classmethod
    def text(
        cls,
        text: str,
        *,
        delay_s: float = 0.0,
        pieces: int | None = None,
        until: threading.Event | None = None,
    ) -> Reply:
        """Only text."""
        return cls((Text(text, delay_s, pieces),), until=until)

    @classmethod
    def tool(cls, name: str, **tool_input: Any) -> Reply:
        """Only one tool use."""
        return cls((ToolCall(name, tool_input),))

    @classmethod
    def code(cls, *codes: str) -> Reply:
        """`run_code` calls, several in one message if several are given."""
        return cls(tuple(ToolCall("mcp__neuroworkflow__run_code", {"code": code}) for code in codes))


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP error with the API's error body."""

    status: int
    message: str = "scripted failure"
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Begins to answer, then the connection goes away."""

    text: str = "half an ans"


@dataclass(frozen=True, slots=True)
class Malformed:
    """A stream whose events are no JSON."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Never answers; ends when the client leaves or the server stops."""


Script: TypeAlias = Reply | Failure | Dropped | Malformed | Silence

_numbers = itertools.count(1)


def stream_events(reply: Reply, model: str) -> Iterator[tuple[float, str]]:
    """(seconds to wait, event) of a streamed reply."""
    usage = {"input_tokens": reply.input_tokens, "output_tokens": 1}
    message = {**message_body(reply, model), "content": [], "stop_reason": None, "usage": usage}
    yield reply.first_byte_delay_s, sse("message_start", message=message)
    for index, block in enumerate(reply.blocks):
        yield from _block_events(index, block)
    delta = {"stop_reason": _stop_reason(reply), "stop_sequence": None}
    yield 0, sse("message_delta", delta=delta, usage={"output_tokens": reply.output_tokens})
    yield 0, sse("message_stop")


def message_body(reply: Reply, model: str) -> dict[str, Any]:
    """The whole message, as a request without streaming gets it."""
    return {
        "id": f"msg_{uuid.uuid4().hex[:20]}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [_content(block) for block in reply.blocks],
        "stop_reason": _stop_reason(reply),
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
    }


def replies_from_json(text: str) -> list[Reply]:
    """Replies from JSON: a list of lists of blocks.

    A block is `{"text": …}`, `{"thinking": …}` or `{"tool": NAME, "input": {…}}`; text may have
    `"delay_s"`.

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    try:
        return [Reply(tuple(_block(block) for block in blocks)) for blocks in json.loads(text)]
    except (json.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            "A script is a JSON list of replies, each a list of blocks such as "
            f'{{"text": "…"}} or {{"tool": "Read", "input": {{}}}}; this one is not: {error}.'
        ) from error


def _block(data: dict[str, Any]) -> Text | Thinking | ToolCall:
    if "text" in data:
        return Text(data["text"], float(data.get("delay_s", 0)))
    if "thinking" in data:
        return Thinking(data["thinking"])
    return ToolCall(data["tool"], data.get("input", {}))


def _stop_reason(reply: Reply) -> str:
    return "tool_use" if any(isinstance(block, ToolCall) for block in reply.blocks) else "end_turn"


def _content(block: Text | Thinking | ToolCall) -> dict[str, Any]:
    match block:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Thinking(text=text):
            return {"type": "thinking", "thinking": text, "signature": "c2NyaXB0ZWQ="}
        case ToolCall(name=name, input=tool_input):
            return {
                "type": "tool_use",
                "id": f"toolu_{next(_numbers):06d}",
                "name": name,
                "input": tool_input,
            }


def _block_events(index: int, block: Text | Thinking | ToolCall) -> Iterator[tuple[float, str]]:
    content = _content(block)
    empty: dict[str, dict[str, Any]] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    yield 0, sse("content_block_start", index=index, content_block={**content, **empty[content["type"]]})
    match block:
        case Text():
            for piece in _pieces(block):
                delta = {"type": "text_delta", "text": piece}
                yield block.delay_s, sse("content_block_delta", index=index, delta=delta)
        case Thinking(text=text):
            yield (
                0,
                sse("content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": text}),
            )
            signature = {"type": "signature_delta", "signature": content["signature"]}
            yield 0, sse("content_block_delta", index=index, delta=signature)
        case ToolCall(input=tool_input):
            partial = {"type": "input_json_delta", "partial_json": json.dumps(tool_input)}
            yield 0, sse("content_block_delta", index=index, delta=partial)
    yield 0, sse("content_block_stop", index=index)


def _pieces(block: Text) -> list[str]:
    if block.pieces is None:
        return [piece for piece in _WORDS.findall(block.text) if piece]
    size = max(1, -(-len(block.text) // block.pieces))
    return [block.text[start : start + size] for start in range(0, len(block.text), size)]
