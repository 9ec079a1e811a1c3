"""The turns of a session as a person handles them: listed, taken out, edited, pinned.

A `TurnSurgery` belongs to a `Chat` and is called on a thread that may wait for the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from neuroworkflow_agent.engine.past_turns import (
    PastTurn,
    SessionCost,
    as_text,
    context_parts,
    past_turns,
    pinned_text,
    session_cost,
)
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import Event, TurnEnd, TurnPinned
from neuroworkflow_agent.ids import TurnId

_AFTER_A_GAP = "One turn was taken out of this conversation. What was said after it:"


class Sessions(Protocol):
    """What is asked of a chat; see `Chat`."""

    def require_idle(self) -> None:
        """Refuse what cannot be done while a turn runs."""

    def history(self) -> list[Event]:
        """What was seen of the current session."""

    def go_back(self, end: TurnEnd | None, *, shown_before: TurnId | None = None) -> None:
        """Go on in a copy of the session that ends with this turn."""

    def hand_on(self, text: str) -> None:
        """Have the model be told something with the session's next message."""

    def note_later(self, turn_id: TurnId, event: Event) -> None:
        """Write down what became of a turn after its end."""


@dataclass(frozen=True, slots=True)
class SessionAccount:
    """What a session is made of, what it has cost, and what fills the model's context."""

    turns: tuple[PastTurn, ...]
    cost: SessionCost
    parts: tuple[tuple[str, int], ...]
    """Of the context, as tokens, the largest first; estimates."""

    @property
    def head(self) -> str:
        """In a line."""
        price = f", ${self.cost.cost_usd:.4f}" if self.cost.cost_usd is not None else ""
        number = "1 turn" if self.cost.turns == 1 else f"{self.cost.turns} turns"
        return f"{number}, {self.cost.input_tokens:,} tokens in, {self.cost.output_tokens:,} out{price}"


class TurnSurgery:
    """Of one chat.

    Parameters
    ----------
    chat
        The chat.
    """

    def __init__(self, chat: Sessions) -> None:
        self._chat = chat

    def turns(self) -> list[PastTurn]:
        """The turns of the current session that count, oldest first."""
        return past_turns(self._chat.history())

    def account(self) -> SessionAccount:
        """What the session is made of and what it took."""
        turns = self.turns()
        return SessionAccount(tuple(turns), session_cost(turns), tuple(context_parts(turns)))

    def go_before(self, which: int | str, *, hand_on: bool) -> PastTurn:
        """Go on in a copy of the session that ends before one of its turns; returns that one.

        Parameters
        ----------
        which
            The turn, by its number from 1 or by its id.
        hand_on
            Whether the next message brings the turns behind it along, as text.

        Raises
        ------
        ConfigError
            If there is no such turn.
        SessionBusyError
            If a turn runs.
        """
        self._chat.require_idle()
        turns = self.turns()
        turn = _found(turns, which)
        before, after = turns[: turn.number - 1], turns[turn.number :]
        # A turn that was stopped before the model was asked has left nothing to go on from.
        ends = [each.end for each in before if each.end is not None and each.end.last_message_id]
        self._chat.go_back(ends[-1] if ends else None, shown_before=turn.turn_id)
        if hand_on and after:
            self._chat.hand_on(f"{_AFTER_A_GAP}\n\n{as_text(after)}")
        return turn

    def pin(self, which: int | str, *, is_pinned: bool = True) -> PastTurn:
        """Have the model be given a turn's texts again after each summary, or not any more; returns the turn.

        Where a summary stands for the turn already, they go with the next message.

        Raises
        ------
        ConfigError
            If there is no such turn.
        """
        turn = _found(self.turns(), which)
        if turn.is_pinned != is_pinned:
            turn.is_pinned = is_pinned
            self._chat.note_later(turn.turn_id, TurnPinned(turn.turn_id, is_pinned))
            if is_pinned and turn.is_summarized:
                self._chat.hand_on(pinned_text([turn]))
        return turn


def _found(turns: list[PastTurn], which: int | str) -> PastTurn:
    for turn in turns:
        if which in (turn.number, turn.turn_id):
            return turn
    if isinstance(which, int):
        raise ConfigError(
            f"There is no turn {which}: this session has {len(turns)}. '%chat --turns' lists them."
        )
    raise ConfigError("This turn is not in the session any more.")
