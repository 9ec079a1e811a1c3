"""Turns taken out and edited, and what the session took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.event_log import delete_log
from neuroworkflow_agent.engine.history import history
from neuroworkflow_agent.engine.past_turns import context_parts, past_turns, session_cost
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import (
    Compacted,
    Event,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
    TurnUndone,
)
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.chat_line import parse_chat
from neuroworkflow_agent.testing import Failure, Reply, ScriptedModel


@pytest.fixture
def chat(workspace: Path, portal: Portal, scripted_model: ScriptedModel) -> Iterator[Chat]:
    with Chat(AgentConfig.from_env(workspace=workspace), portal=portal) as chat:
        yield chat


def say(chat: Chat, model: ScriptedModel, prompt: str, answer: str) -> list[str]:
    """One turn; the texts of all messages that the model was given."""
    model.extend(Reply.text(answer))
    assert chat.send(prompt).result(60).end == "complete"
    return model.requests[-1].user_texts


def prompts(chat: Chat) -> list[str]:
    return [turn.prompt for turn in chat.surgery.turns()]


@pytest.mark.claude
def test_turns_are_dropped_and_edited_in_copies(chat: Chat, scripted_model: ScriptedModel) -> None:
    for number in (1, 2, 3):
        say(chat, scripted_model, f"question {number}", f"answer {number}")
    first = chat.session_id
    assert prompts(chat) == ["question 1", "question 2", "question 3"]
    chat.surgery.go_before(2, hand_on=True)
    assert chat.session_id != first
    assert prompts(chat) == ["question 1"]
    seen = "\n".join(say(chat, scripted_model, "question 4", "answer 4"))
    assert "question 1" in seen
    assert "question 2" not in seen
    assert "What was said after it:\n\nUser: question 3\nYou answered: answer 3" in seen
    # Again in the copy, whose turns have other ids in its transcript.
    chat.surgery.go_before(2, hand_on=False)
    assert say(chat, scripted_model, "question 5", "answer 5") == ["question 1", "question 5"]
    chat.surgery.go_before(chat.surgery.turns()[0].turn_id, hand_on=False)
    assert say(chat, scripted_model, "question 6", "answer 6") == ["question 6"]
    with pytest.raises(ConfigError, match="There is no turn 7: this session has 1"):
        chat.surgery.go_before(7, hand_on=True)
    with pytest.raises(ConfigError, match="not in the session any more"):
        chat.surgery.go_before("gone", hand_on=True)
    assert say(chat, scripted_model, "question 7", "answer 7") == ["question 6", "question 7"]
    chat.select(resume=first)
    assert prompts(chat) == ["question 1", "question 2", "question 3"]


@pytest.mark.claude
def test_what_is_handed_on_waits_for_its_session_and_outlives_the_process(
    chat: Chat, workspace: Path, portal: Portal, scripted_model: ScriptedModel
) -> None:
    for number in (1, 2, 3):
        say(chat, scripted_model, f"question {number}", f"answer {number}")
    chat.surgery.go_before(2, hand_on=True)
    session_id = chat.session_id
    chat.select(new=True)
    assert say(chat, scripted_model, "of something else", "yes") == ["of something else"]
    for _ in range(2):  # told, and then not again
        with Chat(AgentConfig.from_env(workspace=workspace), portal=portal) as later:
            later.select(resume=session_id)
            told = "\n".join(say(later, scripted_model, "go on", "well"))
            assert told.count("User: question 3\nYou answered: answer 3") == 1


@pytest.mark.claude
def test_a_summary_stands_for_what_was_said_and_a_pinned_turn_is_given_again(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    with pytest.raises(ConfigError, match="nothing to summarize"):
        chat.compact()
    say(chat, scripted_model, "dt is 0.1 ms", "noted")
    say(chat, scripted_model, "the weather is fine", "nice")
    chat.surgery.pin(1)
    scripted_model.extend(Reply.text("<summary>They talked.</summary>"))
    turn = chat.compact()
    assert turn.result(60).end == "complete"
    compacted = next(event for event in turn if isinstance(event, Compacted))
    assert (compacted.is_wanted, compacted.after_tokens > 0) == (True, True)
    assert turn.result().context_tokens == compacted.after_tokens
    say(chat, scripted_model, "go on", "well")
    asked = json.dumps(scripted_model.requests[-1].body["messages"])
    assert "They talked." in asked
    assert "so that you know it word by word:\\n\\nUser: dt is 0.1 ms\\nYou answered: noted" in asked
    assert "the weather is fine" not in asked
    account = chat.surgery.account()
    assert [(turn.prompt, turn.is_pinned, turn.is_summarized) for turn in account.turns] == [
        ("dt is 0.1 ms", True, True), ("the weather is fine", False, True), ("/compact", False, True), ("go on", False, False),
    ]  # fmt: skip
    # What is pinned only now was summarized before, so it goes with the next message.
    chat.surgery.pin(2)
    chat.surgery.pin(1, is_pinned=False)
    assert any("User: the weather is fine" in text for text in say(chat, scripted_model, "and", "so on"))
    # A copy knows what is pinned, and so does a session that is resumed.
    chat.select(fork=True)
    chat.select(resume=chat.session_id)
    assert [turn.prompt for turn in chat.surgery.turns() if turn.is_pinned] == ["the weather is fine"]
    # Before the summary everything is known again.
    chat.surgery.go_before(3, hand_on=False)
    assert say(chat, scripted_model, "what was it?", "0.1 ms") == [
        "dt is 0.1 ms", "the weather is fine", "what was it?",
    ]  # fmt: skip


@pytest.mark.claude
def test_a_context_that_is_full_is_summarized_with_what_is_pinned(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    for number in range(4):
        say(chat, scripted_model, f"question {number}", f"answer {number}")
    chat.surgery.pin(1)
    scripted_model.extend(
        Failure(400, "prompt is too long: 215000 tokens > 200000 maximum"),
        Reply.text("<summary>They talked.</summary>"),
        Reply.text("Yes."),
    )
    turn = chat.send("go on")
    assert turn.result(60).end == "complete"
    assert [event.is_wanted for event in turn if isinstance(event, Compacted)] == [False]
    asked = json.dumps(scripted_model.requests[-1].body["messages"])
    assert "They talked." in asked
    assert "User: question 0\\nYou answered: answer 0" in asked
    assert "question 1" not in asked


@pytest.mark.claude
def test_a_session_whose_log_is_gone_is_shown_without_the_words_of_the_command_line(
    chat: Chat, scripted_model: ScriptedModel
) -> None:
    say(chat, scripted_model, "one", "1")
    scripted_model.extend(Reply.text("<summary>They counted.</summary>"))
    assert chat.compact().result(60).end == "complete"
    say(chat, scripted_model, "two", "2")
    session_id = chat.session_id
    assert session_id is not None
    chat.close()
    delete_log(session_id)
    shown = history(session_id, chat.config)
    assert [event.prompt for event in shown if isinstance(event, TurnStart)] == ["two"]


def test_turns_that_were_undone_do_not_count() -> None:
    one, two, three = (TurnId(each) for each in ("1", "2", "3"))
    events: list[Event] = [TurnStart(one, "a"), TurnStart(two, "b"), TurnUndone(two, True), TurnStart(three, "c"), TurnUndone(three, False)]  # fmt: skip
    assert [(turn.number, turn.prompt) for turn in past_turns(events)] == [(1, "a"), (2, "c")]


def test_what_a_session_took_and_what_fills_the_context() -> None:
    end = {"message": "", "session_id": None, "duration_s": 1.0}
    call = ToolUseId("a")
    turns = past_turns(
        [
            TurnStart(TurnId("1"), "x" * 36), TextDelta("I look."), ToolUse(call, "run_code", {"code": "y" * 350}),
            ToolResult(call, "z" * 3600, False, 1), TextDelta("Done."),
            TurnEnd(TurnId("1"), "complete", input_tokens=900, output_tokens=10, cost_usd=0.5, context_tokens=9_000, **end),  # type: ignore[arg-type]
            TurnStart(TurnId("2"), "and?"), TurnEnd(TurnId("2"), "interrupted", input_tokens=100, **end),  # type: ignore[arg-type]
        ]
    )  # fmt: skip
    assert [(turn.number, turn.answer) for turn in turns] == [(1, "Done."), (2, "")]
    cost = session_cost(turns)
    assert (cost.turns, cost.input_tokens, cost.output_tokens, cost.cost_usd, cost.unpriced) == (
        2,
        1000,
        10,
        0.5,
        1,
    )
    parts = context_parts(turns)
    assert [what for what, _ in parts] == [
        "instructions, tools and context of messages", "pictures", "results of tools", "calls and code", "what you said", "answers",
    ]  # fmt: skip
    assert sum(tokens for _, tokens in parts) == pytest.approx(9_000, abs=6)


def test_options_name_turns_by_their_numbers() -> None:
    assert parse_chat("--edit 2 what else?").edit == 2
    assert parse_chat("--edit 2 what else?").prompt == "what else?"
    assert parse_chat("--drop=3").drop == 3
    assert (parse_chat("--pin 2").turn, parse_chat("--unpin 2").unpin, parse_chat("--compact").compact) == (
        2,
        2,
        True,
    )
    for line in ("--drop", "--edit two x", "--drop -1"):
        with pytest.raises(ConfigError, match="needs the number of a turn"):
            parse_chat(line)
