"""A notebook in a room of JupyterLab's real-time collaboration, joined as one of those who edit it.

`Room` owns its connection, the task that reads it and the one that shows that we are there, from `join` until `leave`
or until the server ends the connection. What is changed in its document is sent at once; `settle` waits until the server
has it, `save` until its file has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from jupyter_ydoc import YNotebook
from pycrdt import (
    Awareness,
    Decoder,
    Doc,
    Encoder,
    YMessageType,
    create_awareness_message,
    create_sync_message,
    create_update_message,
    handle_sync_message,
    read_message,
)
from tornado.httpclient import HTTPError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.notebooks.cursors import cells_with_cursors

ORIGIN = "neuroworkflow-agent"
"""Of our changes, so that they can be told from others'."""
_RAW = 2
"""Messages of jupyter-collaboration's own."""
_SYNCED = 1
"""Of the kinds of sync messages, the answer to ours."""
_JOIN_S = 30.0
_SETTLE_S = 15.0
_SAVE_S = 30.0
_SAVES = 20
"""How often it is tried while others go on."""
_AGAIN_S = 0.1
_SHOW_S = 15.0
"""A user who does not say for 30 s that he is there is taken out."""
_MAX_MESSAGE = 1 << 30


@dataclass(frozen=True, slots=True)
class RoomServer:
    """A Jupyter server with real-time collaboration."""

    url: str
    """Ends without a slash."""
    token: str
    user: str
    """What people see us as."""
    color: str = "#c2410c"


