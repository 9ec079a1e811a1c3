"""A turn taken back: which one, what that would change, and the session that goes on without it.

An `UndoTurn` belongs to a `Chat` and is called on a thread that may wait. Undo goes in order: the latest turn that has
not been taken back comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from neuroworkflow_agent.errors import AgentError, ConfigError, sentence
from neuroworkflow_agent.events import Event, TurnEnd, TurnStart, TurnUndone
from neuroworkflow_agent.state.effects import KINDS, Effect, Plan, lines
from neuroworkflow_agent.state.undo import Undo
from neuroworkflow_agent.text import one_line

if TYPE_CHECKING:
    from neuroworkflow_agent.config import AgentConfig
    from neuroworkflow_agent.engine.portal import Portal

Exclusively: TypeAlias = Callable[[Callable[[], list[Effect]]], list[Effect]]
"""Calls a function while no code runs in the namespace."""
NOTHING_LEFT = "There is no turn of this session to undo."
_PROMPT_CHARS = 80
_REMEMBERED = (
    "The agent remembers this turn, as no copy of the session could be made that ends before it: {why}"
)


class Sessions(Protocol):
    """What is asked of a chat; see `Chat`."""

    @property
    def config(self) -> AgentConfig:
        """Settings of the next turn."""

    def require_idle(self) -> None:
        """Refuse what cannot be done while a turn runs."""
        return

    def history(self) -> list[Event]:
        """What was seen of the current session."""

    def go_back(self, end: TurnEnd | None) -> None:
        """Go on in a copy of the session that ends with this turn."""

    def note_undone(self, undone: TurnUndone) -> None:
        """Write down that a turn was taken back."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn as it was seen."""

    start: TurnStart
    end: TurnEnd | None


def at_once(function: Callable[[], list[Effect]]) -> list[Effect]:
    """Where the one who asks keeps the namespace from being used."""
    return function()


class UndoTurn:
    """Takes back the turns of a chat.

    Parameters
    ----------
    chat
        The chat.
    undo
        What is remembered of its turns.
    portal
        The engine's thread.
    """

    def __init__(self, chat: Sessions, undo: Undo, portal: Callable[[], Portal]) -> None:
        self._chat = chat
        self._undo = undo
        self._portal = portal

    def plan(self, turn_id: str | None = None) -> Plan:
        """What undoing a turn would do, as things are.

        Parameters
        ----------
        turn_id
            Which one; None for the latest.

        Raises
        ------
        ConfigError
            If there is none, or a later one has to be undone first.
        SessionBusyError
            If a turn runs.
        """
        self._chat.require_idle()
        turn = self._latest(self._turns(), turn_id)
        start = turn.start
        return self._undo.plan(
            start.turn_id, start.prompt, workspace=self._chat.config.workspace, portal=self._portal()
        )

    def take_back(
        self,
        plan: Plan,
        chosen: Collection[str] | None = None,
        *,
        exclusively: Exclusively = at_once,
    ) -> TurnUndone:
        """Undo a turn, or a part of it.

        Parameters
        ----------
        plan
            What was shown of it.
        chosen
            Keys of effects; None for all that can be taken back and the session, which forks before the turn.
        exclusively
            Calls a function while no code runs in the namespace.

        Returns
        -------
        TurnUndone
            What came of it; written down, and told to the model with the next message where the session goes on.
        """
        self._chat.require_idle()
        turns = self._turns()
        turn = self._latest(turns, plan.turn_id)
        keys = {each.key for each in plan.can_be_undone if chosen is None or each.key in chosen}
        done = self._undo.take_back(
            turn.start.turn_id,
            keys,
            workspace=self._chat.config.workspace,
            portal=self._portal(),
            exclusively=exclusively,
        )
        restored = lines([each for each in done if each.can_be_undone])
        left = lines([each for each in done if not each.can_be_undone])
        if chosen is None:
            left += [*lines(plan.stays), *plan.limits]
        is_whole = chosen is None
        if is_whole:
            before = turns[: turns.index(turn)]
            try:
                self._chat.go_back(before[-1].end if before else None)
                self._undo.forget(turn.start.turn_id)
            except (AgentError, OSError) as error:  # what was taken back is to be known all the same
                is_whole = False
                left.append(_REMEMBERED.format(why=sentence(error)))
        undone = TurnUndone(turn.start.turn_id, is_whole, tuple(restored), tuple(left))
        self._chat.note_undone(undone)
        return undone

    def _turns(self) -> list[_Turn]:
        """Those of the session that still count, oldest first."""
        return turns_left(self._chat.history())

    def _latest(self, turns: Sequence[_Turn], turn_id: str | None) -> _Turn:
        if not turns:
            raise ConfigError(NOTHING_LEFT)
        if turn_id is None or turns[-1].start.turn_id == turn_id:
            return turns[-1]
        if all(each.start.turn_id != turn_id for each in turns):
            raise ConfigError("This turn was undone already.")
        prompt = one_line(turns[-1].start.prompt, _PROMPT_CHARS)
        raise ConfigError(f"Later turns build on this one. Undo them first, the last one first: {prompt!r}.")


def turns_left(events: Sequence[Event]) -> list[_Turn]:
    """Turns among a session's events that were not undone as a whole."""
    turns: dict[str, _Turn] = {}
    current = ""
    for event in events:
        match event:
            case TurnStart():
                current = event.turn_id
                turns[current] = _Turn(event, None)
            case TurnEnd() if current in turns:
                turns[current] = _Turn(turns[current].start, event)
            case TurnUndone(is_whole=True):
                turns.pop(event.turn_id, None)
            case _:
                pass
    return list(turns.values())


def chosen_keys(plan: Plan, wanted: Sequence[str]) -> set[str] | None:
    """Which effects words choose: kinds, or names of files, cells and variables; None for all where there are none.

    Raises
    ------
    ConfigError
        If a word means nothing that can be taken back.
    """
    if not wanted:
        return None
    keys: set[str] = set()
    for word in wanted:
        found = {each.key for each in plan.can_be_undone if word in (each.kind, *_names(each))}
        if not found:
            known = ", ".join([*KINDS, *(each.name for each in plan.can_be_undone)])
            raise ConfigError(f"{word!r} is nothing that can be taken back here. Choose from: {known}.")
        keys |= found
    return keys


def _names(effect: Effect) -> list[str]:
    return [effect.name, effect.name.removeprefix("cell "), *effect.name.split(", ")]


def told_to_model(undone: TurnUndone) -> str:
    """What the model is told of a turn that it still remembers."""
    return f"The user took back a part of what your last turn did: {'; '.join(undone.restored) or 'nothing'}."
