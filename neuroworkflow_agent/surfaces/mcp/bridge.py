"""A server that serves over HTTP, on standard input and output: for clients that only start programs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Coroutine
from typing import Any

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.surfaces.mcp.remote import Message, Remote

_INTERNAL_ERROR = -32603
_MAX_LINE = 16 * 1024 * 1024


def bridge(url: str, token: str) -> None:
    """Pass messages between standard input and output and a Jupyter server, until the input ends."""
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_bridge(Remote(url, token)))


async def _bridge(remote: Remote) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks: set[asyncio.Task[None]] = set()

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        while line := await reader.readline():
            message = json.loads(line)
            if message.get("method") in ("initialize", "notifications/initialized"):
                await _pass_on(remote, message)  # what comes next needs the session
            else:
                spawn(_pass_on(remote, message))
            if message.get("method") == "notifications/initialized":
                spawn(_listen(remote))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await remote.aclose()


async def _pass_on(remote: Remote, message: Message) -> None:
    try:
        async for answer in remote.send(message):
            _write(answer)
    except ConfigError as error:
        if "id" in message:
            refusal = {"code": _INTERNAL_ERROR, "message": str(error)}
            _write({"jsonrpc": "2.0", "id": message["id"], "error": refusal})


async def _listen(remote: Remote) -> None:
    async for message in remote.listen():
        _write(message)


def _write(message: Message) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()
