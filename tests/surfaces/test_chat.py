"""One controller: which session is current, and what counts only once it works. The model is scripted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import (
    ConfigError,
    SessionBusyError,
    SessionClosedError,
    SessionNotFoundError,
)
from neuroworkflow_agent.events import TurnStart
from neuroworkflow_agent.offer import Offer
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.testing import Reply, ScriptedModel

pytestmark = pytest.mark.claude


@pytest.fixture
def chat(scripted_model: ScriptedModel, workspace: Path, portal: Portal) -> Iterator[Chat]:
    with Chat(AgentConfig.from_env(workspace=workspace), portal=portal) as made:
        yield made


def say(chat: Chat, model: ScriptedModel, prompt: str) -> list[str]:
    """Run a turn; what the model was told so far."""
    model.extend(Reply.text(f"To {prompt}"))
    assert chat.send(prompt).result(60).end == "complete"
    return model.requests[-1].user_texts


def seen(chat: Chat) -> list[str]:
    return [event.prompt for event in chat.history() if isinstance(event, TurnStart)]


def test_new_resume_fork_rename_and_delete(chat: Chat, scripted_model: ScriptedModel) -> None:
    assert (chat.session_id, chat.has_history, chat.history(), chat.stored()) == (None, False, [], None)
    say(chat, scripted_model, "one")
    first = chat.session_id
    assert first is not None
    chat.select(new=True)
    assert say(chat, scripted_model, "other") == ["other"]
    chat.select(resume=first[:8])
    assert (chat.session_id, seen(chat)) == (first, ["one"])
    assert say(chat, scripted_model, "two") == ["one", "two"]
    chat.select(fork=True)
    assert chat.session_id != first
    assert say(chat, scripted_model, "three") == ["one", "two", "three"]
    chat.select(resume=first, fork=True, up_to=None)
    assert seen(chat) == ["one", "two"]
    chat.rename(first, "Named")
    assert {stored.title for stored in chat.sessions()} >= {"Named", "other"}
    count = len(chat.sessions())
    current = chat.session_id
    assert current is not None
    chat.delete(current)
    assert chat.session_id not in (None, current)
    assert not chat.has_history
    assert len(chat.sessions()) == count - 1


def test_session_that_goes_on_under_other_settings_has_these(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    """Claude Code 2.1.265 and later keep prompt and tools of a session's beginning, unless told not to."""
    say(chat, scripted_model, "one")
    chat.select(mode="read-only")
    assert say(chat, scripted_model, "two") == ["one", "two"]
    chat.select(mode="edit")
    chat.offer(tools=Offer(off=frozenset({"Edit"})))
    assert say(chat, scripted_model, "three") == ["one", "two", "three"]
    told = [(each.system_text, each.tool_names) for each in scripted_model.requests]
    assert ["Mode: read-only" in system for system, _ in told] == [False, True, False]
    assert [("Write" in tools, "Edit" in tools) for _, tools in told] == [
        (True, True), (False, False), (True, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"model": "openai:gpt-4.1"}, ConfigError),
        ({"mode": "elsewhere"}, ConfigError),
        ({"resume": "00000000"}, SessionNotFoundError),
        ({"fork": True, "model": "openai:gpt-4.1"}, ConfigError),
    ],
)
def test_what_cannot_work_changes_nothing(
    wanted: dict[str, str], error: type[Exception], chat: Chat, scripted_model: ScriptedModel
) -> None:
    say(chat, scripted_model, "one")
    before = chat.session_id, chat.config, len(chat.sessions())
    with pytest.raises(error):
        chat.select(**wanted)  # type: ignore[arg-type]
    assert (chat.session_id, chat.config, len(chat.sessions())) == before
    assert say(chat, scripted_model, "two") == ["one", "two"]


def test_there_has_to_be_something_to_fork(chat: Chat) -> None:
    with pytest.raises(ConfigError, match="nothing to fork"):
        chat.select(fork=True)


def test_what_could_not_begin_is_gone_on_with_once_it_can(
    chat: Chat, scripted_model: ScriptedModel, workspace: Path, portal: Portal
) -> None:
    say(chat, scripted_model, "one")
    first = chat.session_id
    chat.close()
    with Chat(AgentConfig.from_env(workspace=workspace, model="openai:gpt-4.1"), portal=portal) as later:
        with pytest.raises(ConfigError):
            later.select(resume="", mode="plan")
        assert (later.session_id, later.config.mode) == (None, "edit")
        with pytest.raises(ConfigError):
            later.select(resume="", keep_wish=True)
        assert (later.session_id, seen(later)) == (first, ["one"])
        later.select(model="sonnet")
        assert say(later, scripted_model, "two") == ["one", "two"]


def test_settings_chosen_in_a_turn_count_from_the_next_one_on(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("word " * 500, delay_s=0.02))
    turn = chat.send("Talk.")
    scripted_model.wait_for_requests(1)
    for refused in (
        lambda: chat.select(new=True),
        lambda: chat.select(mode="plan"),
        lambda: chat.send("And?"),
    ):
        with pytest.raises(SessionBusyError):
            refused()
    with pytest.raises(ConfigError):
        chat.change(model="openai:gpt-4.1")
    chat.change(mode="read-only")
    assert (chat.config.mode, chat.ready().config.mode) == ("read-only", "edit")
    chat.stop()
    assert turn.result(60).end == "interrupted"
    with pytest.raises(ConfigError, match="Nothing waits"):
        chat.answer("x", Answer(True))
    assert chat.ready().config.mode == "read-only"
    assert say(chat, scripted_model, "Go on.")[-1] == "Go on."
    assert "Write" not in scripted_model.requests[-1].tool_names


def test_a_chat_that_was_closed_begins_nothing(chat: Chat) -> None:
    chat.close()
    attempts: tuple[Callable[[], object], ...] = (
        chat.ready,
        chat.prewarm,
        lambda: chat.select(new=True),
        lambda: chat.send("Hi"),
    )
    for attempt in attempts:
        with pytest.raises(SessionClosedError):
            attempt()
    chat.close()


def test_an_endpoint_named_later_serves_the_first_turn(
    scripted_model: ScriptedModel, workspace: Path, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = scripted_model.environ["ANTHROPIC_BASE_URL"]
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    config = AgentConfig.from_env(workspace=workspace)
    with Chat(config, portal=portal, follows_environment=True) as chat:
        chat.ready()
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        assert say(chat, scripted_model, "Hello?") == ["Hello?"]


def test_many_at_once_leave_one_session(chat: Chat, scripted_model: ScriptedModel) -> None:
    say(chat, scripted_model, "one")
    trouble: list[BaseException] = []

    def change(number: int) -> None:
        try:
            chat.select(mode=("ask", "edit")[number % 2])
            chat.prewarm()
        except BaseException as error:  # noqa: BLE001 - reported below
            trouble.append(error)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert trouble == []
    assert say(chat, scripted_model, "two") == ["one", "two"]


def test_token_that_a_function_gives_to_the_session_is_hidden_everywhere(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    token = "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"
    scripted_model.extend(Reply.text("hi"))
    chat.send("hi").result()
    chat.use_user_token(lambda: token)
    session = chat._session
    assert session is not None
    assert session.config.current_user_token() == token
    assert token in chat.secrets
    assert token in chat.config.secrets
