"""When a client is told of a turn."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import acp
import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.ids import new_session_id
from neuroworkflow_agent.surfaces.acp import session as acp_session
from neuroworkflow_agent.surfaces.acp.session import AcpSession
from neuroworkflow_agent.testing import Reply, ScriptedModel

pytestmark = pytest.mark.claude


class Client:
    """One that lets the model's answer end once it has been told of its text."""

    def __init__(self) -> None:
        self.text_is_told = threading.Event()

    async def session_update(self, session_id: str, update: Any, **_more: Any) -> None:
        if update.session_update == "agent_message_chunk":
            self.text_is_told.set()


def test_the_first_text_does_not_wait_for_what_nobody_was_told_before_it(
    workspace: Path, portal: Portal, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a turn begins and waits for the model is news without anything to tell."""
    client = Client()

    async def two_turns() -> None:
        session = AcpSession(
            AgentConfig.from_env(workspace=workspace),
            cast(acp.Client, client),
            portal,
            new_session_id(),
            notebook=None,
        )
        try:
            await session.begin()
            scripted_model.extend(Reply.text("one"))
            await session.prompt([acp.text_block("Go.")])  # which also tells which model serves
            monkeypatch.setattr(acp_session, "_TOLD_EVERY_S", 3600)
            client.text_is_told.clear()
            scripted_model.extend(replace(Reply.text("two"), until=client.text_is_told))
            await session.prompt([acp.text_block("Go on.")])
        finally:
            await session.aclose()

    portal.call(two_turns(), 60)
