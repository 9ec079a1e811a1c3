"""The chats of a web server, without one."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import SessionNotFoundError
from neuroworkflow_agent.ids import new_session_id
from neuroworkflow_agent.surfaces.web import chats
from neuroworkflow_agent.surfaces.web.listing import StoredChat
from neuroworkflow_agent.surfaces.web.places import Place

SESSION = "00000000-0000-0000-0000-000000000001"


async def test_chat_that_is_being_deleted_is_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, is_begun, may_end = {SESSION}, threading.Event(), threading.Event()

    def stored(session_id: str, _config: AgentConfig) -> StoredChat:
        if session_id not in there:
            raise SessionNotFoundError(session_id)
        return StoredChat(has_transcript=False)

    def delete(session_id: str, _config: AgentConfig) -> None:
        is_begun.set()
        assert may_end.wait(10)
        there.discard(session_id)

    opened: list[Any] = []
    monkeypatch.setattr(chats, "stored_chat", stored)
    monkeypatch.setattr(chats, "delete_chat", delete)
    monkeypatch.setattr(chats, "WebChat", lambda *_given, **_more: opened.append(1))
    all_chats = chats.Chats(AgentConfig.from_env(workspace=tmp_path), portal=None)  # type: ignore[arg-type]
    deleting = asyncio.create_task(all_chats.delete(SESSION))
    await asyncio.to_thread(is_begun.wait, 10)
    getting = asyncio.create_task(all_chats.get(SESSION))
    await asyncio.sleep(0.05)
    may_end.set()
    with pytest.raises(SessionNotFoundError):
        await getting
    await deleting
    assert opened == []
    await all_chats.aclose()


class IdleChat:
    """One that nobody uses, and that takes its time to end."""

    title, is_busy, is_shown, place = "Birds", False, False, Place()
    idle_s = 100.0

    def __init__(self, may_end: asyncio.Event) -> None:
        self.session_id = new_session_id()
        self.is_closed = False
        self._may_end = may_end

    def end_process(self) -> None:
        """It has none."""

    def tell(self, event: bytes) -> None:
        """Nobody looks."""

    async def aclose(self) -> None:
        self.is_closed = True
        await self._may_end.wait()


async def test_chat_that_is_used_while_another_is_closed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "_LOOK_EVERY_S", 0.01)
    may_end = asyncio.Event()
    config = AgentConfig.from_env(workspace=tmp_path)
    all_chats = chats.Chats(config, portal=None, idle_s=50.0)  # type: ignore[arg-type]
    first, used, deleted, last = given = [IdleChat(may_end) for _ in range(4)]
    monkeypatch.setattr(all_chats, "_open", [*given])
    monkeypatch.setattr(chats, "delete_chat", lambda *_given: None)
    while not first.is_closed:
        await asyncio.sleep(0.01)
    used.idle_s = 0.0
    deleting = asyncio.create_task(all_chats.delete(deleted.session_id))
    await asyncio.sleep(0.05)
    may_end.set()
    await asyncio.sleep(0.05)
    assert [each.is_closed for each in given] == [True, False, True, True]
    used.idle_s = 100.0  # those that are left are still looked after
    await asyncio.sleep(0.05)
    assert used.is_closed
    assert last.is_closed
    await asyncio.gather(deleting, return_exceptions=True)
    await all_chats.aclose()
