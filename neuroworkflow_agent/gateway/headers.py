"""What crosses the gateway, by name. Pure.

Everything that is not known stays behind, so that no credential of a caller goes up and nothing of the
upstream account comes down by accident.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode

RawHeaders = Iterable[tuple[bytes, bytes]]

_UP = frozenset(
    {b"accept", b"anthropic-version", b"anthropic-beta", b"content-type", b"user-agent", b"x-app"}
)
_UP_STARTS = (b"x-stainless-",)
_DOWN = frozenset(
    {b"content-type", b"request-id", b"retry-after", b"retry-after-ms", b"x-should-retry", b"cache-control"}
)
_DOWN_STARTS = (b"anthropic-ratelimit-",)
_QUERY = frozenset({"beta", "limit", "before_id", "after_id"})


def going_up(headers: RawHeaders, key: str) -> list[tuple[bytes, bytes]]:
    """Headers of the upstream request: the known ones of the caller, and the real key.

    Parameters
    ----------
    headers
        Of the caller, names in lower case.
    key
        The real key.
    """
    kept = [(name, value) for name, value in headers if name in _UP or name.startswith(_UP_STARTS)]
    # The answer is read for its usage while it flows by.
    return [*kept, (b"x-api-key", key.encode()), (b"accept-encoding", b"identity")]


def coming_down(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Headers of our answer: the known ones of the upstream's."""
    lowered = ((name.lower(), value) for name, value in headers)
    return [(name, value) for name, value in lowered if name in _DOWN or name.startswith(_DOWN_STARTS)]


def query_going_up(query: bytes) -> str:
    """The known parameters of a query, written anew."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100) if query else []
    return urlencode([(name, value) for name, value in pairs if name in _QUERY])


def only(headers: RawHeaders, name: bytes) -> list[bytes]:
    """Every value of one header."""
    return [value for found, value in headers if found == name]
