"""What can be done to a notebook's cells, as values; how it is done, and how it is taken back. Pure.

Nothing is addressed by an index that could have moved, and an edit of a text names the text it was made for: it is
refused, with the text as it is now, if that is another one. Edits that are applied together are applied all or not
at all. A cell keeps its id, metadata, attachments and outputs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from neuroworkflow_agent.errors import EditRefusedError
from neuroworkflow_agent.notebooks.cells import address, digest, has_ids, index_of
from neuroworkflow_agent.notebooks.reading import Notebook
from neuroworkflow_agent.notebooks.splices import taken_back

CellType: TypeAlias = Literal["code", "markdown", "raw"]
_from_dict: Any = from_dict
_MAKERS: dict[str, Any] = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell is to go: behind another one, or to an index as the notebook is when the edit is applied."""

    after: str = ""
    """Address; goes before the index as long as there is such a cell."""
    index: int | None = None
    """0 is the first place, -1 the last one."""


@dataclass(frozen=True, slots=True)
class Insert:
    """A new cell."""

    source: str
    place: Place
    cell_type: CellType = "code"


@dataclass(frozen=True, slots=True)
class Replace:
    """A part of a cell's text, which has to be there once."""

    cell: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class SetSource:
    """All of a cell's text."""

    cell: str
    source: str
    digest: str
    """Of the text that was read."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """An edit of a cell's text taken back; what somebody has written beside it since stays."""

    cell: str
    source: str
    """What the cell said before the edit."""
    edited: str
    """What it said afterwards."""


@dataclass(frozen=True, slots=True)
class Move:
    """A cell to another place."""

    cell: str
    place: Place


@dataclass(frozen=True, slots=True)
class Delete:
    """A cell away."""

    cell: str
    digest: str
    """Of the text that was read."""


@dataclass(frozen=True, slots=True)
class SetOutputs:
    """What a code cell shows, and its number."""

    cell: str
    outputs: tuple[Any, ...] = ()
    execution_count: int | None = None
    digest: str = ""
    """Of the text that they are of; empty for whatever the cell says."""


@dataclass(frozen=True, slots=True)
class Restore:
    """A cell that was taken away, with all it had."""

    content: NotebookNode
    place: Place


Edit: TypeAlias = Insert | Replace | SetSource | TakeBack | Move | Delete | SetOutputs | Restore


@dataclass(frozen=True, slots=True)
class Applied:
    """An edit that was made."""

    edit: Edit
    cell: str
    """Address of its cell afterwards; before it, where the cell is gone; empty where the cell has none yet."""
    undo: Edit
    """Takes it back, unless somebody has changed the cell since."""


def apply(
    notebook: Notebook, edits: Sequence[Edit], *, running: Collection[str] = (), end: int | None = None
) -> list[Applied]:
    """Make edits in a notebook, in their order.

    Parameters
    ----------
    notebook
        Changed in place.
    edits
        All are made, or none.
    running
        Addresses of cells whose code runs; their text is left alone.
    end
        How many of the cells count for the last place, -1; None for all.

    Raises
    ------
    EditRefusedError
        If one of them cannot be made.
    """
    cells = list(notebook.cells)
    before = [dict(cell) for cell in cells]
    done: list[Applied] = []
    try:
        for edit in edits:
            done.append(_Cells(notebook, running, end).make(edit))
            if end is not None:
                end += _growth(edit)
    except EditRefusedError:
        notebook.cells[:] = cells
        for cell, content in zip(cells, before, strict=True):
            cell.clear()
            cell.update(content)
        raise
    return done


def _growth(edit: Edit) -> int:
    return 1 if isinstance(edit, Insert | Restore) else -1 if isinstance(edit, Delete) else 0


CHANGED = "The cell {cell!r} was changed since it was read. Nothing was written."
LOCKED = "The cell {cell!r} is locked by its metadata, as 'editable' or 'deletable'. The user can unlock it, or add a cell."


