"""How many tokens something may have been, where nobody says. Pure; rather too many than too few.

What is reserved for a request and what is booked of an answer that says nothing are reckoned by these same figures.

Source: Anthropic's glossary (a token is about 3.5 English characters), its notes on the tokenizer of Claude Opus 4.7
and later (up to 1.35 times as many tokens for the same text) and on pictures (4,784 tokens at most).
"""

from __future__ import annotations

import math

_PER_BYTE = 1.35 / 3.5
"""Of ASCII."""
_PER_CHARACTER = ((0xC2, 0xE0, 0.9), (0xE0, 0xF0, 1.3), (0xF0, 0xF5, 3.0))
"""First bytes of characters of two bytes (Greek, Cyrillic …), three (Japanese, Chinese …) and four, and their tokens."""
_OTHERS = [
    (bytes(byte for byte in range(256) if not first <= byte < end), per) for first, end, per in _PER_CHARACTER
]
_HIGH = bytes(range(0x80, 0x100))
_PICTURE_TOKENS = 4_784
_DOCUMENT_BYTES_PER_TOKEN = 12
"""Of documents in base64: a page of a PDF has about 3,000 tokens as text and picture, and often no more than 25 kB."""

TOKENS_PER_S = 80.0
"""How fast a model writes what is not seen: thinking, or an answer that comes only when it is whole."""
MOST_BYTES_PER_TOKEN = 1.0 / _PER_BYTE
"""Of text whose script is not known."""
MOST_OUTPUT_TOKENS = 128_000
"""What no model writes more of in one answer."""


def tokens_in(text: bytes) -> float:
    """Of text in UTF-8, by its script."""
    if text.isascii():
        return len(text) * _PER_BYTE
    tokens = len(text.translate(None, _HIGH)) * _PER_BYTE
    return tokens + sum(len(text.translate(None, others)) * per for others, per in _OTHERS)


def tokens_in_base64(count: int, *, is_picture: bool = False) -> float:
    """Of a picture, or else a document, of so many characters in base64."""
    most = _PICTURE_TOKENS if is_picture else max(_PICTURE_TOKENS, count / _DOCUMENT_BYTES_PER_TOKEN)
    return min(count * _PER_BYTE, most)


def tokens_written(seconds: float, most: int) -> int:
    """Of an answer that nobody saw, `most` being what was allowed; 0 if that is not known."""
    return min(math.ceil(seconds * TOKENS_PER_S), most or MOST_OUTPUT_TOKENS)
