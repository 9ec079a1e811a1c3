"""A Messages API client that only measures: raw HTTP over asyncio's streams."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_STAMP = re.compile(rb'"text": ?"(\d{6,})"')


@dataclass
class Answer:
    """What was seen of one answer."""

    first_byte_s: float
    lags_s: list[float] = field(default_factory=list)
    """From the sending of each event to its arrival, in s."""


class Target:
    """One way to the upstream."""

    def __init__(self, name: str, url: str, token: str, pid: int | None = None) -> None:
        self.name = name
        self.pid = pid
        self._token = token
        parts = urlsplit(url)
        self._address = parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/v1/messages"
        self._head = (
            f"POST {self._path} HTTP/1.1\r\nhost: {parts.netloc}\r\nx-api-key: {token}\r\nauthorization: Bearer {token}\r\n"
            "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
        )

    def at(self, url: str, pid: int) -> Target:
        """The same behind something that passes everything on."""
        return Target(self.name, url, self._token, pid)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._address[1] or 0

    async def connect(self) -> Connection:
        """A new connection."""
        return Connection(*await asyncio.open_connection(*self._address), self._head)


class Connection:
    """A connection that asks one thing after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head

    async def ask(self, events: int, gap_s: float = 0.0) -> Answer:
        """One streamed message of so many events."""
        asked = {"model": "claude-sonnet-4-5", "max_tokens": events, "stream": True, "temperature": gap_s}
        body = json.dumps({**asked, "messages": [{"role": "user", "content": "hi"}]})
        started = time.perf_counter()
        self._writer.write(f"{self._head}content-length: {len(body)}\r\n\r\n{body}".encode())
        answer, seen = None, b""
        while b"message_stop" not in seen or not seen.endswith(b"0\r\n\r\n"):
            piece = await self._reader.read(65_536)
            arrived = time.monotonic_ns()
            if not piece:
                raise ConnectionError(seen[-500:])
            if answer is None:
                answer = Answer(time.perf_counter() - started)
                if not piece.startswith(b"HTTP/1.1 200"):
                    raise ConnectionError(piece[:1000])
            answer.lags_s += [(arrived - int(stamp)) / 1e9 for stamp in _STAMP.findall(piece)]
            seen = (seen + piece)[-200:]
        assert answer is not None
        return answer

    def close(self) -> None:
        """End it."""
        self._writer.close()