class _Cells:
    """The cells of one notebook, for one edit."""

    def __init__(self, notebook: Notebook, running: Collection[str], end: int | None) -> None:
        self._notebook = notebook
        self._cells: list[NotebookNode] = notebook.cells
        self._running = running
        self._end = len(self._cells) if end is None else end

    def make(self, edit: Edit) -> Applied:
        match edit:
            case Insert():
                return self._insert(edit)
            case Replace(cell=cell, old=old, new=new):
                return self._set_source(edit, index_of(self._notebook, cell), self._replaced(edit, old, new))
            case SetSource(cell=cell, source=source):
                index = index_of(self._notebook, cell)
                self._check(index, edit.digest)
                return self._set_source(edit, index, source)
            case TakeBack(cell=cell):
                return self._set_source(edit, index_of(self._notebook, cell), self._taken_back(edit))
            case Move():
                return self._move(edit)
            case Delete():
                return self._delete(edit)
            case SetOutputs():
                return self._set_outputs(edit)
            case Restore(content=content, place=place):
                return self._put(edit, _node(content), place)

    def _insert(self, edit: Insert) -> Applied:
        cell: NotebookNode = _MAKERS[edit.cell_type](edit.source)
        if not has_ids(self._notebook):
            cell.pop("id", None)
        return self._put(edit, cell, edit.place)

    def _put(self, edit: Edit, cell: NotebookNode, place: Place) -> Applied:
        if cell.get("id") in {each.get("id") for each in self._cells} - {None}:
            raise EditRefusedError(f"The notebook has a cell {cell['id']!r} already.")
        self._cells.insert(self._index(place, self._end), cell)
        return Applied(edit, address(cell), Delete(address(cell), digest(cell.source)))

    def _replaced(self, edit: Replace, old: str, new: str) -> str:
        source: str = self._cells[index_of(self._notebook, edit.cell)].source
        times = source.count(old) if old else 0
        if times == 1:
            return source.replace(old, new)
        if not old:
            raise EditRefusedError(
                "Say which part of the cell is to be replaced; to write all of it anew, update it."
            )
        what = (
            "does not have that text"
            if not times
            else f"has that text {times} times; give more of what is around it"
        )
        raise EditRefusedError(f"The cell {edit.cell!r} {what}.", current=source)

    def _taken_back(self, edit: TakeBack) -> str:
        now: str = self._cells[index_of(self._notebook, edit.cell)].source
        source = taken_back(edit.source, edit.edited, now)
        if source is None:
            raise EditRefusedError(CHANGED.format(cell=edit.cell), current=now)
        return source

    def _set_source(self, edit: Edit, index: int, source: str) -> Applied:
        cell = self._cells[index]
        self._check(index, None)
        if cell.metadata.get("editable") is False:
            raise EditRefusedError(LOCKED.format(cell=address(cell)))
        before, cell.source = cell.source, source
        return Applied(edit, address(cell), TakeBack(address(cell), before, source))

    def _move(self, edit: Move) -> Applied:
        index = index_of(self._notebook, edit.cell)
        if edit.place.after == edit.cell:
            raise EditRefusedError(f"The cell {edit.cell!r} cannot go behind itself.")
        back = self._place_of(index)
        cell = self._cells.pop(index)
        self._cells.insert(self._index(edit.place, self._end - (index < self._end)), cell)
        return Applied(edit, edit.cell, Move(edit.cell, back))

    def _delete(self, edit: Delete) -> Applied:
        index = index_of(self._notebook, edit.cell)
        self._check(index, edit.digest)
        if self._cells[index].metadata.get("deletable") is False:
            raise EditRefusedError(LOCKED.format(cell=edit.cell))
        back = self._place_of(index)
        return Applied(edit, edit.cell, Restore(self._cells.pop(index), back))

    def _set_outputs(self, edit: SetOutputs) -> Applied:
        index = index_of(self._notebook, edit.cell)
        cell = self._cells[index]
        if cell.cell_type != "code":
            raise EditRefusedError(
                f"The cell {edit.cell!r} is {cell.cell_type}; only code cells have outputs."
            )
        if edit.digest and digest(cell.source) != edit.digest:
            raise EditRefusedError(
                f"The cell {edit.cell!r} was changed after its code began; its outputs would be of another text.",
                current=cell.source,
            )
        undo = SetOutputs(edit.cell, tuple(cell.outputs), cell.execution_count, digest(cell.source))
        cell.outputs, cell.execution_count = (
            [from_dict(output) for output in edit.outputs],
            edit.execution_count,
        )
        return Applied(edit, edit.cell, undo)

    def _check(self, index: int, expected: str | None) -> None:
        """Refuse what was meant for another text, or while the cell's code runs."""
        cell = self._cells[index]
        if address(cell) in self._running:
            raise EditRefusedError(f"The cell {address(cell)!r} is running. Edit it when it has ended.")
        if expected is not None and digest(cell.source) != expected:
            raise EditRefusedError(CHANGED.format(cell=address(cell)), current=cell.source)

    def _index(self, place: Place, end: int) -> int:
        if place.after:
            try:
                return index_of(self._notebook, place.after) + 1
            except EditRefusedError:
                if place.index is None:  # else it goes about where it was
                    raise
        index = place.index
        if index is None:
            raise EditRefusedError("Say where the cell is to go: after another one, or to an index.")
        if not place.after and not -1 <= index <= len(self._cells):
            raise EditRefusedError(
                f"{index} is no place in this notebook: 0 to {len(self._cells)}, or -1 for the end."
            )
        return end if index == -1 else min(index, len(self._cells))

    def _place_of(self, index: int) -> Place:
        return Place(address(self._cells[index - 1]) if index else "", index)


def _node(content: Any) -> NotebookNode:
    """A copy, as nbformat has it."""
    node: NotebookNode = _from_dict(content)
    return node
