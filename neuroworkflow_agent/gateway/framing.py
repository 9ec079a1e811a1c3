"""Requests as they come off a connection: read strictly, counted, and written anew. Pure.

The ASGI server behind it gets what was understood here, not the caller's own bytes: no trailers, no chunk
extensions, no upgrade. So its memory does not grow by what a caller sends, and it cannot understand a request
differently.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import httptools

from neuroworkflow_agent.gateway.refused import Reason

_SLICE_BYTES = 16 * 2**10
"""So much is parsed before it is counted."""
_MAX_HEADERS = 100
_MAX_WAITING = 16
_CHUNK_BYTES = 16
"""So much may say where a byte of a body is: more than chunks of one byte need, less than padding would take."""
_MAX_DIGITS = 19
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_LEFT_OUT = frozenset({b"upgrade", b"http2-settings"})
_VERSIONS = ("1.0", "1.1")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a connection's bytes are read no further."""

    status: int
    message: str
    reason: Reason
    """For the log and the metrics."""


_TOO_LARGE = Refused(431, "The request's headers are too large.", "headers")
_UNCLEAR = Refused(
    400,
    "The request's length is not clear. Give one content-length, or transfer-encoding: chunked.",
    "length",
)


class Message:
    """A request on its way to the server: its head, and what has come of its body."""

    def __init__(self, head: bytes, *, is_chunked: bool) -> None:
        self._waiting = head
        self._is_chunked = is_chunked
        self.is_whole = False

    def __len__(self) -> int:
        """Bytes that wait to be taken."""
        return len(self._waiting)

    def add(self, body: bytes) -> None:
        """More of its body."""
        self._waiting += b"%x\r\n%b\r\n" % (len(body), body) if self._is_chunked else body

    def end(self) -> None:
        """All of it has come."""
        self.is_whole = True
        if self._is_chunked:
            self._waiting += b"0\r\n\r\n"

    def take(self) -> bytes:
        """What has come and was not taken yet."""
        taken, self._waiting = self._waiting, b""
        return taken


class RequestReader:
    """Makes requests of the bytes of one connection.

    Parameters
    ----------
    max_header_bytes
        Most for a request's target and headers; also for what comes at one go between two pieces of a body, and
        behind it.
    """

    _body_bytes: int
    _other_bytes: int
    _other_in_a_row: int

    def __init__(self, max_header_bytes: int) -> None:
        self._max_header_bytes = max_header_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._message: Message | None = None
        self._body: list[bytes] = []
        self._is_resuming = False
        self._is_last = False
        self.messages: deque[Message] = deque()
        """In their order; whoever has seen to the first takes it out."""
        self.refusal: Refused | None = None
        """What is said when all `messages` are answered; nothing more is read."""
        self.is_amid = False
        """Whether a request has begun to come and is not whole."""
        self._reset()

    def feed(self, data: bytes) -> None:
        """More of what the caller sent, in pieces of any size."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self.refusal is not None or self._is_over:
                return
            self._read(data[start : start + _SLICE_BYTES])

    @property
    def _is_over(self) -> bool:
        """Whether the last request of the connection has come."""
        return self._is_last and self._message is None

    def _read(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._resume(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            if self.refusal is None and not self._is_over:
                self.refusal = Refused(400, "The request is not valid HTTP.", "http")
        self._count(len(data))

    def _count(self, size: int) -> None:
        """Count what was no body, and hand on what was."""
        body = self._pass_on() if self._body else 0
        self._body_bytes += body
        self._other_bytes += size - body
        self._other_in_a_row = size - body if body else self._other_in_a_row + size
        # Parts of two requests may have come together, so it is exact only to so much.
        most = self._max_header_bytes + 2 * _SLICE_BYTES
        is_padded = self._other_bytes > most + _CHUNK_BYTES * self._body_bytes
        if self._other_in_a_row > most or is_padded or len(self._headers) > _MAX_HEADERS:
            self.refusal = self.refusal or _TOO_LARGE

    def _pass_on(self) -> int:
        """Hand on what has come of a body; its size."""
        body = b"".join(self._body)
        self._body.clear()
        if self._message is not None and body:
            self._message.add(body)
        return len(body)

    def _resume(self, rest: bytes) -> None:
        """Go on with a request that asks for another protocol, as if it did not: its body is still HTTP.

        The parser ends such a request behind its headers.
        """
        self._parser = httptools.HttpRequestParser(self)
        self._is_resuming = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % self._length)
        self._is_resuming = False
        self._read(rest)

    def _refuse(self, refusal: Refused) -> None:
        """From within the parser: end it."""
        self.refusal = refusal
        raise _StopError

    def _reset(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._length = b""
        self._body_bytes = 0
        self._other_bytes = 0
        self._other_in_a_row = 0

    # -- what the parser says ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._is_resuming:
            return
        if self._is_over:
            raise _StopError
        self.is_amid = True
        if len(self.messages) > _MAX_WAITING:
            self._refuse(Refused(429, "Too many requests at once on one connection.", "pipelined"))

    def on_url(self, url: bytes) -> None:
        """Some of its target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or behind the body a trailer, which nobody here wants."""
        if self._message is None:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Its head has come."""
        if self._is_resuming:
            return
        method, version = self._parser.get_method(), self._parser.get_http_version()
        if version not in _VERSIONS:
            self._refuse(Refused(505, f"HTTP/{version} is not spoken here. Use HTTP/1.1.", "version"))
        if len(self._url) > self._max_header_bytes:
            self._refuse(_TOO_LARGE)
        if method == b"CONNECT" or not _has_path(self._url):
            self._refuse(Refused(400, "The request's target is not a path.", "target"))
        lines = [b"%b %b HTTP/%b" % (method, self._url, version.encode())]
        framing = []
        for name, value in self._headers:
            if name in _FRAMING:
                framing.append((name, value))
            if name not in _LEFT_OUT:
                lines.append(name + b": " + value)
        head = b"\r\n".join((*lines, b"", b""))
        if len(head) > self._max_header_bytes or len(lines) > _MAX_HEADERS + 1:
            self._refuse(_TOO_LARGE)
        if framing:
            self._length = b"%b: %b\r\n" % self._framing(framing, version)
        self._message = Message(head, is_chunked=self._length.startswith(b"t"))
        self.messages.append(self._message)
        self._is_last = not self._parser.should_keep_alive()

    def _framing(self, headers: list[tuple[bytes, bytes]], version: str) -> tuple[bytes, bytes]:
        """The one header that says where the body ends."""
        # Two ways to tell are one too many: somebody before us may have taken the other.
        if len(headers) > 1:
            self._refuse(_UNCLEAR)
        ((name, value),) = headers
        if name == b"content-length":
            is_clear = value.isdigit() and len(value) < _MAX_DIGITS
        else:
            is_clear = value.strip().lower() == b"chunked" and version != "1.0"
        if not is_clear:
            self._refuse(_UNCLEAR)
        return name, value

    def on_body(self, body: bytes) -> None:
        """Some of its body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """It has come as a whole, or it asks for another protocol."""
        if self._message is None or self._parser.should_upgrade():
            return
        body = self._pass_on()
        self._message.end()
        self._message = None
        self.is_amid = False
        self._reset()
        # Other bytes that came with its end count as the next request's; those of its body do not.
        self._other_bytes = self._other_in_a_row = -body


class _StopError(Exception):
    """Raised within the parser, which then parses no further."""


def _has_path(url: bytes) -> bool:
    try:
        path = httptools.parse_url(url).path
    except httptools.HttpParserInvalidURLError:
        return False
    return path is not None and path.isascii()
