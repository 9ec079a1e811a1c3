"""Which cells of a notebook may be out of date: they were run before what they need changed.

A `Staleness` belongs to a document. It knows of names that were changed outside cells, and of when cells were run; what
the cells give and need it reads from their syntax trees. It says "may be", never more: a name that is bound again may have
the value it had, and a method may change nothing.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable

from neuroworkflow_agent.notebook_metadata import language_of
from neuroworkflow_agent.notebooks.cells import address, digest
from neuroworkflow_agent.notebooks.names import CellNames, cell_names
from neuroworkflow_agent.notebooks.reading import Notebook

_MAX_CELLS = 2_000
_names = functools.lru_cache(maxsize=4 * _MAX_CELLS)(cell_names)


class Staleness:
    """Of one notebook."""

    def __init__(self) -> None:
        self._clock = itertools.count(1)
        self._changed: dict[str, int] = {}
        """When names were last changed outside cells."""
        self._seen: dict[str, tuple[int | None, str, int]] = {}
        """Of each cell: its number and the digest of its text when it was looked at last, and since when it has that number."""

    def note_changed(self, names: Iterable[str]) -> None:
        """Names were bound or changed by code that is in no cell."""
        now = next(self._clock)
        self._changed |= dict.fromkeys(names, now)

    def note_ran(self, cell: str, number: int | None, source: str) -> None:
        """A cell was run, and got its number, with a text that it may not have any more."""
        self._seen[cell] = (number, digest(source), next(self._clock))

    def of(self, notebook: Notebook) -> frozenset[str]:
        """Addresses of the cells that were run and may be out of date."""
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:_MAX_CELLS]
        if language_of(notebook).lower() != "python":
            return frozenset()
        stale: set[str] = set()
        stirred: dict[str, float] = dict(self._changed)
        """When names changed; cells further down see it so."""
        given: dict[str, int] = {}
        """Numbers of the cells above that gave or altered names."""
        for cell in cells:
            cell_address, number = address(cell), cell.get("execution_count")
            ran_at, is_edited = self._looked_at(cell_address, number, cell.source)
            if not number:
                continue
            names = _names(cell.source)
            may_be = is_edited or _needs_newer(names, ran_at, number, stirred, given)
            if may_be:
                stale.add(cell_address)
            for name in names.gives | names.alters:
                if may_be:
                    stirred[name] = math.inf
                elif stirred.get(name, 0) <= ran_at or stirred[name] == math.inf:
                    stirred.pop(name, None)
                given[name] = max(number, given.get(name, 0)) if name in names.alters else number
        return frozenset(stale)

    def _looked_at(self, cell: str, number: int | None, source: str) -> tuple[int, bool]:
        """Since when the cell has its number, and whether its text was changed since."""
        before = self._seen.get(cell)
        found = digest(source)
        if before is None or before[0] != number:
            since = next(self._clock) if before is not None else 0
            self._seen[cell] = (number, found, since)
            return since, False
        return before[2], before[1] != found


def _needs_newer(
    names: CellNames, ran_at: int, number: int, stirred: dict[str, float], given: dict[str, int]
) -> bool:
    """Whether something that a cell needs changed after it was run."""
    return any(
        stirred.get(name, 0) > ran_at or given.get(name, 0) > number for name in names.needs | names.alters
    )
