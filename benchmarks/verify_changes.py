"""Notebooks made bad on purpose: one cell deleted, moved or edited, the outputs left as they were. Pure."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
_OPERATOR = re.compile(r"(?<= )[-+*/<>](?= )")
_TRUTH = re.compile(r"\b(?:True|False)\b")
_OTHER = {"+": "-", "-": "+", "*": "+", "/": "*", "<": ">", ">": "<", "True": "False", "False": "True"}


def changes(notebook: Any, chance: random.Random, number: int) -> Iterator[tuple[str, Any]]:
    """Copies with one change each, and what it is; as many of each kind, where the notebook has room for them."""
    kinds = list(_CHANGES)
    chance.shuffle(kinds)
    made, seen = 0, {_sources(notebook)}
    for attempt in range(number * 6):
        kind = kinds[attempt % len(kinds)]
        changed = copy.deepcopy(notebook)
        if len(_code(changed)) < 3 or not _CHANGES[kind](changed, chance) or _sources(changed) in seen:
            continue
        seen.add(_sources(changed))
        yield kind, changed
        made += 1
        if made == number:
            return


def _delete(notebook: Any, chance: random.Random) -> bool:
    del notebook.cells[chance.choice(_code(notebook)[:-1])]
    return True


def _move(notebook: Any, chance: random.Random) -> bool:
    """A cell goes below another one, or above."""
    at, to = chance.sample(_code(notebook), 2)
    notebook.cells.insert(to, notebook.cells.pop(at))
    return True


def _edit(notebook: Any, chance: random.Random) -> bool:
    """A number, an operator or a truth is another one."""
    cell = _python(notebook, chance)
    places = [*_NUMBER.finditer(cell.source), *_OPERATOR.finditer(cell.source), *_TRUTH.finditer(cell.source)]
    if not places:
        return False
    place = chance.choice(places)
    new = _OTHER.get(place[0]) or (
        f"{float(place[0]) * 1.5:g}" if "." in place[0] else str(int(place[0]) + 1)
    )
    cell.source = cell.source[: place.start()] + new + cell.source[place.end() :]
    return True


def _cut(notebook: Any, chance: random.Random) -> bool:
    """A line goes."""
    cell = _python(notebook, chance)
    lines = cell.source.split("\n")
    at = chance.randrange(len(lines))
    if len(lines) < 2 or not lines[at].strip() or lines[at].lstrip().startswith(("#", "%", "def ", "class ")):
        return False
    cell.source = "\n".join(lines[:at] + lines[at + 1 :])
    return True


_CHANGES: dict[str, Callable[[Any, random.Random], bool]] = {
    "delete": _delete,
    "move": _move,
    "edit": _edit,
    "cut": _cut,
}


def _python(notebook: Any, chance: random.Random) -> Any:
    return notebook.cells[chance.choice(_code(notebook))]


def _code(notebook: Any) -> list[int]:
    """Places of the code cells with a text."""
    return [at for at, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]


def _sources(notebook: Any) -> tuple[str, ...]:
    return tuple(notebook.cells[at].source for at in _code(notebook))
