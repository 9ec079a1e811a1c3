"""Cells that have shown turns, so that they can say what became of those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuroworkflow_agent.state.undo import MAX_TURNS

if TYPE_CHECKING:
    from neuroworkflow_agent.events import TurnUndone
    from neuroworkflow_agent.ids import TurnId
    from neuroworkflow_agent.surfaces.to_main_thread import View


class ShownTurns:
    """The views of turns that may be undone. Used on the thread that draws."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}

    def keep(self, turn_id: TurnId, view: View) -> None:
        """A turn is shown by this."""
        self._views[turn_id] = view
        for old in list(self._views)[:-MAX_TURNS]:
            del self._views[old]

    def tell(self, undone: TurnUndone) -> None:
        """Have the cell that has shown a turn say that it was undone."""
        if (view := self._views.get(undone.turn_id)) is not None:
            view.handle(undone)
