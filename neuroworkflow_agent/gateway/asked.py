"""What a request asks for, seen while its body flows by: needed where its answer does not say what was used. Pure.

Nothing of the body is kept but the end of the last piece. Names are looked for anywhere in it, not only where they
count, so that whoever hides the true one behind another is charged by the dearest of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from time import monotonic

from neuroworkflow_agent.gateway.estimates import tokens_in, tokens_in_base64

_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,100})"')
_MAX_TOKENS = re.compile(rb'"max_tokens"\s*:\s*([0-9]{1,9})')
_GEO = re.compile(rb'"inference_geo"\s*:\s*"([^"\\]{1,30})"')
_FAST = re.compile(rb'"speed"\s*:\s*"(?!standard")')
_HOUR = re.compile(rb'"ttl"\s*:\s*"(?!5m")')
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")
"""No program writes a letter so, unless to hide a name."""
_BASE64 = re.compile(
    rb'("media_type"\s*:\s*"image/[\w.+-]{1,30}"\s*,\s*)?"data"\s*:\s*"([A-Za-z0-9+/=_-]{1024,})'
)
"""What is not said to be a picture before its data may be a document."""
_MORE_BASE64 = re.compile(rb"[A-Za-z0-9+/=_-]*")
_OVERLAP = 1_200
_MOST_NAMES = 20


class Asked:
    """One request."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.started = clock()
        self._tail = b""
        self._tokens = 0.0
        self._base64 = 0
        self._in_base64 = self._in_picture = False
        self.models: set[str] = set()
        """Every model that is named; empty if that is not known."""
        self._is_hidden = False
        self.max_tokens = 0
        """Most of the answer; 0 if that is not known."""
        self.speed = ""
        self.geo = ""
        self.may_cache_for_an_hour = False

    def feed(self, piece: bytes) -> None:
        """More of the body, in pieces of any size."""
        seen = self._tail + piece
        self._find_names(seen)
        self._count(piece, seen)
        self._tail = seen[-_OVERLAP:]

    @property
    def tokens(self) -> int:
        """How many tokens the prompt may have."""
        return math.ceil(self._tokens + self._tokens_in_base64())

    def _find_names(self, seen: bytes) -> None:
        # Looking for plain bytes first is many times faster, and most pieces have none of these.
        if b"\\u00" in seen and _ESCAPED_LETTER.search(seen) is not None:
            self._is_hidden = True
        if b'"model"' in seen and not self._is_hidden:
            self.models |= {name.decode("utf-8", "replace") for name in set(_MODEL.findall(seen))}
        if self._is_hidden or len(self.models) > _MOST_NAMES:
            self._is_hidden, self.models = True, set()
        if b'"max_tokens"' in seen:
            self.max_tokens = max(self.max_tokens, *map(int, set(_MAX_TOKENS.findall(seen))), 0)
        if b'"speed"' in seen and _FAST.search(seen) is not None:
            self.speed = "fast"
        if b'"inference_geo"' in seen and (geo := _GEO.search(seen)) is not None:
            self.geo = geo[1].decode("latin-1")
        if b'"ttl"' in seen and _HOUR.search(seen) is not None:
            self.may_cache_for_an_hour = True

    def _count(self, piece: bytes, seen: bytes) -> None:
        """Count text by its script, pictures and documents by their size."""
        start = len(seen) - len(piece)
        if self._in_base64:
            more = _MORE_BASE64.match(piece)
            length = more.end() if more else 0
            self._base64 += length
            start += length
            if length == len(piece):
                return
            self._end_base64()
        for found in _BASE64.finditer(seen) if b'"data"' in seen else ():
            if found.end() <= start:
                continue  # seen with the last piece
            self._tokens += tokens_in(seen[start : max(start, found.start(2))])
            self._base64, self._in_base64, self._in_picture = len(found[2]), True, found[1] is not None
            start = found.end()
            if start == len(seen):
                return
            self._end_base64()
        self._tokens += tokens_in(seen[start:])

    def _end_base64(self) -> None:
        self._tokens += self._tokens_in_base64()
        self._base64, self._in_base64 = 0, False

    def _tokens_in_base64(self) -> float:
        return tokens_in_base64(self._base64, is_picture=self._in_picture) if self._in_base64 else 0.0
