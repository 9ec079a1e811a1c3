"""In which cells others have their cursors, as JupyterLab's pages tell everybody in a room.

A cursor is told as the place before a character, or as the end of a text, by ids of Yjs; what others tell is looked at before it
is used, since pycrdt ends on ids that it does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from jupyter_ydoc import YNotebook
from pycrdt import Assoc, Decoder, Doc, StickyIndex, Text

_MOST = 8
"""How many cursors of one person count."""
_Id = tuple[int, int]


def cells_with_cursors(document: YNotebook, states: Iterable[Any]) -> frozenset[str]:
    """Ids of the cells in which there are cursors.

    Parameters
    ----------
    states
        What others tell of themselves, as they tell it.
    """
    heads = [head for state in states for head in _heads(state)]
    if not heads:
        return frozenset()
    ends = {found for head in heads if (found := _id(head.get("type")))}
    characters = {found for head in heads if (found := _id(head.get("item")))}
    places = [(each, _index(document.ydoc, each)) for each in _there(document.ydoc, characters)]
    return frozenset(
        str(cell.get("id"))
        for cell in document.ycells
        if isinstance(text := cell.get("source"), Text) and _is_in(text, ends, places)
    )


def _is_in(text: Text, ends: Collection[_Id], places: Iterable[tuple[_Id, int]]) -> bool:
    if _id(text.sticky_index(0, Assoc.BEFORE).to_json().get("type")) in ends:
        return True
    length = len(text)
    return any(
        index < length and _id(text.sticky_index(index, Assoc.AFTER).to_json().get("item")) == character
        for character, index in places
    )


def _heads(state: Any) -> Iterator[dict[str, Any]]:
    cursors = state.get("cursors") if isinstance(state, dict) else None
    for cursor in cursors[:_MOST] if isinstance(cursors, list) else ():
        head = cursor.get("head") if isinstance(cursor, dict) else None
        if isinstance(head, dict):
            yield head


def _id(told: Any) -> _Id | None:
    if not isinstance(told, dict):
        return None
    client, clock = told.get("client"), told.get("clock")
    return (client, clock) if type(client) is int and type(clock) is int and client >= 0 <= clock else None


def _there(doc: Doc[Any], characters: Collection[_Id]) -> list[_Id]:
    """Those that a document has, and that are not deleted."""
    if not characters:
        return []
    decoder = Decoder(doc.get_state())
    count = decoder.read_var_uint()
    known = {decoder.read_var_uint(): decoder.read_var_uint() for _ in range(count)}
    decoder = Decoder(doc.get_update(doc.get_state()))
    if decoder.read_var_uint():  # it waits for what others have changed before
        return []
    deleted: dict[int, list[range]] = {}
    for _ in range(decoder.read_var_uint()):
        of_client = deleted.setdefault(decoder.read_var_uint(), [])
        for _ in range(decoder.read_var_uint()):
            start = decoder.read_var_uint()
            of_client.append(range(start, start + decoder.read_var_uint()))
    return [
        (client, clock)
        for client, clock in characters
        if clock < known.get(client, 0) and not any(clock in gone for gone in deleted.get(client, ()))
    ]


def _index(doc: Doc[Any], character: _Id) -> int:
    """Where a character stands in the text that it is in."""
    client, clock = character
    place = StickyIndex.from_json({"item": {"client": client, "clock": clock}, "assoc": int(Assoc.AFTER)})
    with doc.transaction() as transaction:
        return place.get_index(transaction)
