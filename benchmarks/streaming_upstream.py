"""`python -m benchmarks.streaming_upstream`: a Messages API that answers as fast as a process can; prints its port.

The request says how: `max_tokens` events, `temperature` seconds between them. Each event's text is the time at
which it was sent, in ns of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_MODEL = "claude-sonnet-4-5"


def _event(kind: str, **fields: Any) -> bytes:
    text = f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(text), text)


_USAGE = {"input_tokens": 10, "output_tokens": 1}
_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": _MODEL,
    "content": [],
    "usage": _USAGE,
}
_START = _event("message_start", message={**_MESSAGE, "stop_reason": None, "stop_sequence": None}) + _event(
    "content_block_start", index=0, content_block={"type": "text", "text": ""}
)
_END = (
    _event("content_block_stop", index=0)
    + _event(
        "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9}
    )
    + _event("message_stop")
    + b"0\r\n\r\n"
)


class _Upstream(asyncio.Protocol):
    def __init__(self) -> None:
        self._data = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, separator, body = self._data.partition(b"\r\n\r\n")
        if not separator:
            return
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ),
            0,
        )
        if len(body) < length:
            return
        self._data = body[length:]
        asked = json.loads(body[:length] or b"{}")
        count, gap_s = int(asked.get("max_tokens", 1)), float(asked.get("temperature", 0))
        if gap_s:
            task = asyncio.ensure_future(self._slowly(count, gap_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._transport.write(b"".join((_HEAD, _START, *(_delta() for _ in range(count)), _END)))

    async def _slowly(self, count: int, gap_s: float) -> None:
        self._transport.write(_HEAD + _START)
        for _ in range(count):
            await asyncio.sleep(gap_s)
            self._transport.write(_delta())
        self._transport.write(_END)


def _delta() -> bytes:
    return _event(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": str(time.monotonic_ns())}
    )


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
