"""The turns of a session as a person counts them, what they cost, and what fills the model's context. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from neuroworkflow_agent.events import (
    Compacted,
    Event,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnEnd,
    TurnPinned,
    TurnStart,
    TurnUndone,
)
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.text import clip

_CHARS_PER_TOKEN = 3.6
"""Of the texts of a session, about; a guess is all that is wanted."""
_TOKENS_PER_PICTURE = 1_500
_HANDED_CHARS = 20_000


@dataclass
class PastTurn:
    """One turn of a session."""

    turn_id: TurnId
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
    is_summarized: bool = False
    """Whether the model knows it only by a summary."""
    is_pinned: bool = False
    """Whether it is given the texts again after a summary."""

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
    """The turns of a session, from its events; without those that were taken back as a whole."""
    turns: dict[TurnId, PastTurn] = {}
    current: PastTurn | None = None
    for event in events:
        match event:
            case TurnStart(turn_id=turn_id, prompt=prompt):
                current = turns[turn_id] = PastTurn(turn_id, 0, prompt)
                current.count("what you said", len(prompt))
            case Compacted():
                for turn in turns.values():
                    turn.chars, turn.pictures, turn.is_summarized = {}, 0, True
            case TurnUndone(turn_id=turn_id, is_whole=True):
                turns.pop(turn_id, None)
            case TurnPinned(turn_id=turn_id, is_pinned=is_pinned) if turn_id in turns:
                turns[turn_id].is_pinned = is_pinned
            case _ if current is not None:
                _take(current, event)
            case _:
                pass
    for number, turn in enumerate(turns.values(), 1):
        turn.number = number
    return list(turns.values())


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
        summary = "the summary, " if any(turn.is_summarized for turn in turns) else ""
        parts[f"{summary}instructions, tools and context of messages"] = rest
    return sorted(((what, round(tokens)) for what, tokens in parts.items()), key=lambda part: -part[1])


def as_text(turns: Sequence[PastTurn]) -> str:
    """Turns as text for the model, where they are no messages any more."""
    said = [f"User: {turn.prompt}\nYou answered: {turn.answer.strip() or '(nothing)'}" for turn in turns]
    return clip("\n\n".join(said), _HANDED_CHARS)


def pinned_text(turns: Sequence[PastTurn]) -> str:
    """What the user has pinned, as the model is given it; empty if nothing is."""
    said = as_text([turn for turn in turns if turn.is_pinned])
    return (
        f"The user has pinned this of the conversation so far, so that you know it word by word:\n\n{said}"
        if said
        else ""
    )
