"""The turns of a session as a person counts them, what they cost, and what fills the model's context. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from neuroworkflow_agent.events import (
    Event,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnStart,
)
from neuroworkflow_agent.text import clip

_CHARS_PER_TOKEN = 3.6
"""Of the texts of a session, about; a guess is all that is wanted."""
_TOKENS_PER_PICTURE = 1_500
_HANDED_CHARS = 20_000


@dataclass
class PastTurn:
    """One turn of a session."""

    number: int
    """From 1."""
    prompt: str
    """As the user typed it."""
    answer: str = ""
    """The text since the last tool use, else all of it."""
    end: TurnEnd | None = None
    """None while it runs, or where it has no end."""
    chars: dict[str, int] = field(default_factory=dict)
    """Of the texts that the model has of it, by what they are."""
    pictures: int = 0
    """That the model was shown."""

    def count(self, what: str, chars: int) -> None:
        """Note a text."""
        self.chars[what] = self.chars.get(what, 0) + chars


@dataclass(frozen=True, slots=True)
class SessionCost:
    """What all turns of a session took together."""

    turns: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None where no turn has a price."""
    unpriced: int
    """Turns without a price, if others have one."""


def past_turns(events: Iterable[Event]) -> list[PastTurn]:
    """The turns of a session, from its events."""
    turns: list[PastTurn] = []
    for event in events:
        if isinstance(event, TurnStart):
            turns.append(PastTurn(len(turns) + 1, event.prompt))
            turns[-1].count("what you said", len(event.prompt))
        elif turns:
            _take(turns[-1], event)
    return turns


def _take(turn: PastTurn, event: Event) -> None:
    match event:
        case TextDelta(text=text):
            turn.answer += text
            turn.count("answers", len(text))
        case ThinkingDelta(text=text):
            turn.count("thinking", len(text))
        case ToolUse(input=given):
            turn.answer = ""
            turn.count("calls and code", len(str(given)))
        case ToolResult(text=text, image_count=pictures):
            turn.count("results of tools", len(text))
            turn.pictures += pictures
        case TurnEnd():
            turn.end = event
        case _:
            pass


def session_cost(turns: Sequence[PastTurn]) -> SessionCost:
    """What the turns took together."""
    ends = [turn.end for turn in turns if turn.end is not None]
    prices = [end.cost_usd for end in ends if end.cost_usd is not None]
    return SessionCost(
        len(turns),
        sum(end.input_tokens for end in ends),
        sum(end.output_tokens for end in ends),
        sum(prices) if prices else None,
        len(ends) - len(prices) if prices else 0,
    )


def context_parts(turns: Sequence[PastTurn]) -> list[tuple[str, int]]:
    """What fills the context, as tokens, the largest part first: estimates by the lengths of texts.

    What the session's last request held beyond them is the system prompt, the tools, and what came along with messages.
    """
    parts: dict[str, float] = {}
    for turn in turns:
        for what, chars in turn.chars.items():
            parts[what] = parts.get(what, 0) + chars / _CHARS_PER_TOKEN
        if turn.pictures:
            parts["pictures"] = parts.get("pictures", 0) + turn.pictures * _TOKENS_PER_PICTURE
    held = next(
        (turn.end.context_tokens for turn in reversed(turns) if turn.end and turn.end.context_tokens), 0
    )
    if (rest := held - sum(parts.values())) > 0:
        parts["instructions, tools and context of messages"] = rest
    return sorted(((what, round(tokens)) for what, tokens in parts.items()), key=lambda part: -part[1])


def as_text(turns: Sequence[PastTurn]) -> str:
    """Turns as text for the model, where they are no messages any more."""
    said = [f"User: {turn.prompt}\nYou answered: {turn.answer.strip() or '(nothing)'}" for turn in turns]
    return clip("\n\n".join(said), _HANDED_CHARS)
