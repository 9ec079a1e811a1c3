"""Reads what a message used, while its answer flows by. Pure.

Source: Anthropic Messages API, "Streaming messages": `message_start` has the tokens of the prompt,
`message_delta` the tokens of the answer so far.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

_MAX_LINE_BYTES = 2**20
_CHARS_PER_TOKEN = 4
_MAX_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one message, of one model."""

    model: str = ""
    input_tokens: int = 0
    """Of the prompt, without what came from or went into the cache."""
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class UsageReader(Protocol):
    """Is fed the bytes of one answer, and knows what it used."""

    @property
    def is_final(self) -> bool:
        """Whether the answer has said all about its usage."""
        ...

    def feed(self, chunk: bytes) -> None:
        """More of the answer, in pieces of any size."""
        ...

    def usage(self) -> Usage | None:
        """What was used so far; None if nothing was."""
        ...


class StreamUsage:
    """Of server-sent events.

    Of an answer that ends before it says how long it is, the length of what came counts.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._usage: Usage | None = None
        self._chars = 0
        self.is_final = False

    def feed(self, chunk: bytes) -> None:
        """As `UsageReader`."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._take(bytes(self._line) + line if self._line else line)
            self._line.clear()
        if len(self._line) + len(rest) <= _MAX_LINE_BYTES:
            self._line += rest

    def usage(self) -> Usage | None:
        """As `UsageReader`."""
        if self._usage is None or self.is_final:
            return self._usage
        estimate = math.ceil(self._chars / _CHARS_PER_TOKEN)
        return replace(self._usage, output_tokens=max(self._usage.output_tokens, estimate))

    def _take(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        event = _json(line[5:])
        kind = event.get("type")
        if kind == "content_block_delta":
            delta = event.get("delta")
            if isinstance(delta, dict):
                self._chars += sum(
                    len(text) for name, text in delta.items() if name != "type" and isinstance(text, str)
                )
        elif kind == "message_start" and isinstance(event.get("message"), dict):
            self._usage = usage_of(event["message"])
        elif kind == "message_delta" and isinstance(event.get("usage"), dict):
            self._usage = _merged(self._usage or Usage(), event["usage"])
            delta = event.get("delta")
            self.is_final = isinstance(delta, dict) and delta.get("stop_reason") is not None
        elif kind == "message_stop":
            self.is_final = True


class BodyUsage:
    """Of a JSON body; read when it is whole, up to `max_bytes`."""

    def __init__(self, max_bytes: int = 16 * 2**20) -> None:
        self._body = bytearray()
        self._max_bytes = max_bytes
        self.is_final = False

    def feed(self, chunk: bytes) -> None:
        """As `UsageReader`."""
        if len(self._body) + len(chunk) <= self._max_bytes:
            self._body += chunk

    def usage(self) -> Usage | None:
        """As `UsageReader`."""
        message = _json(bytes(self._body))
        return usage_of(message) if isinstance(message.get("usage"), dict) else None


def usage_of(message: dict[str, Any]) -> Usage:
    """What a message of the API says it used."""
    model = message.get("model")
    named = Usage(model=model[:_MAX_NAME_CHARS] if isinstance(model, str) else "")
    used = message.get("usage")
    return _merged(named, used) if isinstance(used, dict) else named


def _merged(known: Usage, used: dict[str, Any]) -> Usage:
    """`known`, with what `used` says anew; the API's counts go on from message_start."""
    return Usage(
        known.model,
        _count(used, "input_tokens", known.input_tokens),
        _count(used, "output_tokens", known.output_tokens),
        _count(used, "cache_read_input_tokens", known.cache_read_tokens),
        _count(used, "cache_creation_input_tokens", known.cache_write_tokens),
    )


def _count(used: dict[str, Any], name: str, known: int) -> int:
    value = used.get(name)
    return value if isinstance(value, int) and 0 <= value < 2**40 else known


def _json(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
