"""A room of jupyter-collaboration without a server: messages take their time on a clock that does not wait.

Thousands of edits, with people who pause and begin again and with connections that falter, take seconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import selectors
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from jupyter_ydoc import YNotebook
from pycrdt import Decoder, Doc, create_sync_message, create_update_message, handle_sync_message

from neuroworkflow_agent.kernels import letting_go
from neuroworkflow_agent.notebooks import room, room_holder
from neuroworkflow_agent.surfaces.mcp import executions

T = TypeVar("T")
_SYNC, _AWARENESS, _RAW = range(3)
_QUICK_S, _SLOW_S = (0.001, 0.03), (0.05, 0.25)
_IS_SLOW = 0.02


class _NeverWaits(selectors.DefaultSelector):
    """Goes on to the next timer at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found:
            if timeout is None:
                raise RuntimeError("Nothing would ever happen any more.")
            self.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes as it is waited for; what goes to another thread is done at once."""

    def __init__(self) -> None:
        self._never_waits = _NeverWaits()
        super().__init__(self._never_waits)

    def time(self) -> float:
        return self._never_waits.now

    monotonic = time
    """What modules take from `time`."""

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        done: asyncio.Future[T] = self.create_future()
        done.set_result(func(*args))
        return done


class Connection:
    """A member's end of a connection to the room; each way keeps its order."""

    def __init__(self, hub: Hub, chance: random.Random) -> None:
        self._hub = hub
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._up = self._down = 0.0

    def write_message(self, message: bytes, *, binary: bool) -> None:
        """Send."""
        assert binary
        self._up = self._later(self._up)
        self._loop.call_at(self._up, self._hub.take, self, message)

    async def read_message(self) -> bytes | None:
        """Receive; None at the end."""
        return await self._inbox.get()

    def close(self) -> None:
        """Leave."""
        self._hub.members.pop(self, None)
        self._inbox.put_nowait(None)

    def deliver(self, message: bytes) -> None:
        """What the server sends."""
        self._down = self._later(self._down)
        self._loop.call_at(self._down, self._inbox.put_nowait, message)

    def _later(self, earliest: float) -> float:
        takes = self._chance.uniform(*(_SLOW_S if self._chance.random() < _IS_SLOW else _QUICK_S))
        return max(earliest + 1e-6, self._loop.time() + takes)  # timers of one time have no order


class Hub:
    """The server's side, as `pycrdt.websocket.YRoom` and `jupyter_server_ydoc` have it."""

    def __init__(self, content: dict[str, Any], chance: random.Random) -> None:
        self.document = YNotebook(seeded(chance))
        self.document.set(content)
        self.members: dict[Connection, None] = {}
        self._chance = chance
        self._subscription = self.document.ydoc.observe(
            lambda event: self._to_all(create_update_message(event.update))
        )

    def connect(self) -> Connection:
        """A new member."""
        member = Connection(self, random.Random(self._chance.random()))
        self.members[member] = None
        member.deliver(create_sync_message(self.document.ydoc))
        return member

    def let_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have whoever joins a room join this one, on this loop's clock."""

        async def connect(_server: room.RoomServer, _path: str) -> Any:
            return self.connect()

        monkeypatch.setattr(room, "_connect", connect)
        monkeypatch.setattr(room, "Doc", lambda: seeded(self._chance))
        for module in (room, room_holder, letting_go, executions):
            monkeypatch.setattr(module, "time", asyncio.get_running_loop())

    def take(self, member: Connection, message: bytes) -> None:
        """Answer a message."""
        if message[0] == _SYNC:
            if (reply := handle_sync_message(message[1:], self.document.ydoc)) is not None:
                member.deliver(reply)
        elif message[0] == _AWARENESS:
            self._to_all(message)
        else:
            self._save(member, message)

    def _save(self, member: Connection, message: bytes) -> None:
        decoder = Decoder(message)
        assert (decoder.read_var_uint(), decoder.read_var_string()) == (_RAW, "save")
        said = json.dumps({"responseTo": decoder.read_var_uint(), "status": "success"}).encode()
        self.document.dirty = False
        member.deliver(bytes([_RAW, *_length(said)]) + said)

    def _to_all(self, message: bytes) -> None:
        for member in self.members:
            member.deliver(message)


def seeded(chance: random.Random) -> Doc[Any]:
    """A document whose changes have their place among those of others by chance, but by the seed's."""
    return Doc(client_id=chance.randrange(1 << 31))


def _length(data: bytes) -> bytes:
    assert len(data) < 128
    return bytes([len(data)])
