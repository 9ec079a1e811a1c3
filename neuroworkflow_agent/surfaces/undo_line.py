"""`%chat --undo` and `sessions undo`: what it would do is shown, the user is asked, it is done.

Planning and doing wait for the disk and for pages, and belong on another thread where the kernel's loop must go on;
showing and asking belong on the main thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.events import TurnUndone
from neuroworkflow_agent.render import undoing
from neuroworkflow_agent.render.parts import Rendered
from neuroworkflow_agent.state.effects import KINDS, Effect, Plan, lines
from neuroworkflow_agent.surfaces.chat_line import ChatLine
from neuroworkflow_agent.surfaces.undo_turn import UndoTurn, chosen_keys

if TYPE_CHECKING:
    from neuroworkflow_agent.surfaces.shown_turns import ShownTurns

_QUESTION = "Undo? [y]es, [n]o, or some of it, such as files, variables or a name: "
_NOBODY = "Nobody can be asked here. With --yes the turn is undone without a question."


class HasTurns(Protocol):
    """Whose turns can be taken back: a chat, or a stored session."""

    @property
    def undo_turn(self) -> UndoTurn:
        """Takes them back."""


class UndoLine:
    """One of them.

    Parameters
    ----------
    chat
        Whose turn.
    line
        What was typed.
    show
        Shows something in the cell.
    shown
        Told what was undone.
    """

    def __init__(
        self,
        chat: HasTurns,
        line: ChatLine,
        show: Callable[[Rendered], None],
        shown: ShownTurns | None = None,
    ) -> None:
        self._shown = shown
        self._chat = chat
        self._line = line
        self._show = show
        self._plan: Plan | None = None
        self._chosen: set[str] | None = None
        self._undone: TurnUndone | None = None

    def prepare(self) -> None:
        """Look what it would do. May wait."""
        self._plan = self._chat.undo_turn.plan()
        self._chosen = chosen_keys(self._plan, self._line.undo or ())

    def is_wanted(self, prompt: Callable[[str], str] | None) -> bool:
        """Show it and ask, unless that is answered already.

        Parameters
        ----------
        prompt
            Shows a prompt and returns the reply; None if nobody can be asked.

        Raises
        ------
        ConfigError
            If nobody can be asked, or the reply means nothing that can be taken back.
        """
        plan = self._plan
        assert plan is not None
        self._show(preview_of(plan, self._chosen))
        if self._line.yes:
            return True
        if prompt is None:
            raise ConfigError(_NOBODY)
        try:
            reply = prompt(_QUESTION).strip()
        except (KeyboardInterrupt, EOFError):
            return False
        if reply.casefold() in ("", "n", "no"):
            return False
        if reply.casefold() not in ("y", "yes"):
            self._chosen = chosen_keys(plan, reply.replace(",", " ").split())
        return True

    def do(self) -> None:
        """Do it. May wait."""
        assert self._plan is not None
        self._undone = self._chat.undo_turn.take_back(self._plan, self._chosen)

    def tell(self) -> None:
        """Show what came of it, here and where the turn was shown."""
        if self._undone is not None:
            self._show(undoing.result(self._undone))
            if self._shown is not None:
                self._shown.tell(self._undone)


def preview_of(plan: Plan, chosen: set[str] | None = None, *, forgets: bool = True) -> Rendered:
    """What undoing a turn would do, for a person.

    Parameters
    ----------
    chosen
        Keys of what is to be taken back; None for all.
    forgets
        Whether the agent forgets a turn that is taken back as a whole.
    """
    wanted = [each for each in plan.can_be_undone if chosen is None or each.key in chosen]
    done: list[Any] = [(kind.capitalize(), lines(_of(kind, wanted))) for kind in KINDS]
    stays = [("Cannot be taken back", lines(plan.stays)), ("Also", plan.limits)] if chosen is None else []
    nothing = [("Nothing", ["This turn changed nothing that can be taken back."])] if not wanted else []
    return undoing.preview(plan.prompt, [*done, *nothing, *stays], forgets=forgets and chosen is None)


def _of(kind: str, effects: list[Effect]) -> list[Effect]:
    return [each for each in effects if each.kind == kind]
