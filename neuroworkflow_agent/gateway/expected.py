"""What a request may use, read from as much of its body as is there. Pure.

Pictures and documents travel as base64 and cost much less than text of that length; they are told apart only in a
body that is there as a whole, by the places where the API takes them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from neuroworkflow_agent.gateway.estimates import MOST_BYTES_PER_TOKEN, tokens_in, tokens_in_base64

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
    prompt = tokens_in(beginning)
    per_byte = prompt / len(beginning) if beginning else 1 / MOST_BYTES_PER_TOKEN
    prompt += math.inf if length is None else max(0, length - len(beginning)) * per_byte
    return Estimate(model[1].decode() if model else "", _bounded(prompt), None)


def estimate_whole(body: bytes) -> Estimate:
    """By all of a body."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        message = None
    prompt = tokens_in(body)
    if not isinstance(message, dict):  # the API refuses it
        return Estimate("", _bounded(prompt), None)
    model, most = message.get("model"), message.get("max_tokens")
    for kind, data in _media(message.get("messages")):
        prompt += tokens_in_base64(len(data), is_picture=kind == "image") - tokens_in(
            data.encode("utf-8", "replace")
        )
    return Estimate(
        model if isinstance(model, str) else "",
        _bounded(prompt),
        most if isinstance(most, int) and not isinstance(most, bool) and most >= 0 else None,
    )


def _bounded(tokens: float) -> int:
    """Between none and what a model takes: what is subtracted may have come in fewer bytes than it is counted by."""
    return math.ceil(max(0.0, min(_MOST_PROMPT_TOKENS, tokens)))


def _media(content: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Kind and base64 of each picture and document in messages, and in the results of tools in them."""
    for block in content if isinstance(content, list) and depth < 4 else ():
        if not isinstance(block, dict):
            continue
        source = block.get("source")
        if block.get("type") in ("image", "document") and isinstance(source, dict):
            data = source.get("data")
            if source.get("type") == "base64" and isinstance(data, str):
                yield block["type"], data
        else:
            yield from _media(block.get("content"), depth + 1)
