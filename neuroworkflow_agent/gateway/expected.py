"""What a request may use, read from as much of its body as is there. Pure.

A text's tokens are estimated by its bytes. Pictures and documents travel as base64 and cost much less than text of
that length; they are told apart only in a body that is there as a whole, by the places where the API takes them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_BYTES_PER_TOKEN = 4.0
_BYTES_PER_TOKEN_BEYOND_ASCII = 2.5
_ASCII = bytes(range(128))
_PICTURE_TOKENS = 1_600
_DOCUMENT_BYTES_PER_TOKEN = 12
_MOST_PROMPT_TOKENS = 1_000_000
"""No model takes more."""
_MODEL_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*"([\w.:@/\[\]-]{1,100})"')


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of a request beforehand."""

    model: str
    """Empty if it is not known."""
    prompt_tokens: int
    most_answer_tokens: int | None
    """`max_tokens`; None if it is not known."""


def estimate(beginning: bytes, length: int | None) -> Estimate:
    """By the beginning of a body, and its length if that is known."""
    model = _MODEL_FIRST.match(beginning)
    prompt = _MOST_PROMPT_TOKENS if length is None else _text_tokens(beginning, max(length, len(beginning)))
    return Estimate(model[1].decode() if model else "", prompt, None)


def estimate_whole(body: bytes) -> Estimate:
    """By all of a body."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):  # the API refuses it
        return Estimate("", _text_tokens(body, len(body)), None)
    model, most = message.get("model"), message.get("max_tokens")
    media_bytes = media_tokens = 0
    for kind, size in _media(message.get("messages")):
        media_bytes += size
        media_tokens += _PICTURE_TOKENS if kind == "image" else math.ceil(size / _DOCUMENT_BYTES_PER_TOKEN)
    return Estimate(
        model if isinstance(model, str) else "",
        min(_MOST_PROMPT_TOKENS, _text_tokens(body, len(body), media_bytes) + media_tokens),
        most if isinstance(most, int) and not isinstance(most, bool) and most >= 0 else None,
    )


def _text_tokens(sample: bytes, size: int, media_bytes: int = 0) -> int:
    """Of so many bytes that are like the sample, of which some are no text."""
    beyond = len(sample.translate(None, _ASCII)) / max(1, len(sample)) * size
    within = max(0.0, size - beyond - media_bytes)
    tokens = within / _BYTES_PER_TOKEN + beyond / _BYTES_PER_TOKEN_BEYOND_ASCII
    return min(_MOST_PROMPT_TOKENS, math.ceil(tokens))


def _media(content: Any, depth: int = 0) -> Iterator[tuple[str, int]]:
    """Kind and bytes of each picture and document in messages, and in the results of tools in them."""
    for block in content if isinstance(content, list) and depth < 4 else ():
        if not isinstance(block, dict):
            continue
        source = block.get("source")
        if block.get("type") in ("image", "document") and isinstance(source, dict):
            data = source.get("data")
            if source.get("type") == "base64" and isinstance(data, str):
                yield block["type"], len(data)
        else:
            yield from _media(block.get("content"), depth + 1)