class Room:
    """Made by `join`."""

    def __init__(self, connection: WebSocketClientConnection, server: RoomServer) -> None:
        self._connection = connection
        self.document = YNotebook(Doc())
        """The notebook; to be changed in `changing` alone."""
        self.version = 0
        """Grows with every change of the document by anybody."""
        self.awareness = Awareness(self.document.ydoc)
        self._about_us = {
            "user": {
                "username": ORIGIN, "name": server.user, "display_name": server.user,
                "initials": server.user[:1], "color": server.color,
            }
        }  # fmt: skip
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._saves: dict[int, asyncio.Future[str]] = {}
        self._numbers = itertools.count(1)
        self._is_receiving = False
        self._touched: set[int] = set()
        """Cells whose text is changed by the message that is taken in."""
        self._typed: dict[str, float] = {}
        """When others last changed the text of a cell, by its id."""
        self._subscriptions = [
            self.document.ydoc.observe(self._changed),
            self.document.ycells.observe_deep(self._note_touched),
        ]
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._show())]

    @classmethod
    async def join(cls, server: RoomServer, path: str) -> Room:
        """Join the room of a notebook, which is opened for us if nobody is there.

        Parameters
        ----------
        path
            From the server's root; canonical, since another path to the same file is another room.

        Raises
        ------
        NotebookError
            If the server does not let us, or does not answer.
        """
        try:
            async with asyncio.timeout(_JOIN_S):
                room = cls(await _connect(server, path), server)
                try:
                    await room.settle()
                except BaseException:
                    await room.leave()
                    raise
        except (httpx.HTTPError, HTTPError, OSError, TimeoutError) as error:
            raise NotebookError(
                f"The room of {path!r} cannot be joined: {error or 'no answer'}. Nothing was changed."
            ) from error
        return room

    @property
    def is_open(self) -> bool:
        """Whether changes still come and go."""
        return not self._tasks[0].done()

    @contextmanager
    def changing(self) -> Iterator[YNotebook]:
        """Change the document in one transaction of ours; nothing else happens in it meanwhile."""
        with self.document.ydoc.transaction(origin=ORIGIN):
            yield self.document

    def typed_in(self, within_s: float) -> frozenset[str]:
        """Ids of the cells whose text others have changed within the last seconds."""
        since = time.monotonic() - within_s
        return frozenset(cell for cell, at in self._typed.items() if at > since)

    def cursors_in(self) -> frozenset[str]:
        """Ids of the cells in which others have their cursors."""
        us = self.document.ydoc.client_id
        others = [state for client, state in self.awareness.states.items() if client != us]
        return cells_with_cursors(self.document, others)

    def users(self) -> list[dict[str, Any]]:
        """Who is in the room."""
        found = []
        for client, state in self.awareness.states.items():
            user = (state or {}).get("user")
            if not user:  # the server itself
                continue
            name = str(user.get("display_name") or user.get("name") or user.get("username") or "unnamed")
            found.append({"name": name, "is_agent": client == self.document.ydoc.client_id})
        return found

    async def settle(self) -> None:
        """Wait until the server has taken in what was changed here.

        Raises
        ------
        NotebookError
            If the connection ends before.
        """
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(answered)
        self._send(create_sync_message(self.document.ydoc))
        await self._answer(answered, _SETTLE_S)

    async def save(self) -> None:
        """Have the server write the file, and wait until it has.

        Raises
        ------
        NotebookError
            If it could not.
        """
        for _ in range(_SAVES):
            with self.changing() as document:
                document.dirty = True
            await self.settle()
            before = self.document.hash
            status = await self._ask_to_save()
            await self.settle()
            # Also a save that a change of somebody else's has cancelled is called a success.
            if status == "success" and (not self.document.dirty or self.document.hash != before):
                return
            await asyncio.sleep(_AGAIN_S)
        raise NotebookError("The server could not save the notebook; it is kept in the room.")

    async def _ask_to_save(self) -> str:
        number = next(self._numbers)
        self._saves[number] = asyncio.get_running_loop().create_future()
        encoder = Encoder()
        encoder.write_var_uint(_RAW)
        encoder.write_var_string("save")
        encoder.write_var_uint(number)
        self._send(encoder.to_bytes())
        try:
            return str(await self._answer(self._saves[number], _SAVE_S))
        finally:
            del self._saves[number]

    async def leave(self) -> None:
        """Say that we go, and close the connection. Idempotent."""
        if self.is_open:
            with contextlib.suppress(NotebookError):
                self.awareness.set_local_state(None)
                self._show_us()
        self._tasks[1].cancel()
        self._connection.close()
        await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()
        self._end_waiting()

    async def _answer(self, future: asyncio.Future[Any], timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise NotebookError("The server of the room does not answer.") from None

    def _send(self, message: bytes) -> None:
        try:
            self._connection.write_message(message, binary=True)
        except WebSocketClosedError as error:
            raise NotebookError("The connection to the room has ended. Try again.") from error

    def _changed(self, event: Any) -> None:
        self.version += 1
        if not self._is_receiving:
            # Too late to refuse: who changed it waits in `settle`, which says so.
            with contextlib.suppress(NotebookError):
                self._send(create_update_message(event.update))

    def _note_touched(self, events: list[Any]) -> None:
        if self._is_receiving:
            self._touched |= {event.path[0] for event in events if event.path[1:] == ["source"]}

    def _note_typed(self) -> None:
        """Their ids, which can be read once the message has been taken in."""
        now = time.monotonic()
        for index in self._touched:
            self._typed[str(self.document.ycells[index].get("id"))] = now
        self._touched.clear()

    async def _read(self) -> None:
        try:
            while True:
                message = await self._connection.read_message()
                if message is None:
                    return
                if isinstance(message, bytes) and message:
                    self._take(message)
        finally:
            self._end_waiting()

    def _take(self, message: bytes) -> None:
        match message[0]:
            case YMessageType.SYNC:
                self._is_receiving = True
                try:
                    reply = handle_sync_message(message[1:], self.document.ydoc)
                finally:
                    self._is_receiving = False
                self._note_typed()
                if reply is not None:
                    self._send(reply)
                if message[1] == _SYNCED and self._waiting:
                    _resolve(self._waiting.popleft(), None)
            case YMessageType.AWARENESS:
                self.awareness.apply_awareness_update(read_message(message[1:]), "server")
            case 2:
                decoder = Decoder(message)
                decoder.read_var_uint()
                said = json.loads(decoder.read_var_string())
                if future := self._saves.get(said.get("responseTo")):
                    _resolve(future, said.get("status"))

    async def _show(self) -> None:
        """Say again and again that we are there."""
        while True:
            self.awareness.set_local_state(self._about_us)
            self._show_us()
            await asyncio.sleep(_SHOW_S)

    def _show_us(self) -> None:
        update = self.awareness.encode_awareness_update([self.document.ydoc.client_id])
        self._send(create_awareness_message(update))

    def _end_waiting(self) -> None:
        ended = NotebookError(
            "The connection to the room has ended. Whether the last change is in it shows when it is read."
        )
        waiting: list[asyncio.Future[Any]] = [*self._waiting, *self._saves.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(ended)
                future.exception()
        self._waiting.clear()


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


async def _connect(server: RoomServer, path: str) -> WebSocketClientConnection:
    headers = {"Authorization": f"token {server.token}"} if server.token else {}
    # The server is this machine's own, whose certificate may be made out to another name.
    async with httpx.AsyncClient(headers=headers, verify=False, timeout=_JOIN_S) as client:  # noqa: S501
        address = f"{server.url}/api/collaboration/session/{quote(path)}"
        response = await client.put(address, json={"format": "json", "type": "notebook"})
        response.raise_for_status()
        session = response.json()
    name = f"{session['format']}:{session['type']}:{session['fileId']}"
    query = urlencode({"sessionId": session["sessionId"]})
    url = f"ws{server.url.removeprefix('http')}/api/collaboration/room/{name}?{query}"
    request = HTTPRequest(url, headers=headers, validate_cert=False, connect_timeout=_JOIN_S)
    return await websocket_connect(request, max_message_size=_MAX_MESSAGE)
