"""Events as the lines of an event log, and back. A line says of which turn it is and when it happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from neuroworkflow_agent.engine.log_pictures import with_pictures_back, with_pictures_beside
from neuroworkflow_agent.events import CellOutput, Event, TextDelta, ThinkingDelta, decode, encode
from neuroworkflow_agent.ids import TurnId
from neuroworkflow_agent.outputs import join_texts
from neuroworkflow_agent.text import clip, map_texts

_MAX_TEXT_CHARS = 1_000_000
"""Of one text in it."""

Record = tuple[TurnId, float, Event]
"""A turn's id, when something happened in seconds since 1970, and what."""


def written_line(record: Record, path: Path, hide: Callable[[str], str]) -> bytes:
    """A record as a line of the log at `path`; its pictures are written beside that.

    Parameters
    ----------
    hide
        Applied to every text; takes known secrets out.
    """
    turn_id, at, event = record
    data = encode(event)
    if isinstance(event, CellOutput):
        data["change"] = with_pictures_beside(data["change"], path)
    shown = map_texts(data, lambda text: clip(hide(text), _MAX_TEXT_CHARS))
    line = json.dumps({"turn": turn_id, "at": round(at, 3), **shown}, ensure_ascii=False)
    return line.encode("utf-8", "replace") + b"\n"


def joined(records: Iterable[Record]) -> Iterator[Record]:
    """Neighbouring pieces of one text, and of one cell's output, as one record."""
    held: list[Record] = []
    for record in records:
        if held and not _belong_together(held[-1], record):
            yield from _as_one(held)
            held = []
        held.append(record)
    yield from _as_one(held)


def _belong_together(first: Record, second: Record) -> bool:
    one, other = first[2], second[2]
    if first[0] != second[0] or type(one) is not type(other):
        return False
    if isinstance(one, CellOutput) and isinstance(other, CellOutput):
        return one.tool_use_id == other.tool_use_id
    return isinstance(one, TextDelta | ThinkingDelta)


def _as_one(records: list[Record]) -> Iterator[Record]:
    if not records:
        return
    turn_id, at, first = records[0]
    match first:
        case TextDelta():
            yield turn_id, at, TextDelta("".join(e.text for _, _, e in records if isinstance(e, TextDelta)))
        case ThinkingDelta():
            texts = (e.text for _, _, e in records if isinstance(e, ThinkingDelta))
            yield turn_id, at, ThinkingDelta("".join(texts))
        case CellOutput(tool_use_id=tool_use_id):
            changes = join_texts([e.change for _, _, e in records if isinstance(e, CellOutput)])
            yield from ((turn_id, at, CellOutput(tool_use_id, change)) for change in changes)
        case _:
            yield from records


def read_line(line: bytes, path: Path) -> Record | None:
    """A record; None for what a kill or a full disk has left."""
    try:
        data = json.loads(line)
        turn_id, at = TurnId(str(data.pop("turn"))), float(data.pop("at"))
        if "change" in data:
            data["change"] = with_pictures_back(data["change"], path)
        return turn_id, at, decode(data)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def ends_with(line: bytes, message_id: str) -> bool:
    """Whether a line is the end of the turn whose last message has this id."""
    try:
        return bool(json.loads(line).get("last_message_id") == message_id)
    except (ValueError, AttributeError):
        return False


def turn_of(line: bytes) -> str:
    """The id of the turn that a line belongs to; empty for what is no line."""
    try:
        return str(json.loads(line)["turn"])
    except (ValueError, TypeError, KeyError):
        return ""
