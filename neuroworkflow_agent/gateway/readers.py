"""Reads what a message used, while its answer flows by; estimates what an answer that broke off does not say. Pure.

Source: Anthropic Messages API, "Streaming messages": `message_start` has the tokens of the prompt,
`message_delta` the tokens of the answer so far.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any, Protocol

from neuroworkflow_agent.gateway.asked import Asked
from neuroworkflow_agent.gateway.estimates import (
    MOST_BYTES_PER_TOKEN,
    MOST_OUTPUT_TOKENS,
    tokens_in,
    tokens_written,
)
from neuroworkflow_agent.gateway.usage import Usage, merged, usage_of

_MAX_LINE_BYTES = 2**20
_END_BYTES = 2**16
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,100})"')
_USAGE = re.compile(rb'"usage"\s*:\s*(?=\{)')
_TEXT = re.compile(
    rb'event: content_block_delta\ndata: ?\{"type": ?"content_block_delta", ?"index": ?\d+, ?'
    rb'"delta": ?\{"type": ?"text_delta", ?"text": ?"([^"\\\x00-\x1f]+)"\} ?\}\n\n'
)
"""An event of plain text alone, as nearly all are; reading it as JSON takes five times as long."""
_UNSEEN = ("thinking", "redacted_thinking")
_DECODER = json.JSONDecoder()


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

    Of an answer that ends before it says how long it is, the length of what came counts, and the time of what the
    model thought without showing it.

    Parameters
    ----------
    asked
        The request.
    """

    def __init__(self, asked: Asked | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._asked = asked or Asked()
        self._clock = clock
        self._line = bytearray()
        self._is_skipping = False
        self._usage: Usage | None = None
        self._tokens = 0.0
        self._again = 0
        """How often the API has begun a further answer to the prompt, of which it tells at the end."""
        self._searches = 0
        self._came = 0.0
        self._has_failed = False
        self._unseen_since: float | None = None
        self.is_final = False

    def feed(self, chunk: bytes) -> None:
        """As `UsageReader`."""
        if self.feed_text(chunk):
            return
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._take(bytes(self._line) + line if self._line else line)
            self._line.clear()
        if self._is_skipping or len(self._line) + len(rest) > _MAX_LINE_BYTES:
            # Nothing that long is an event about usage; what is in it counts as text.
            self._tokens += tokens_in(bytes(self._line)) + tokens_in(rest)
            self._is_skipping = True
            self._line.clear()
        else:
            self._line += rest

    def feed_text(self, chunk: bytes) -> bool:
        """As `feed`, if it is an event of plain text alone, which says nothing about usage; whether it is."""
        if self._line or self._is_skipping or not (plain := _TEXT.fullmatch(chunk)):
            return False
        self._tokens += tokens_in(plain[1])
        self._unseen_since = None
        return True

    def usage(self) -> Usage | None:
        """As `UsageReader`."""
        if self.is_final and self._usage is not None:
            return self._usage
        if self._usage is None and self._has_failed:
            return None
        known = self._usage or Usage(input_tokens=self._asked.tokens, speed=self._asked.speed)
        written = min(math.ceil(self._tokens) + self._unseen(), self._asked.max_tokens or MOST_OUTPUT_TOKENS)
        unclear = {"output", *known.unclear} | (set() if self._usage else {"prompt"})
        return replace(
            known,
            input_tokens=known.input_tokens + self._again * known.prompt_tokens + math.ceil(self._came),
            output_tokens=max(known.output_tokens, written),
            requests=known.requests or ((("web_search_requests", self._searches),) if self._searches else ()),
            unclear=tuple(sorted(unclear)),
        )

    def _unseen(self) -> int:
        if self._unseen_since is None:
            return 0
        return tokens_written(self._clock() - self._unseen_since, self._asked.max_tokens)

    def _take(self, line: bytes) -> None:
        if self._is_skipping:
            self._is_skipping = False
            self._tokens += tokens_in(line)
            return
        if not line.startswith(b"data:"):
            return
        event = _json(line[5:])
        kind = event.get("type")
        if kind == "content_block_delta":
            self._take_delta(event.get("delta"))
        elif kind == "content_block_start":
            self._take_block(event.get("content_block"), line)
        elif kind == "content_block_stop":
            self._unseen_since = None
        elif kind == "message_start" and isinstance(event.get("message"), dict):
            self._usage = usage_of(event["message"], self._asked)
        elif kind == "message_delta" and isinstance(event.get("usage"), dict):
            self._usage = merged(self._usage or Usage(), event["usage"], self._asked)
            delta = event.get("delta")
            self.is_final = isinstance(delta, dict) and delta.get("stop_reason") is not None
        elif kind == "message_stop":
            self.is_final = True
        elif kind == "error":
            self._has_failed = True

    def _take_delta(self, delta: object) -> None:
        if not isinstance(delta, dict):
            return
        for name, text in delta.items():
            if name != "type" and isinstance(text, str) and text:
                self._tokens += tokens_in(text.encode("utf-8", "replace"))
                self._unseen_since = None

    def _take_block(self, block: object, line: bytes) -> None:
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(block, dict) or not isinstance(kind, str):
            return
        self._unseen_since = self._clock() if kind in _UNSEEN else None
        if kind == "server_tool_use" and block.get("name") == "web_search":
            self._searches += 1
        elif kind.endswith("_tool_result"):
            # The model reads the prompt again, with this.
            self._again += 1
            self._came += tokens_in(line)
        elif kind in ("compaction", "fallback"):
            self._again += 1


class BodyUsage:
    """Of a JSON body; read when it is whole, of one over `max_bytes` only the end.

    Parameters
    ----------
    asked
        The request.
    length
        Of the whole body in bytes; 0 if that is not known.
    """

    def __init__(
        self,
        asked: Asked | None = None,
        length: int = 0,
        clock: Callable[[], float] = monotonic,
        max_bytes: int = 16 * 2**20,
    ) -> None:
        self._length = length
        self._asked = asked or Asked()
        self._clock = clock
        self._body = bytearray()
        self._max_bytes = max_bytes
        self._end = b""
        self._tokens = 0.0
        self.is_final = False

    def feed(self, chunk: bytes) -> None:
        """As `UsageReader`."""
        if self._end or len(self._body) + len(chunk) > self._max_bytes:
            if not self._end:
                self._tokens = tokens_in(bytes(self._body))
                self._end = bytes(self._body[-_END_BYTES:])
                del self._body[_END_BYTES:]
            self._tokens += tokens_in(chunk)
            self._end = (self._end + chunk)[-_END_BYTES:]
        else:
            self._body += chunk

    def usage(self) -> Usage | None:
        """As `UsageReader`."""
        model = found[1].decode("utf-8", "replace") if (found := _MODEL.search(self._body)) else ""
        message = {"model": model, "usage": _last_usage(self._end)} if self._end else _json(bytes(self._body))
        if isinstance(message.get("usage"), dict):
            return usage_of(message, self._asked)
        if message.get("type") == "error":
            return None
        tokens = self._tokens if self._end else tokens_in(bytes(self._body))
        # An answer that is not streamed is whole before any of it comes, however much of it was taken.
        tokens = max(tokens, self._length / MOST_BYTES_PER_TOKEN if not message else 0)
        return replace(estimated(self._asked, tokens, self._clock(), is_cut=not message), model=model)


def estimated(asked: Asked, tokens: float, now: float, *, is_cut: bool) -> Usage:
    """Of an answer that said nothing about it.

    Parameters
    ----------
    asked
        The request.
    tokens
        How many may have come.
    now
        The time: an answer that is not streamed was written before any of it came.
    is_cut
        Whether there is more of it than what came.
    """
    unseen = tokens_written(now - asked.started, asked.max_tokens) if is_cut else 0
    return Usage(
        input_tokens=asked.tokens,
        output_tokens=max(unseen, min(math.ceil(tokens), asked.max_tokens or MOST_OUTPUT_TOKENS)),
        speed=asked.speed,
        geo=asked.geo,
        unclear=("output", "prompt"),
    )


def _last_usage(end: bytes) -> Any:
    """The last usage object in the end of a message, where the API writes it; None if there is none."""
    ends = [found.end() for found in _USAGE.finditer(end)]
    try:
        return _DECODER.raw_decode(end[ends[-1] :].decode("utf-8", "replace"))[0] if ends else None
    except (ValueError, RecursionError):
        return None


def _json(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
