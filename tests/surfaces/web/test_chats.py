"""The chats of a web server, without one."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.errors import SessionNotFoundError
from neuroworkflow_agent.surfaces.web import chats
from neuroworkflow_agent.surfaces.web.listing import StoredChat

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
