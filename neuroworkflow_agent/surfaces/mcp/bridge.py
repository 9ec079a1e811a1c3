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
_METHOD_NOT_FOUND = -32601
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

    has_begun = False
    try:
        while line := await reader.readline():
            message = json.loads(line)
            has_begun = has_begun or message.get("method") == "initialize"
            if not has_begun:  # sessions are begun in the way that every client knows
                _refuse(message, _METHOD_NOT_FOUND, "Begin with initialize.")
                continue
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
    is_answered = "id" not in message or "method" not in message
    try:
        async for answer in remote.send(message):
            is_answered = is_answered or answer.get("id") == message["id"]
            _write(answer)
        if not is_answered:
            _refuse(message, _INTERNAL_ERROR, "The server stopped before it answered.")
    except ConfigError as error:
        _refuse(message, _INTERNAL_ERROR, str(error))


async def _listen(remote: Remote) -> None:
    async for message in remote.listen():
        _write(message)


def _refuse(message: Message, code: int, why: str) -> None:
    if "id" in message:
        _write({"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": why}})


def _write(message: Message) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()
