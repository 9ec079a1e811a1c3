"""Turns taken out and edited, and what the session took."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.engine.past_turns import context_parts, past_turns, session_cost
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import TextDelta, ToolResult, ToolUse, TurnEnd, TurnStart
from neuroworkflow_agent.ids import ToolUseId, TurnId
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.surfaces.chat_line import parse_chat
from neuroworkflow_agent.testing import Reply, ScriptedModel


@pytest.fixture
def chat(workspace: Path, portal: Portal, scripted_model: ScriptedModel) -> Iterator[Chat]:
    with Chat(AgentConfig.from_env(workspace=workspace), portal=portal) as chat:
        yield chat


def say(chat: Chat, model: ScriptedModel, prompt: str, answer: str) -> list[str]:
    """One turn; the texts of all messages that the model was given."""
    model.extend(Reply.text(answer))
    assert chat.send(prompt).result(60).end == "complete"
    return model.requests[-1].user_texts


@pytest.mark.claude
def test_turns_are_dropped_and_edited_in_copies(chat: Chat, scripted_model: ScriptedModel) -> None:
    for number in (1, 2, 3):
        say(chat, scripted_model, f"question {number}", f"answer {number}")
    first = chat.session_id
    assert [turn.prompt for turn in chat.turns()] == ["question 1", "question 2", "question 3"]
    chat.go_before(2, hand_on=True)
    assert chat.session_id != first
    seen = "\n".join(say(chat, scripted_model, "question 4", "answer 4"))
    assert "question 1" in seen
    assert "question 2" not in seen
    assert "What was said after it:\n\nUser: question 3\nYou answered: answer 3" in seen
    chat.go_before(1, hand_on=False)
    assert say(chat, scripted_model, "question 5", "answer 5") == ["question 5"]
    with pytest.raises(ConfigError, match="There is no turn 7: this session has 1"):
        chat.go_before(7, hand_on=True)
    assert say(chat, scripted_model, "question 6", "answer 6") == ["question 5", "question 6"]


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
    for line in ("--drop", "--edit two x", "--drop -1"):
        with pytest.raises(ConfigError, match="needs the number of a turn"):
            parse_chat(line)
