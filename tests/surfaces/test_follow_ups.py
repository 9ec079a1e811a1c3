"""A message that waits goes into the turn that runs: the real CLI, the real SDK; only model and kernel are played."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.permissions import Answer
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.prompts import Attachment
from neuroworkflow_agent.engine.turn import Turn
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import (
    ApprovalRequest,
    CellStart,
    Event,
    FollowUp,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
    decode,
    encode,
)
from neuroworkflow_agent.kernels.base import Execution
from neuroworkflow_agent.models.local.conversation import small_prompt
from neuroworkflow_agent.models.messages import plain_request
from neuroworkflow_agent.pictures import Picture
from neuroworkflow_agent.surfaces.chat import Chat, QueuedMessage
from neuroworkflow_agent.testing import Reply, ScriptedModel, Text, ToolCall
from tests import tiers

pytestmark = pytest.mark.claude


PICTURE = Picture(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "image/png",
)


class Kernel:
    """One whose code takes as many seconds as it says."""

    language = "python"

    async def execute(
        self, source: str, *, on_start: Callable[[], None] | None = None, **_: Any
    ) -> Execution:
        assert on_start is not None
        on_start()
        await asyncio.sleep(float(source))
        return Execution(source, "ok", (), 1, None, float(source))

    async def interrupt(self) -> None:
        """Who waits for the code is cancelled, and that is enough."""

    async def aclose(self) -> None:
        """It has nothing to close."""


@pytest.fixture
def make_chat(
    scripted_model: ScriptedModel, workspace: Path, portal: Portal
) -> Iterator[Callable[..., Chat]]:
    chats: list[Chat] = []

    def make(**settings: Any) -> Chat:
        config = AgentConfig.from_env(workspace=workspace, **settings)
        chats.append(Chat(config, kernel=Kernel(), portal=portal))
        return chats[-1]

    yield make
    for chat in chats:
        chat.close()


@pytest.fixture
def chat(make_chat: Callable[..., Chat]) -> Chat:
    return make_chat()


def until(turn: Turn, kind: type[Event], count: int = 1) -> Any:
    """The event of that kind."""
    return next(itertools.islice((event for event in turn if isinstance(event, kind)), count - 1, None))


def wait(chat: Chat, *prompts: str) -> list[str]:
    """Put messages into the queue; gives their ids."""
    added = [QueuedMessage(prompt) for prompt in prompts]
    chat.queue += added
    return [message.message_id for message in added]


def told(events: Iterable[Event]) -> list[str]:
    """What happened, in short."""
    lines = []
    for event in events:
        match event:
            case TurnStart(prompt=prompt) | FollowUp(prompt=prompt):
                lines.append(f"> {prompt}")
            case TextDelta(text=text):
                lines.append(text.strip())
            case ToolUse(name=name):
                lines.append(name)
            case ToolResult(is_error=is_error):
                lines.append("failed" if is_error else "done")
            case TurnEnd(end=end):
                lines.append(end)
    return lines


def said(model: ScriptedModel) -> str:
    """All that the model was told with the last request."""
    return str(model.requests[-1].body["messages"])


def test_messages_go_in_after_the_tools_that_run_and_are_seen_there(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    picture = Attachment("a.txt", "what is in it")
    scripted_model.extend(
        Reply.code("0.3", "0.3"), Reply.text("Both."), Reply.text("Last."), Reply.text("Next.")
    )
    turn = chat.send("Go")
    until(turn, CellStart)
    one, two, three = wait(chat, "First", "Second", "Third")
    assert chat.send_now(two, attachments=[picture])
    assert chat.send_now(three)
    assert not chat.send_now(three)
    assert [(each.prompt, each.is_on_its_way) for each in chat.queue] == [
        ("Second", True),
        ("Third", True),
        ("First", False),
    ]
    assert turn.result(60).end == "complete"
    both = ["> Second", "> Third"]
    happened = ["> Go", "run_code", "run_code", "done", "done", *both, "Both.", "complete"]
    assert told(turn._events) == happened
    assert told(chat.history()) == happened
    follow_up = next(event for event in turn._events if isinstance(event, FollowUp))
    assert follow_up == FollowUp(two, "Second", ("a.txt",)) == decode(encode(follow_up))
    assert "Second" in said(scripted_model)
    assert "what is in it" in said(scripted_model)
    assert "First" not in said(scripted_model)
    # The one that was not sent at once is the next; nothing is said twice.
    assert [each.message_id for each in chat.queue] == [one]
    queued = chat.take_queued()
    assert queued is not None
    assert chat.send(queued.prompt).result(60).end == "complete"
    assert len(scripted_model.requests) == 3
    for text in ("Go", "First", "Second", "Third"):
        assert said(scripted_model).count(f"{text}'") + said(scripted_model).count(f"{text}\\n") == 1, text
    chat.close()
    assert len(scripted_model.requests) == 3


def test_other_models_are_told_as_by_the_user(chat: Chat, scripted_model: ScriptedModel) -> None:
    """Claude Code hands it on as the system, which small models and other providers do not take for a request."""
    scripted_model.extend(Reply.code("0.2"), Reply.text("Both."))
    turn = chat.send("Go")
    until(turn, CellStart)
    one, two, three = wait(chat, "Only the\n\nfirst", "Or the last", "Like this")
    chat.send_now(one)
    chat.send_now(two)
    chat.send_now(three, attachments=[Attachment("a.png", "a picture", (PICTURE,))])
    assert turn.result(60).end == "complete"
    body = scripted_model.requests[-1].body
    plain = plain_request(body)
    assert "while you were working" not in str(plain)
    assert [message["role"] for message in plain["messages"]] == ["user", "assistant", "user", "user", "user"]
    *_, results, with_picture, only_text = [message["content"] for message in plain["messages"]]
    assert [block["type"] for block in results] == ["tool_result"]
    assert [block["type"] for block in with_picture] == ["text", "image"]
    assert with_picture[0]["text"].endswith("Like this")
    assert only_text == [{"type": "text", "text": text} for text in ("Only the\n\nfirst", "Or the last")]
    assert small_prompt(body).request.text == "Only the\n\nfirst\n\nOr the last"


def test_a_turn_that_ends_before_leaves_them_to_be_sent_next(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    scripted_model.extend(Reply.text("a b c d e f g h", delay_s=0.1), Reply.code("0"), Reply.text("Later."))
    turn = chat.send("Go")
    until(turn, TextDelta)
    (one,) = wait(chat, "Second")
    assert chat.send_now(one)
    assert turn.result(60).end == "complete"
    assert chat.queue == [QueuedMessage("Second", message_id=one)]
    assert not chat.send_now(one)  # no turn runs
    # Another turn does not take it in behind the user's back.
    assert told(chat.send("Other")) == ["> Other", "run_code", "done", "Later.", "complete"]
    assert "Second" not in said(scripted_model)
    assert len(scripted_model.requests) == 3


def test_a_stop_leaves_them_to_the_user(chat: Chat, scripted_model: ScriptedModel) -> None:
    # With the first piece of code it is handed over; the second one still runs.
    scripted_model.extend(Reply.code("0", "30"), Reply.text("Fresh."))
    turn = chat.send("Go")
    until(turn, CellStart)
    (one,) = wait(chat, "Second")
    chat.send_now(one)
    until(turn, CellStart, 2)
    with pytest.raises(ConfigError, match="has this message already"):
        chat.take_back(one)
    chat.stop()
    assert turn.result(60).end == "interrupted"
    assert chat.queue == [QueuedMessage("Second", message_id=one)]
    chat.take_back(one)
    assert chat.queue == []
    assert chat.send("Other").result(60).end == "complete"
    assert "Second" not in said(scripted_model)
    assert len(scripted_model.requests) == 2


def test_taken_back_before_it_is_read(chat: Chat, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("0.5"), Reply.text("Done."))
    turn = chat.send("Go")
    until(turn, CellStart)
    one, two = wait(chat, "Wrong", "Right")
    chat.send_now(one)
    chat.send_now(two)
    chat.take_back(one)
    assert turn.result(60).end == "complete"
    assert chat.queue == []
    assert ("Wrong" in said(scripted_model), "Right" in said(scripted_model)) == (False, True)


def test_every_tool_use_is_a_place_to_go_in(
    make_chat: Callable[..., Chat], scripted_model: ScriptedModel
) -> None:
    chat = make_chat(mode="ask")
    write = ToolCall("Write", {"file_path": "a.txt", "content": "x"})
    uses: list[tuple[ToolCall, Answer | None]] = [
        (ToolCall("Read", {"file_path": "/etc/hostname"}), None),  # forbidden
        (ToolCall("Read", {"file_path": "missing.txt"}), None),
        (write, Answer(False, "The user said no.")),
        (write, Answer(True)),
        (ToolCall("TaskCreate", {"subject": "Look", "description": "Look"}), None),
    ]
    for call, answer in uses:
        scripted_model.extend(Reply((Text("a b c d", delay_s=0.05), call)), Reply.text("Read."))
        turn = chat.send("Go")
        until(turn, TextDelta)
        (one,) = wait(chat, "Second")
        chat.send_now(one)
        if answer is not None:
            chat.answer(until(turn, ApprovalRequest).request_id, answer)
        lines = told(turn)
        assert lines[lines.index("> Second") - 1] in ("done", "failed"), call
        assert lines[-2:] == ["Read.", "complete"]


def test_at_a_limit_it_is_not_handed_over(
    make_chat: Callable[..., Chat], scripted_model: ScriptedModel
) -> None:
    chat = make_chat(max_turns=1)
    scripted_model.extend(Reply.code("0.3"), Reply.text("Other."))
    turn = chat.send("Go")
    until(turn, CellStart)
    (one,) = wait(chat, "Second")
    chat.send_now(one)
    assert turn.result(60).end == "limit"
    assert [each.prompt for each in chat.queue] == ["Second"]
    assert chat.send("Other").result(60).end == "complete"
    assert "Second" not in said(scripted_model)


def test_an_answer_that_ends_the_turn_gives_it_back(
    make_chat: Callable[..., Chat], scripted_model: ScriptedModel
) -> None:
    chat = make_chat(mode="ask")
    write = ToolCall("Write", {"file_path": "a.txt", "content": "x"})
    plan = ToolCall("TaskCreate", {"subject": "Look", "description": "Look"})
    scripted_model.extend(Reply((Text("a b", delay_s=0.2), plan, write)), Reply.text("Fresh."))
    turn = chat.send("Go")
    (one,) = wait(chat, "Second")
    chat.send_now(one)
    request = until(turn, ApprovalRequest)
    until(turn, ToolResult)
    with pytest.raises(ConfigError, match="has this message already"):
        chat.take_back(one)
    chat.answer(request.request_id, Answer(False, "The user did not answer.", end_turn=True))
    assert turn.result(60).end == "interrupted"
    assert [each.prompt for each in chat.queue] == ["Second"]
    assert told(chat.send("Other")) == ["> Other", "Fresh.", "complete"]
    assert "Second" not in said(scripted_model)


def test_a_budget_that_is_used_up_just_then_leaves_the_session_usable(
    make_chat: Callable[..., Chat], scripted_model: ScriptedModel
) -> None:
    chat = make_chat(max_budget_usd=0.0001)
    scripted_model.extend(Reply.code("0"), Reply.text("Over."), Reply.text("Over."))
    turn = chat.send("Go")
    (one,) = wait(chat, "Second")
    chat.send_now(one)
    assert turn.result(60).end == "limit"
    assert [each.prompt for each in chat.queue] == ["Second"]
    assert chat.send("Other").result(30).end == "limit"


def test_a_process_that_dies_loses_none(chat: Chat, scripted_model: ScriptedModel) -> None:
    scripted_model.extend(Reply.code("0", "30"), Reply.text("Again."))
    turn = chat.send("Go")
    until(turn, CellStart)
    (one,) = wait(chat, "Second")
    chat.send_now(one)
    until(turn, CellStart, 2)
    for child in psutil.Process().children():
        if "claude" in child.name():
            child.kill()
    assert turn.result(60).end == "cut_off"
    assert [each.prompt for each in chat.queue] == ["Second"]
    queued = chat.take_queued()
    assert queued is not None
    assert chat.send(queued.prompt).result(60).end == "complete"
    assert said(scripted_model).count("Second") == 1


def test_a_message_goes_in_once_and_at_once_however_short_the_tool(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    """As its place is the answer of a tool use, no race decides."""
    repetitions = tiers.count(200, at_least=8)
    scripted_model.extend(*[Reply.code("0.01")] * repetitions, Reply.text("Done."))
    turn = chat.send("Go")
    ids: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, CellStart):
            (one,) = wait(chat, f"Message {len(ids)}.")
            ids.append(one)
            chat.send_now(one)

    turn.subscribe(listen)
    assert turn.result(120).end == "complete"
    assert [event.message_id for event in turn._events if isinstance(event, FollowUp)] == ids
    assert chat.queue == []
    lines = told(turn._events)
    assert all(lines[at - 1] == "done" for at, line in enumerate(lines) if line.startswith("> Message"))
    assert len(scripted_model.requests) == repetitions + 1
    for number in range(repetitions):
        assert said(scripted_model).count(f"Message {number}.") == 1
