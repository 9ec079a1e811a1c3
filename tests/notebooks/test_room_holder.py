"""A room that is left: when nobody asks for it, and when its holder is closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neuroworkflow_agent.notebooks.room import Room, RoomServer
from neuroworkflow_agent.notebooks.room_holder import RoomHolder


class SlowRoom:
    """One whose file takes long to be written."""

    is_open = True

    def __init__(self) -> None:
        self.is_saving, self.is_left = asyncio.Event(), False

    async def save(self) -> None:
        self.is_saving.set()
        await asyncio.sleep(60)

    async def leave(self) -> None:
        self.is_left = True


async def test_room_is_left_though_its_holder_is_closed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    room = SlowRoom()

    async def join(*_where: Any) -> SlowRoom:
        return room

    monkeypatch.setattr(Room, "join", join)
    holder = RoomHolder(RoomServer("http://nowhere", "", "Agent"), "idle.ipynb", idle_s=0.0)
    await holder._joined()
    await asyncio.wait_for(room.is_saving.wait(), 5)
    await holder.aclose()
    assert room.is_left
