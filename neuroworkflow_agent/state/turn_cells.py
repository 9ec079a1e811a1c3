"""The cells of one turn, taken back by the notebook document's own undo. All on the engine's loop."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from neuroworkflow_agent.errors import NotebookError
from neuroworkflow_agent.notebooks.document import NotebookDocument
from neuroworkflow_agent.notebooks.edits import Applied, Delete, Insert, Move
from neuroworkflow_agent.state.effects import Effect


class TurnCells:
    """Of one turn.

    Parameters
    ----------
    document
        The notebook, before the turn changes it.
    """

    def __init__(self, document: NotebookDocument) -> None:
        self._document = document
        self._first = document.edit_count
        self._end: int | None = None

    def end(self) -> None:
        """The turn has ended."""
        self._end = self._document.edit_count

    async def effects(self) -> list[Effect]:
        """What would be done to its cells, and what cannot be, as they are now."""
        made = self._made()
        if not made:
            return []
        calls = _calls(made)
        try:
            refused = await self._document.would_refuse(calls)
        except NotebookError as error:
            refused = dict.fromkeys(calls, str(error))
        return self._merged(made, refused)

    async def take_back(self, keys: Collection[str]) -> list[Effect]:
        """Take edits back, the last one first; what became of each cell.

        Parameters
        ----------
        keys
            Of effects.
        """
        made = [(number, applied) for number, applied in self._made() if _key(applied) in keys]
        refused: dict[int, str] = {}
        for number in reversed(_calls(made)):
            try:
                await self._document.undo_edit(number)
            except NotebookError as error:
                refused[number] = str(error)
        return self._merged(made, refused)

    def note_changed(self, names: Iterable[str]) -> None:
        """Names mean something else again, outside cells: those below that need them may be out of date."""
        self._document.staleness.note_changed(names)

    def _made(self) -> list[tuple[int, Applied]]:
        return [
            (number, applied)
            for number, group in self._document.edits_since(self._first)
            if self._end is None or number < self._end
            for applied in group
        ]

    def _merged(self, made: list[tuple[int, Applied]], refused: dict[int, str]) -> list[Effect]:
        """One effect for all edits of a cell."""
        effects: dict[str, Effect] = {}
        for number, applied in made:
            key, reason = _key(applied), refused.get(number, "")
            known = effects.get(key)
            verb = known.verb if known is not None else _verb(applied)
            reason = (known.obstacle if known is not None else "") or reason
            effects[key] = Effect("cells", key, f"cell {applied.cell}", verb, reason)
        return list(effects.values())


def _calls(made: list[tuple[int, Applied]]) -> list[int]:
    """Numbers of the calls that have made edits, each once, in their order."""
    return list(dict.fromkeys(number for number, _ in made))


def _key(applied: Applied) -> str:
    return f"cell:{applied.cell}"


def _verb(applied: Applied) -> str:
    match applied.edit:
        case Insert():
            return "is deleted"
        case Delete():
            return "is put back"
        case Move():
            return "is moved back"
    return "has its old text"
