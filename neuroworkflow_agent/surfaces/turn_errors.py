"""What a cell fails with whose turn did not complete, so that the cells behind it do not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuroworkflow_agent.errors import TurnFailedError

if TYPE_CHECKING:
    from neuroworkflow_agent.engine.turn import Turn


class TurnStoppedError(TurnFailedError, KeyboardInterrupt):
    """The user stopped the turn; like any interrupted cell, the cells behind it do not run."""

    def _render_traceback_(self) -> list[str]:
        return [f"Stopped: {self}"] if str(self) != "Stopped." else ["Stopped."]


class TurnNotCompleteError(TurnFailedError):
    """The turn ended some other way; cells that count on it should not run."""

    def _render_traceback_(self) -> list[str]:
        # The cell has shown why.
        return [f"The agent's turn ended as {str(self.end).replace('_', ' ')!r}."]


def completed(turn: Turn) -> Turn:
    """A turn that has ended.

    Raises
    ------
    TurnFailedError
        If it did not complete; the cell has shown why.
    """
    end = turn.result(0)
    if end.end == "interrupted":
        raise TurnStoppedError(end.message or "Stopped.", end=end.end, session_id=end.session_id)
    if end.end != "complete":
        raise TurnNotCompleteError(end.message or end.end, end=end.end, session_id=end.session_id)
    return turn
